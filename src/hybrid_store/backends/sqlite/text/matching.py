"""Queries in the language of FTS5. Words stand in quotation marks, where nothing has meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hybrid_store.texts.query import Clause, Term

__all__ = ["all_of", "any_of"]


def any_of(words: Iterable[str]) -> str:
    """Documents with one of the words."""
    return " OR ".join(map(_string, words))


def all_of(clauses: Sequence[Clause]) -> str:
    """Documents that fulfil all clauses."""
    return " AND ".join(f"({' OR '.join(map(_phrase, clause.terms))})" for clause in clauses)


def _phrase(term: Term) -> str:
    return _string(" ".join(term.words))


def _string(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))
