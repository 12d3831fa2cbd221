"""Conditions on one of many values, of which a statement would not take as many parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Func, Q

from hybrid_store.backends import vector_ops

__all__ = ["among"]

MOST_PARAMETERS = 500
"""More values are one parameter: drivers take up to 65,535 of them, SQLite 32,766 or 250,000."""


def among(path: str, values: Sequence[Any]) -> Q:
    """Rows whose field has one of these values, however many they are."""
    if len(values) <= MOST_PARAMETERS:
        return Q(**{f"{path}__in": values})
    return Q(IsAmong(path, values))


class IsAmong(Func):
    """Is a field one of the values of a list, which is a parameter as JSON?"""

    output_field = BooleanField()
    conditional = True

    def __init__(self, path: str, values: Sequence[Any]) -> None:
        self.values = values
        super().__init__(F(path))

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        [field] = self.get_source_expressions()
        column, params = compiler.compile(field)
        kind = field.output_field
        table = vector_ops(connection).json_table({"one": str(kind.rel_db_type(connection))})
        rows = [[kind.get_db_prep_value(value, connection)] for value in self.values]
        sql = f"{column} IN (SELECT given.one FROM {table} given)"  # noqa: S608
        return sql, [*params, json.dumps(rows, default=str)]
