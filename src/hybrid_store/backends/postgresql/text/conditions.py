"""SQL of what documents fulfil."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hybrid_store.backends.postgresql.text.lexemes import GAP
from hybrid_store.backends.postgresql.text.vocabulary import Numbers

__all__ = ["NEVER", "Condition", "all_of", "any_of", "conjunction", "disjunction", "fulfils"]


@dataclass(frozen=True)
class Condition:
    """SQL about a document, which is called `s`, and its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


NEVER = Condition("false")


def conjunction(conditions: Sequence[Condition]) -> Condition:
    """All of one or more conditions."""
    return _joined(" AND ", conditions)


def disjunction(conditions: Sequence[Condition]) -> Condition:
    """Any of some conditions."""
    return _joined(" OR ", conditions) if conditions else NEVER


def _joined(operator: str, conditions: Sequence[Condition]) -> Condition:
    if len(conditions) == 1:
        return conditions[0]
    sql = operator.join(condition.sql for condition in conditions)
    return Condition(f"({sql})", tuple(value for one in conditions for value in one.params))


def all_of(terms: Iterable[int]) -> Condition:
    return Condition("s.terms @> %s::int[]", (_sorted(terms),))


def any_of(terms: Iterable[int]) -> Condition:
    return Condition("s.terms && %s::int[]", (_sorted(terms),))


def _sorted(terms: Iterable[int]) -> list[int]:
    return sorted({*terms})


def fulfils(clauses: Sequence[Sequence[Numbers]]) -> Condition:
    """Of every clause, a document has one of the terms; it has single words by the index."""
    if not all(clauses):
        return NEVER
    words = [clause[0][0] for clause in clauses if _is_word(clause)]
    others = [_alternatives(clause) for clause in clauses if not _is_word(clause)]
    return conjunction([*([all_of(words)] if words else []), *others])


def _is_word(clause: Sequence[Numbers]) -> bool:
    return len(clause) == 1 and len(clause[0]) == 1


def _alternatives(clause: Sequence[Numbers]) -> Condition:
    words = [term[0] for term in clause if len(term) == 1]
    phrases = [_phrase(term) for term in clause if len(term) > 1]
    return disjunction([*([any_of(words)] if words else []), *phrases])


def _phrase(term: Numbers) -> Condition:
    """The words one after the other. Their numbers are looked for as bytes, also such as begin
    within a number: to find two numbers so is less likely than that words share one."""
    data = b"".join(number.to_bytes(4, "big") for number in term)
    follows = Condition("position(%s::bytea IN s.words) > 0", (data,))
    return conjunction([all_of(number for number in term if number != GAP), follows])
