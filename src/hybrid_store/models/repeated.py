"""Searches that are made again and again, near to one vector after the other.

To build and compile a query takes Django longer than an index needs to find the rows. Where the
same slice of the same queryset is asked for again, only the vector differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet, Value
from django.db.models.query import ValuesIterable

from hybrid_store.backends import vector_ops
from hybrid_store.backends.indexes import Scan
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.late import LateValue
from hybrid_store.models.search_query import Search
from hybrid_store.models.targets import QueryVector
from hybrid_store.vectors import BaseVector

__all__ = ["RepeatedSearch"]


@dataclass(frozen=True)
class RepeatedSearch:
    """One pass over an index by a statement that is compiled already.

    `compiler` has no connection: that of the thread that asks is used. `params` are those behind
    the vector.
    """

    compiler: Any
    sql: str
    params: tuple[Any, ...]
    names: tuple[str, ...]
    near: Any
    search: Search
    scan: Scan
    wanted: int
    circumstances: tuple[Any, ...]

    @classmethod
    def of(cls, rows: QuerySet[Any, Any]) -> RepeatedSearch | None:
        """That of a slice of `values()` that was fetched; None where that took anything else."""
        query: Any = rows.query
        scan = _only_scan(rows)
        if scan is None:
            return None
        compiler = query.get_compiler(rows.db)
        compiler.scan = scan
        try:
            sql, (_, *params) = compiler.as_sql()
        except EmptyResultSet:
            return None
        compiler.connection = None
        names = (*query.extra_select, *query.values_select, *query.annotation_select)
        return cls(
            compiler,
            sql,
            tuple(params),
            names,
            query.near,
            query.search,
            scan,
            query.wanted,
            _circumstances(query.search),
        )

    def rows(self, near: QueryVector) -> list[dict[str, Any]] | None:
        """Those nearest to a vector of the field, as many as the slice has; None where they have
        to be searched for in another way: the index finds too few, or settings have changed."""
        vector = _known(near)
        if self.circumstances != _circumstances(self.search) or vector.is_zero():
            return None
        connection = connections[self.compiler.using]
        compiler = copy(self.compiler)
        compiler.connection = connection
        given = self._param(vector, compiler)
        with vector_ops(connection).settings_kept(), connection.cursor() as cursor:
            cursor.execute(self.sql, (*given, *self.params))
            found = cursor.fetchall()
        if len(found) < (self.scan.matches or self.wanted):
            return None
        rows = compiler.results_iter([found[: self.wanted]])
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def _param(self, vector: BaseVector, compiler: Any) -> Sequence[Any]:
        value = Value(vector, output_field=self.near.output_field)
        return value.as_sql(compiler, compiler.connection)[1]


def _known(near: QueryVector) -> BaseVector:
    if not isinstance(near, LateValue):
        return near
    near.prepare()
    return near.vector()


def _only_scan(rows: Any) -> Scan | None:
    """The one pass over an index that has found all rows."""
    outcome = getattr(rows.query, "outcome", None)
    if outcome is None or outcome.exact or len(outcome.scans) != 1 or rows.query.low_mark:
        return None
    # Others have their own way from a row of the database to what they give.
    is_plain = rows._iterable_class is ValuesIterable and not rows.query.combinator
    return outcome.scans[0] if is_plain else None


def _circumstances(search: Search) -> tuple[Any, ...]:
    """What a statement depends on besides its queryset."""
    field = search.field
    return search.tuning_now, field.space_prefix if isinstance(field, EmbeddingField) else None
