"""The `Query` of a `HybridQuerySet`: a slice that is ordered by a distance is a search, too.

Where a database proposes rows (see `Proposals`), such a slice is found by them, as one of `nearest`
is. Elsewhere it is what Django makes of it.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from math import inf
from typing import Any, cast

from django.db.models import F, Value
from django.db.models.expressions import Col, OrderBy
from django.db.models.sql import Query
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, INNER, MULTI
from django.db.models.sql.where import AND

from hybrid_store.backends import vector_ops
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.functions import METRICS, Distance
from hybrid_store.models.late import LateValue
from hybrid_store.models.search_compiler import search_compiler
from hybrid_store.models.search_query import (
    Search,
    SearchQuery,
    WithoutDistance,
    leaves_null_out,
)
from hybrid_store.vectors import BaseVector

__all__ = ["HybridQuery"]

# Name of the annotation of a distance that is only ordered by.
ORDER = "_hybrid_store_order"


class HybridQuery(Query):
    """A query whose compiler, where the database proposes rows, is a `HybridCompiler`."""

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> Any:
        compiler = super().get_compiler(using, connection, elide_empty)
        if vector_ops(compiler.connection).proposes:
            compiler.__class__ = hybrid_compiler(cast("Any", type(compiler)))
        return compiler

    def as_search(self) -> SearchQuery | None:
        """The same rows in the same order, as a search.

        None where it is not a slice of the rows nearest to one vector, or where rows that have no
        distance may come first, as NULL does on SQLite.
        """
        if not self._is_ordered_slice:
            return None
        query = cast(SearchQuery, self.clone())
        query.__class__ = SearchQuery
        name = _order_by_name(query)
        search = _search_by(query.annotations.get(name), name)
        if search is None:
            return None
        query.search = search
        if not _is_of_every_row(query):
            return None
        own = sum(map(query.is_on_vector, query.where.children))
        query.search = replace(search, conditions=own)
        query.without_distance = _without_distance(query)
        is_risky = query.without_distance is WithoutDistance.COME_FIRST
        return None if is_risky and not _has_vectors(query) else query

    @property
    def _is_ordered_slice(self) -> bool:
        is_ordered = bool(self.order_by) and self.standard_ordering and not self.extra_order_by
        return (
            is_ordered and self.high_mark is not None and not (self.subquery or self.explain_info)
        )


def _order_by_name(query: Query) -> str:
    """What it is ordered by first, as an annotation; "" if that is no distance, or descending."""
    order, *others = query.order_by
    if isinstance(order, str):
        return order
    expression = order.expression if isinstance(order, OrderBy) else order
    if isinstance(order, OrderBy) and order.descending:
        return ""
    if isinstance(expression, Distance):
        query.add_annotation(expression, ORDER, select=False)
        nulls_last = isinstance(order, OrderBy) and order.nulls_last
        query.order_by = (OrderBy(F(ORDER), nulls_last=nulls_last or None), *others)
        return ORDER
    return cast("Any", expression).name if isinstance(expression, F) else ""


def _search_by(distance: Any, name: str) -> Search | None:
    """A search by an annotation; None if it is no distance between a column and one vector."""
    if not (isinstance(distance, Distance) and METRICS.get(distance.metric) is type(distance)):
        return None
    column, near = distance.get_source_expressions()
    field = column.target if isinstance(column, Col) else None
    vector = near.value if isinstance(near, Value) else None
    if not (isinstance(field, BaseVectorField) and isinstance(vector, BaseVector | LateValue)):
        return None
    return Search(field, vector, distance.metric, name, in_space=False)


def _without_distance(query: SearchQuery) -> WithoutDistance:
    if query.greatest_distance < inf:
        return WithoutDistance.ARE_LEFT_OUT
    order = query.order_by[0]
    is_last = isinstance(order, OrderBy) and order.nulls_last
    return WithoutDistance.COME_LAST if is_last else WithoutDistance.COME_FIRST


def _is_of_every_row(query: SearchQuery) -> bool:
    """Does every row have one of the table that the vectors are in?"""
    table: Any = query.alias_map[query.column.alias]
    return table.join_type in (None, INNER)


def _has_vectors(query: SearchQuery) -> bool:
    """Is the vector of no row NULL, by its field or by a condition?"""
    column, where = query.column, query.where
    is_asked = where.connector == AND and not where.negated
    is_left_out = is_asked and any(leaves_null_out(child, column) for child in where.children)
    return is_left_out or not column.target.null


@functools.cache
def hybrid_compiler(base: Any) -> type[Any]:
    """The class of compilers of `HybridQuery` on the database of `base`."""
    return type(f"Hybrid{base.__name__}", (HybridCompiler, base), {"base": base})


class HybridCompiler:
    """Mixed into the compiler of a database that proposes rows: it becomes that of a search."""

    base: Any
    query: Any

    def execute_sql(
        self,
        result_type: str = MULTI,
        chunked_fetch: bool = False,
        chunk_size: int = GET_ITERATOR_CHUNK_SIZE,
    ) -> Any:
        search = self.query.as_search() if result_type == MULTI else None
        if search is None:
            return super().execute_sql(result_type, chunked_fetch, chunk_size)  # type: ignore[misc]
        self.query = search
        compiler: Any = self
        compiler.__class__ = search_compiler(self.base)
        return compiler.execute_sql(result_type, chunked_fetch, chunk_size)
