"""The `Query` of a ranked queryset: what happens when its rows are fetched.

Late vectors are computed before a cursor is opened, an index that stopped early is not believed,
and the first query of a process also tells whether the table holds vectors of other spaces.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, F, Value
from django.db.models.sql import Query
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from hybrid_store.backends import vector_ops
from hybrid_store.models import spaces
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.late import LateValue
from hybrid_store.models.targets import QueryVector
from hybrid_store.models.tuning import exact_by_settings

__all__ = ["Search", "SearchQuery"]

# Name of the column of `_fetch_and_look`.
LOOK = "_hybrid_store_other_spaces"


@dataclass(frozen=True)
class Search:
    """What a ranked queryset is near to, and the annotation that it is ordered by."""

    field: BaseVectorField
    near: QueryVector
    distance_as: str

    def prepare(self) -> None:
        """Compute a late vector now."""
        if isinstance(self.near, LateValue):
            self.near.prepare()


class SearchQuery(Query):
    """A query whose compiler, on any database, is a `SearchCompiler`."""

    search: Search

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> Any:
        compiler = super().get_compiler(using, connection, elide_empty)
        compiler.__class__ = _search_compiler(cast("Any", type(compiler)))
        return compiler

    @property
    def is_nearest_first(self) -> bool:
        """Is it still ordered as the search left it?"""
        return self.order_by[:1] == (self.search.distance_as,) and bool(self.standard_ordering)

    @property
    def is_plain(self) -> bool:
        """Can a column be added without changing which rows there are?"""
        return not (self.distinct or self.group_by or self.combinator)

    @property
    def wanted(self) -> int | None:
        """How many rows a slice asks for; None for all there are."""
        return None if self.high_mark is None else int(self.high_mark - self.low_mark)

    def exactly(self) -> SearchQuery:
        """The same rows in the same order, from no approximate index.

        An index is only used to order by the very distance it was built for: adding zero is none.
        """
        exact = cast(SearchQuery, self.clone())
        exact.order_by = (F(self.search.distance_as) + Value(0.0), *self.order_by[1:])
        return exact

    def by_distance_alone(self) -> SearchQuery:
        """The same rows, ties in no certain order."""
        untied = cast(SearchQuery, self.clone())
        untied.order_by = self.order_by[:1]
        return untied


class SearchCompiler:
    """Mixed into the compiler of any database."""

    query: SearchQuery
    connection: Any
    using: str | None

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        ops = vector_ops(self.connection)
        if ops.index_may_lose_rows and self.query.is_nearest_first:
            if self.query.subquery or self.query.wanted is None or exact_by_settings():
                # Nobody counts the rows of the first two, so they are exact from the start.
                self.query = self.query.exactly()
            elif not ops.index_breaks_ties:
                self.query = self.query.by_distance_alone()
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

    def execute_sql(
        self,
        result_type: str = MULTI,
        chunked_fetch: bool = False,
        chunk_size: int = GET_ITERATOR_CHUNK_SIZE,
    ) -> Any:
        if result_type != MULTI or self.query.subquery or self.query.explain_info:
            return self._fetch(result_type, chunked_fetch, chunk_size)
        self.query.search.prepare()
        field = self.query.search.field
        if not isinstance(field, EmbeddingField):
            return self._fetch_all_wanted(chunked_fetch, chunk_size)
        if self.query.is_plain and not (chunked_fetch or spaces.looked_at(field, self._alias)):
            chunks = self._fetch_and_look(field, chunk_size)
        else:
            chunks = self._fetch_all_wanted(chunked_fetch, chunk_size)
        return _or_refused(chunks, field, self._alias)

    def _fetch(self, *args: Any) -> Any:
        return super().execute_sql(*args)  # type: ignore[misc]

    def _fetch_all_wanted(self, chunked_fetch: bool, chunk_size: int) -> Any:
        """Chunks of rows. Fewer than asked for, from an index, are fetched once more without it."""
        query, may_lose_rows = self.query, vector_ops(self.connection).index_may_lose_rows
        may_lose_rows = may_lose_rows and query.is_nearest_first and not exact_by_settings()
        if query.wanted is None or not may_lose_rows:
            return self._fetch(MULTI, chunked_fetch, chunk_size)
        chunks = self._fetch(MULTI, False, chunk_size)
        if sum(map(len, chunks)) >= query.wanted:
            return chunks
        exact = query.exactly().get_compiler(self.using, self.connection)
        return exact._fetch(MULTI, False, chunk_size)

    def _fetch_and_look(self, field: EmbeddingField, chunk_size: int) -> list[Any]:
        """All rows, by a query with one more column: are there vectors of other spaces?"""
        looking = cast(SearchQuery, self.query.clone())
        looking.add_annotation(Exists(spaces.other_at_an_end(field, self._alias)), LOOK)
        compiler = looking.get_compiler(self.using, self.connection)
        chunks: list[list[Any]] = list(compiler._fetch_all_wanted(False, chunk_size))
        if chunks:
            place = compiler.annotation_col_map[LOOK]
            spaces.looked(field, self._alias, found=bool(chunks[0][0][place]))
            chunks = [[(*row[:place], *row[place + 1 :]) for row in chunk] for chunk in chunks]
        # Rows are read by what this compiler selects, which it knows also where no row can match.
        with suppress(EmptyResultSet):
            self.as_sql()
        return chunks

    @property
    def _alias(self) -> str:
        return self.using or DEFAULT_DB_ALIAS


@functools.cache
def _search_compiler(base: Any) -> type[Any]:
    return type(f"Search{base.__name__}", (SearchCompiler, base), {})


def _or_refused(chunks: Any, field: EmbeddingField, using: str) -> Any:
    """`chunks` of rows as they are; an empty answer that hides another space is an error."""
    if not isinstance(chunks, list):
        return _checked_chunks(iter(chunks), field, using)
    if not chunks:
        spaces.refuse_other_spaces(field, using)
    return chunks


def _checked_chunks(chunks: Iterator[Any], field: EmbeddingField, using: str) -> Iterator[Any]:
    for first in chunks:
        return chain([first], chunks)
    spaces.refuse_other_spaces(field, using)
    return iter(())
