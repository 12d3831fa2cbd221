"""What searches ask of an index of words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.text.candidates import Best, Strict
from hybrid_store.backends.postgresql.text.conditions import NEVER, Condition, any_of, fulfils
from hybrid_store.backends.postgresql.text.lexemes import GAP
from hybrid_store.backends.postgresql.text.names import key_columns, name_of, quoted
from hybrid_store.backends.postgresql.text.scoring import idf, score
from hybrid_store.backends.postgresql.text.statistics import Statistics, read
from hybrid_store.backends.postgresql.text.vocabulary import Numbers, vocabulary
from hybrid_store.backends.texts import Ranked, TextSpec
from hybrid_store.texts.query import Clause, TextQuery

__all__ = ["matching", "ranked"]

# Of a smaller share of the documents, or of more of them, all are looked at.
LEAST_SHARE, MOST_NEEDED = 0.02, 2_500
# So many times as many of the best are given as have to be found, and not fewer than this: other
# conditions may leave less than their share of them.
GIVEN, LEAST_GIVEN = 3, 100


def matching(
    connection: BaseDatabaseWrapper, spec: TextSpec, clauses: Sequence[Clause]
) -> tuple[str, Sequence[Any]]:
    """See `BaseTextOperations.matching`."""
    known = vocabulary(connection, spec, clauses)
    condition = fulfils([known.clause(clause) for clause in clauses])
    keys = ", ".join(f"s.{key}" for key in key_columns(spec))
    sql = f"SELECT {keys} FROM {_table(spec)} s WHERE {condition.sql}"  # noqa: S608
    return sql, condition.params


def ranked(
    connection: BaseDatabaseWrapper,
    spec: TextSpec,
    query: TextQuery,
    schema: str,
    wanted: int | None,
    share: float,
) -> Ranked:
    """See `BaseTextOperations.ranked`; `schema` is that of pgvector's names."""
    known = vocabulary(connection, spec, query.clauses, query.words)
    counted = known.counted(query.words)
    clauses = [known.clause(clause) for clause in query.clauses]
    of_clauses = {number for clause in clauses for term in clause for number in term}
    statistics = read(connection, spec.name, sorted({*counted, *of_clauses} - {GAP}))
    weights = {
        number: idf(statistics, number) * count
        for number, count in counted.items()
        if statistics.frequency(number)
    }
    if not weights:
        return _ranked(spec, NEVER, Condition("0.0::float8"), NEVER)
    scored, among, limit = score(statistics, weights, schema), any_of(weights), None
    if spec.tokenizer == "trigrams":
        # Not one trigram of a word, but all of them, one after the other.
        among = fulfils([[numbers for word in query.words if (numbers := known.numbers([word]))]])
    elif wanted is not None and statistics.is_large and share >= LEAST_SHARE:
        strict = _strict(statistics, clauses)
        chosen, limit = _best(Best(statistics, weights, wanted / share), strict)
        among = chosen or among
    return _ranked(spec, fulfils(clauses), scored, among, limit)


def _best(best: Best, strict: Strict | None) -> tuple[Condition | None, int | None]:
    """The documents that are looked at, None for all with any of the words, and how many of the
    best of them are given, None for all."""
    if best.needed > MOST_NEEDED:
        return None, None
    given = max(LEAST_GIVEN, math.ceil(GIVEN * best.needed))
    chosen = best.candidates(strict)
    return chosen, None if chosen is None and best.matches <= given else given


def _strict(statistics: Statistics, clauses: Sequence[Sequence[Numbers]]) -> Strict | None:
    """What the documents have that fulfil all clauses; None if no document can."""
    words: list[int] = []
    groups: list[Numbers] = []
    for clause in clauses:
        terms = [[number for number in term if number != GAP] for term in clause]
        possible = [term for term in terms if all(map(statistics.frequency, term))]
        if not possible:
            return None
        if len(possible) == 1:
            words += possible[0]
        else:
            groups.append(tuple(min(term, key=statistics.frequency) for term in possible))
    return Strict(tuple(words), groups)


def _ranked(
    spec: TextSpec,
    strict: Condition,
    scored: Condition,
    among: Condition,
    limit: int | None = None,
) -> Ranked:
    keys = ", ".join(f"s.{key}" for key in key_columns(spec))
    sql = (
        f"SELECT {keys}, ({strict.sql})::int AS strict, {scored.sql} AS score "  # noqa: S608
        f"FROM {_table(spec)} s WHERE {among.sql}"
    )
    if limit is not None:
        sql = f"{sql} ORDER BY strict DESC, score DESC, {keys} LIMIT {limit}"
    return Ranked(f"({sql})", (*strict.params, *scored.params, *among.params), limit is None)


def _table(spec: TextSpec) -> str:
    return quoted(name_of("text", spec.name))
