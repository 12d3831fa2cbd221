"""How many documents there are, how long they are, and how many have a word.

In a small table that is counted for every search. Of a large one it is what ANALYZE has found, read
once in a while; words that are too rare for that are counted, once in a while too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.quiet import quiet_cursor
from hybrid_store.backends.postgresql.text.functions import TIERS, tier
from hybrid_store.backends.postgresql.text.names import name_of, quoted
from hybrid_store.backends.postgresql.text.vocabulary import place_of

__all__ = ["Statistics", "forget", "read"]

# Up to so many documents are counted for every search.
SMALL = 5_000
# About how many documents a page has, where a table was never analyzed.
DOCUMENTS_A_PAGE = 6
# For how many seconds what is known of a large table is kept.
KEPT = 60.0

# A transaction that began before the table was made anew does not see its row.
SIZE = """
WITH size AS MATERIALIZED (
    SELECT asked.oid::bigint, coalesce(pg_relation_size(c.oid), 0)
        / current_setting('block_size')::int
        * CASE WHEN reltuples > 0 AND relpages > 0 THEN reltuples / relpages ELSE {a_page} END
        AS documents
    FROM (SELECT %s::regclass AS oid) asked LEFT JOIN pg_class c ON c.oid = asked.oid
)
SELECT oid, documents, CASE WHEN documents <= {small} THEN
    (SELECT ARRAY[count(*), coalesce(sum(len), 0)] FROM {table}) || ARRAY({counts}) END
FROM size
"""
COUNTS = """
SELECT (SELECT count(*) FROM {table} WHERE terms @> ARRAY[term])
FROM unnest(%s::int[]) WITH ORDINALITY AS asked (term, n) ORDER BY n
"""
ANALYZED = """
SELECT {average}(), w.most_common_elems::text::int[], w.most_common_elem_freqs,
    l.most_common_vals::text::int[], l.most_common_freqs, l.histogram_bounds::text::int[]
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
LEFT JOIN pg_stats w ON (w.schemaname, w.tablename, w.attname) = (nspname, relname, 'terms')
LEFT JOIN pg_stats l ON (l.schemaname, l.tablename, l.attname) = (nspname, relname, 'len')
WHERE c.oid = %s
"""
AVERAGE = "SELECT avg(len)::float8 FROM {table}"


@dataclass(frozen=True)
class Statistics:
    """What is known of an index when it is searched.

    `made_with` is the average length that the impacts of documents were made with, None where it
    may differ from one to the other.
    """

    documents: float
    average: float
    made_with: float | None
    # Term -> how many documents have it.
    counted: Mapping[int, float]
    # Term -> the share of documents that have it, where ANALYZE has found that.
    shares: Mapping[int, float] = field(default_factory=dict)
    # Is the table too large to be counted for every search?
    is_large: bool = False

    @property
    def drift(self) -> float | None:
        """The average length, as a multiple of that which impacts were made with."""
        return None if self.made_with is None else self.average / self.made_with

    def frequency(self, term: int) -> float:
        """How many documents have a term; 0 of a tier that is too rare to be known of."""
        if term in self.counted:
            return self.counted[term]
        return self.documents * self.shares.get(term, 0.0)


@dataclass(frozen=True)
class _Known:
    """What is kept of a large table; what was counted since is added."""

    time: float
    made_with: float
    average: float
    shares: Mapping[int, float]
    counted: dict[int, float] = field(default_factory=dict)

    def lacks(self, terms: Sequence[int]) -> list[int]:
        """The terms that have to be counted, with their tiers where nothing was analyzed."""
        if not self.shares:
            terms = [tier(term, level) for term in terms for level in range(len(TIERS) + 1)]
        return [term for term in terms if term not in self.shares and term not in self.counted]


# By the place of the database and the number of the table in it.
_known: dict[tuple[Any, ...], _Known] = {}


def read(connection: BaseDatabaseWrapper, index: str, terms: Sequence[int]) -> Statistics:
    """What is known of the index of that name, the frequencies of the words `terms` included."""
    table = quoted(name_of("text", index))
    counts = COUNTS.format(table=table)
    sql = SIZE.format(small=SMALL, a_page=DOCUMENTS_A_PAGE, table=table, counts=counts)
    oid, documents, counted = _row(connection, sql, [table, [*terms]])
    if counted is None:
        return _of_large(connection, index, oid, documents, terms)
    documents, length, *frequencies = counted
    known = dict(zip(terms, frequencies, strict=True))
    return Statistics(documents, length / max(documents, 1), None, known)


def _of_large(
    connection: BaseDatabaseWrapper, index: str, oid: int, documents: float, terms: Sequence[int]
) -> Statistics:
    known = _known_of(connection, index, oid)
    lacking = known.lacks(terms)
    if lacking:
        sql = COUNTS.format(table=quoted(name_of("text", index)))
        counts = _rows(connection, sql, [lacking])
        known.counted.update(zip(lacking, (count for (count,) in counts), strict=True))
    return Statistics(
        documents, known.average, known.made_with, known.counted, known.shares, is_large=True
    )


def _known_of(connection: BaseDatabaseWrapper, index: str, oid: int) -> _Known:
    for key, old in list(_known.items()):
        if time.monotonic() - old.time > KEPT:
            _known.pop(key, None)
    key = (*place_of(connection), oid)
    known = _known.get(key)
    if known is None:
        known = _known[key] = _analyzed(connection, index, oid)
    return known


def _analyzed(connection: BaseDatabaseWrapper, index: str, oid: int) -> _Known:
    """What ANALYZE has found."""
    average = quoted(name_of("average", index))
    row = _row(connection, ANALYZED.format(average=average), [oid])
    made_with, terms, shares, values, frequencies, bounds = row
    if values or bounds:
        mean = _mean(values or [], frequencies or [], bounds or [])
    else:
        [mean] = _row(connection, AVERAGE.format(table=quoted(name_of("text", index))), [])
    # The shares are followed by the least and the greatest of them and that of NULL.
    found = dict(zip(terms or [], shares or [], strict=False))
    return _Known(time.monotonic(), made_with, mean or made_with, found)


def _mean(values: Sequence[int], shares: Sequence[float], bounds: Sequence[int]) -> float:
    """The mean of a column with these common values, and of equally many others between bounds."""
    common = sum(value * share for value, share in zip(values, shares, strict=True))
    middles = [(low + high) / 2 for low, high in pairwise(bounds)]
    others = sum(middles) / len(middles) if middles else 0.0
    return common + (1 - sum(shares)) * others


def _row(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> Any:
    return _rows(connection, sql, params)[0]


def _rows(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> list[Any]:
    with quiet_cursor(connection) as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return rows


def forget() -> None:
    """Read everything anew."""
    _known.clear()
