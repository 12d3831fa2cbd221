"""Exact searches among proposed rows, where a database says among which the nearest must be."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from math import inf
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import F

from hybrid_store.backends import vector_ops
from hybrid_store.backends.indexes import IndexSpec, Proposals
from hybrid_store.models.experience import Experience, shape
from hybrid_store.models.late import LateValue
from hybrid_store.models.search_query import Outcome, SearchQuery, WithoutDistance
from hybrid_store.models.statements import Statements

__all__ = ["CertifiedSearch"]

# How many rows are proposed first, and how many for every one wanted.
LEAST_PROPOSED = 128
PROPOSED = 8
# How many times as many are proposed next: where no row matched, and beyond what matches promise.
GROWTH = 16
MARGIN = 1.5
# Where fewer rows match than one in so many, it is looked whether an index tells them all, if they
# are no more than these, or than one row in so many.
RARE = 16
MOST_MATCHING = 2000
MATCHING_SHARE = 64
# Where codes of so many numbers would be compared with the query, that is looked for first.
LARGE = 16_000_000
# A search that would compare more than this share of the rows reads the table instead.
MOST_SHARE = 4
# What filters of a kind have let through in this process.
experience = Experience()
# Name of the column that tells how far a row is, where a query does not select the distance.
DISTANCE = "_hybrid_store_distance"


class CertifiedSearch:
    """The rows of one search: proposed by the database, compared by a statement.

    A statement finds the nearest of the proposed rows under all conditions. They are the answer
    once the last one wanted is nearer than any row that was not proposed can be.
    """

    def __init__(
        self, compiler: Any, query: SearchQuery, index: IndexSpec, chunk_size: int
    ) -> None:
        self.ops = vector_ops(compiler.connection)
        self.query = query
        self.index = index
        self.statements = Statements(compiler, chunk_size)
        self.has_few = self.is_asked = False
        self.shows_distance = query.search.distance_as in query.annotation_select
        self.distance = query.search.distance_as if self.shows_distance else DISTANCE

    def fetch(self) -> Any:
        """One chunk of rows, or none where there are none, as of a cursor."""
        query, search = self.query, self.query.search
        near = search.near.vector() if isinstance(search.near, LateValue) else search.near
        near = search.field.codec.rounded(near)
        with self.ops.proposals(search.field.model, self.index, near) as proposals:
            rows = self._nearest(proposals) if proposals and self._may_tell(proposals) else None
            if rows is None:
                query.outcome = Outcome(exact=True)
                rows = self.statements.rows(query)
        return [rows] if rows else []

    def _nearest(self, proposals: Proposals) -> list[Any] | None:
        """The rows asked for; None where too many would have to be proposed."""
        size = proposals.rows * self.query.search.field.dimensions
        if size >= LARGE and self.query.is_filtered:
            few = self._few(proposals, covering=True)
            if few is not None:
                return self._nearest_of_few(few)
        return self._in_rounds(proposals)

    def _in_rounds(self, proposals: Proposals) -> list[Any] | None:
        query, most = self.query, proposals.rows // MOST_SHARE
        count, is_first = self._first(most), not query.is_filtered
        while count <= max(most, LEAST_PROPOSED):
            listed = proposals.nearest(query.needed) if is_first else proposals.best(count)
            rows, farthest = self._among(listed, proposals)
            if farthest < inf and not proposals.are_surpassed_by(farthest):
                rows, farthest = self._among(proposals.within(farthest), proposals)
            if self._is_complete(farthest, proposals):
                self._learn(proposals, farthest)
                return rows[int(query.low_mark) :]
            few = self._few(proposals) if len(rows) < count // RARE else None
            if few is not None:
                return self._nearest_of_few(few)
            count, is_first = count if is_first else self._next(count, len(rows)), False
        return None

    @cached_property
    def _kind(self) -> Hashable:
        return self.query.search.field, shape(self.query.where)

    def _first(self, most: int) -> int:
        """How many rows are proposed first."""
        expected = int(MARGIN * experience.expected(self._kind) * self.query.needed)
        return max(LEAST_PROPOSED, PROPOSED * self.query.needed, min(expected, most))

    def _learn(self, proposals: Proposals, farthest: float) -> None:
        if farthest < inf and self.query.is_filtered and not self.has_few:
            experience.learn(self._kind, proposals.count(farthest) / self.query.needed)

    def _nearest_of_few(self, few: Proposals) -> list[Any]:
        """Where no other rows than those proposed can match."""
        self.has_few = True
        rows = self._in_rounds(few) if few.rows > LEAST_PROPOSED else None
        if rows is None:
            rows = self._among(few.within(inf), few)[0][int(self.query.low_mark) :]
        return rows

    def _may_tell(self, proposals: Proposals) -> bool:
        """Are all rows proposed that come before those with a distance?"""
        come_first = self.query.without_distance is WithoutDistance.COME_FIRST
        return not (come_first and proposals.lacks_distances)

    def _is_complete(self, farthest: float, proposals: Proposals) -> bool:
        """Is any row wanted among those proposed?"""
        if self.query.without_distance is WithoutDistance.COME_LAST and farthest == inf:
            return False
        return proposals.are_surpassed_by(min(farthest, self.query.greatest_distance))

    def _few(self, proposals: Proposals, covering: bool = False) -> Proposals | None:
        """Proposals of all rows that match, where an index tells them and they are few."""
        if self.has_few or self.is_asked:
            return None
        most = max(MOST_MATCHING, proposals.rows // MATCHING_SHARE)
        matching = self.query.matching(proposals.key, most + 1)
        try:
            sql, params = matching.get_compiler(connection=self.ops.connection).as_sql()
        except EmptyResultSet:
            return proposals.only([])
        keys = self.ops.keys_by_index(sql, params, covering=covering)
        if keys is None or len(keys) > most:
            # They are asked for once more at most: where the index need not cover all.
            self.is_asked = keys is not None or not covering
            return None
        return proposals.only(keys)

    def _next(self, count: int, matches: int) -> int:
        if not matches:
            return GROWTH * count
        return max(2 * count, int(MARGIN * count * self.query.needed / matches))

    def _among(self, rows: str, proposals: Proposals) -> tuple[list[Any], float]:
        """The nearest of those rows, and how far the last is: infinitely, if some are missing."""
        query = self.query.among(proposals.condition, rows)
        if not self.shows_distance:
            query.add_annotation(F(query.search.distance_as), DISTANCE)
        found, compiler = self.statements.rows(query), self.statements.last
        self.query.outcome = Outcome(True, index=self.index.name, compared=proposals.proposed)
        place = compiler.annotation_col_map[self.distance]
        last = found[-1][place] if len(found) == self.query.needed else None
        if not self.shows_distance:
            found = [row[:-1] for row in found]
            _forget_last_column(compiler)
        return found, inf if last is None else last


def _forget_last_column(compiler: Any) -> None:
    compiler.select = compiler.select[:-1]
    compiler.col_count -= 1
    del compiler.annotation_col_map[DISTANCE]
