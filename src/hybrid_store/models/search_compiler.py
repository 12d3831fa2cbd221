"""What happens when the rows of a ranked queryset are fetched.

Late vectors are computed before a cursor is opened, an index that gives too few rows is not
believed, and the first query of a process also tells whether the table holds vectors of other
spaces.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from hybrid_store.backends import BaseVectorOperations, vector_ops
from hybrid_store.backends.indexes import IndexSpec, Scan
from hybrid_store.models import policy, spaces
from hybrid_store.models.certified import CertifiedSearch
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.scanning import Scanning
from hybrid_store.models.search_query import Outcome, SearchQuery
from hybrid_store.models.unindexed import warn_if_unindexed

__all__ = ["search_compiler"]

# Name of the column of `_fetch_and_look`.
LOOK = "_hybrid_store_other_spaces"


@functools.cache
def search_compiler(base: Any) -> type[Any]:
    """The class of compilers of `SearchQuery` on the database of `base`."""
    return type(f"Search{base.__name__}", (SearchCompiler, base), {})


class SearchCompiler:
    """Mixed into the compiler of any database."""

    query: SearchQuery
    connection: Any
    using: str | None
    # The pass over an index to compile; None for an exact search.
    scan: Scan | None = None

    @property
    def _ops(self) -> BaseVectorOperations:
        return vector_ops(self.connection)

    @property
    def _alias(self) -> str:
        return self.using or DEFAULT_DB_ALIAS

    # SQL

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        query = self.query
        if self._is_approximate:
            scan = self.scan
            if scan is None and query.explain_info and self._may_scan():
                scan = self._first_scan()
            if scan is not None:
                return self._scan_sql(query, scan)
            # Also as a part of a union, say, whose rows nobody counts.
            self.query = query = query.exactly()
        unguarded = query.unguarded() if query.is_exact else None
        if unguarded is not None:
            return self._unguarded_sql(query, unguarded)
        return self._plain_sql(*args, **kwargs)

    def _unguarded_sql(self, query: SearchQuery, unguarded: SearchQuery) -> Any:
        self.query = unguarded
        sql, params = self._plain_sql()
        return self._explaining(query, self._with_distance(sql, query)), params

    def _with_distance(self, sql: str, query: SearchQuery) -> str:
        """The rows of an unguarded query that have a distance."""
        distance = f"hits.{self.connection.ops.quote_name(query.search.distance_as)}"
        return f"SELECT * FROM ({sql}) AS hits WHERE {self._ops.is_distance_sql(distance)}"  # noqa: S608

    def _plain_sql(self, *args: Any, **kwargs: Any) -> Any:
        return super().as_sql(*args, **kwargs)  # type: ignore[misc]

    def _scan_sql(self, query: SearchQuery, scan: Scan) -> tuple[str, tuple[Any, ...]]:
        ops, index = self._ops, query.search.index
        near, near_params = self.compile(query.near)  # type: ignore[attr-defined]
        query = cast(SearchQuery, query.clone())
        query.near_sql = ops.near_sql
        if _is_sorted_out(query, scan, index):
            self.query = query.sorted_out(scan, index)
            sql, params = self._plain_sql()
        else:
            unguarded = query.unguarded()
            self.query = (unguarded or query).scanned(scan, ops.index_breaks_ties)
            sql, params = self._plain_sql()
            sql = self._with_distance(sql, query) if unguarded else f"SELECT * FROM ({sql}) AS hits"  # noqa: S608
            sql = f"{sql} LIMIT {query.wanted} OFFSET {int(query.low_mark)}"
        sql = self._explaining(query, ops.scan_sql(sql, near, scan, index))
        return sql, (*near_params, *params)

    def _explaining(self, query: SearchQuery, sql: str) -> str:
        info = self.query.explain_info = query.explain_info
        if info is None:
            return sql
        prefix = self.connection.ops.explain_query_prefix(info.format, **info.options)
        return f"{prefix} {sql}"

    def _may_scan(self) -> bool:
        """Where nobody counts the rows, a search is exact from the start."""
        query = self.query
        is_wished = query.may_use_index and not query.search.tuning_now.is_exact
        return is_wished and self._is_approximate

    def _may_propose(self) -> bool:
        query = self.query
        is_ranked = query.may_use_index and query.is_nearest_first and query.is_plain
        return self._ops.proposes and is_ranked and not query.is_settled

    @property
    def _is_approximate(self) -> bool:
        query = self.query
        loses_rows = self._ops.index_may_lose_rows and query.is_nearest_first
        return loses_rows and not query.is_settled

    def _first_scan(self) -> Scan | None:
        query, search = self.query, self.query.search
        rough = search.index.precision if search.index and search.index.is_rough else None
        return policy.first_scan(query.needed, query.is_filtered, search.tuning_now, rough)

    # Rows

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
        if not (self.query.search.in_space and isinstance(field, EmbeddingField)):
            return self._fetch_all_wanted(chunked_fetch, chunk_size)
        if self.query.is_plain and not (chunked_fetch or spaces.looked_at(field, self._alias)):
            chunks = self._fetch_and_look(field, chunk_size)
        else:
            chunks = self._fetch_all_wanted(chunked_fetch, chunk_size)
        return _or_refused(chunks, field, self._alias)

    def _fetch(self, *args: Any) -> Any:
        return super().execute_sql(*args)  # type: ignore[misc]

    def _fetch_all_wanted(self, chunked_fetch: bool, chunk_size: int) -> Any:
        """Chunks of rows. Where an index may be used, all of them: they are counted."""
        query, may_scan, may_propose = self.query, self._may_scan(), self._may_propose()
        if may_scan or may_propose:
            warn_if_unindexed(query.search, self._ops)
        if may_scan:
            with self._ops.settings_kept():
                return Scanning(self, query, chunk_size).fetch(self._first_scan())
        if may_propose and query.search.index is not None:
            return CertifiedSearch(self, query, query.search.index, chunk_size).fetch()
        query.outcome = Outcome(exact=True)
        return self._fetch(MULTI, chunked_fetch, chunk_size)

    def _fetch_and_look(self, field: EmbeddingField, chunk_size: int) -> list[Any]:
        """All rows, by a query with one more column: are there vectors of other spaces?"""
        looking = cast(SearchQuery, self.query.clone())
        looking.add_annotation(Exists(spaces.other_at_an_end(field, self._alias)), LOOK)
        compiler = looking.get_compiler(self.using, self.connection)
        chunks: list[list[Any]] = list(compiler._fetch_all_wanted(False, chunk_size))
        self.query.outcome = looking.outcome
        if chunks:
            place = compiler.annotation_col_map[LOOK]
            spaces.looked(field, self._alias, found=bool(chunks[0][0][place]))
            chunks = [[(*row[:place], *row[place + 1 :]) for row in chunk] for chunk in chunks]
        # Rows are read by what this compiler selects, which it knows also where no row can match.
        with suppress(EmptyResultSet):
            self.as_sql()
        return chunks


def _is_sorted_out(query: SearchQuery, scan: Scan, index: IndexSpec | None) -> bool:
    """Are the rows of the scan more than those wanted, in another order?"""
    if scan.resumes or index is None:
        return scan.resumes
    return index.is_rough or (not index.gives_nearest and query.is_filtered)


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
