"""Expressions that stand in the statements of searches alone."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, F, Func, IntegerField

from hybrid_store.backends import vector_ops
from hybrid_store.backends.indexes import IndexSpec

__all__ = ["Among", "RoughDistance", "RowKey", "quoted_name"]


class Among(Func):
    """Is the row that a column belongs to among those proposed?"""

    output_field = BooleanField()
    conditional = True

    def __init__(self, column: Any, condition: str, rows: str) -> None:
        self.condition = condition
        self.rows = rows
        super().__init__(column)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        [column] = self.get_source_expressions()
        return self.condition.format(table=_table(column, compiler)), [self.rows]


class RowKey(Func):
    """What `Among` knows the row by that a column belongs to."""

    output_field = IntegerField()

    def __init__(self, column: Any, key: str) -> None:
        self.key = key
        super().__init__(column)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        [column] = self.get_source_expressions()
        return self.key.format(table=_table(column, compiler)), []


def quoted_name(compiler: Any, name: str) -> str:
    """A name as SQL, or the alias of a table as it is."""
    # Its name before Django 6.1 was another one.
    quote = getattr(compiler, "quote_name", None) or compiler.quote_name_unless_alias
    return str(quote(name))


def _table(column: Any, compiler: Any) -> str:
    """SQL of the table, or its alias, that a column belongs to in a query."""
    return quoted_name(compiler, column.alias)


class RoughDistance(Func):
    """The distance that an index of lower precision orders by."""

    def __init__(self, index: IndexSpec, near: Any) -> None:
        self.index = index
        super().__init__(F(index.field_name), near)

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        parts = [compiler.compile(source) for source in self.get_source_expressions()]
        (lhs, lhs_params), (rhs, rhs_params) = parts
        sql = vector_ops(connection).rough_distance_sql(self.index, lhs, rhs)
        return sql, (*lhs_params, *rhs_params)
