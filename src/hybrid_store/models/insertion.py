"""Which rows a database writes by its fastest path, and how the others are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from types import SimpleNamespace
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import AutoField, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.sql import InsertQuery

from hybrid_store.backends.inserts import Values, take
from hybrid_store.models.prepared import kinds

__all__ = ["Raw", "alike", "insert_by_django", "is_plain_column"]

Raw: TypeAlias = dict[Any, Any]
"""Field -> what the rows have in it, not prepared for a database."""

# Their placeholders are casts to the type of the column, those of others may do anything.
PLACEHOLDERS = ("get_placeholder", "get_placeholder_sql")
CASTS_ONLY = ("django.db.models.", "django.contrib.postgres.", "hybrid_store.")


def is_plain_column(field: Any, values: Values) -> bool:
    """Are all values of a column such as they are stored, or left to its default?"""
    placeholders = (getattr(type(field), name, None) for name in PLACEHOLDERS)
    if any(made and not made.__module__.startswith(CASTS_ONLY) for made in placeholders):
        return False
    return not any(hasattr(kind, "as_sql") for kind in kinds(values) - {DatabaseDefault})


def alike(columns: Mapping[str, Values]) -> Iterator[Mapping[str, Values]]:
    """Rows that leave the same columns to the database, without these columns."""
    left = {name: v for name, v in columns.items() if DatabaseDefault in kinds(v)}
    if not left:
        yield columns
        return
    patterns = [
        tuple(type(value) is DatabaseDefault for value in row)
        for row in zip(*left.values(), strict=True)
    ]
    for pattern in dict.fromkeys(patterns):
        places = [place for place, other in enumerate(patterns) if other == pattern]
        dropped = {name for name, is_left in zip(left, pattern, strict=True) if is_left}
        yield {name: take(v, places) for name, v in columns.items() if name not in dropped}


def insert_by_django(model: type[Model], using: str, raw: Raw) -> Raw:
    """Write rows as `bulk_create` does, which knows expressions and unusual fields; their keys.

    `pre_save` is not called once more. Databases that return nothing leave new keys at None.
    """
    connection, keys = connections[using], model._meta.pk_fields
    rows: list[Any] = [_row(raw, values, connection) for values in zip(*raw.values(), strict=True)]
    returns = connection.features.can_return_rows_from_bulk_insert
    for part, fields in _parts(raw, rows):
        size = max(connection.ops.bulk_batch_size(fields, part), 1)
        for start in range(0, len(part), size):
            query = InsertQuery(model)
            query.insert_values(fields, part[start : start + size], raw=True)
            compiler = query.get_compiler(using=using)
            found = compiler.execute_sql(keys if returns else None)
            for row, key in zip(part[start : start + size], found, strict=returns):
                vars(row).update(zip((field.attname for field in keys), key, strict=True))
    return {field: [getattr(row, field.attname) for row in rows] for field in keys}


def _row(raw: Raw, values: tuple[Any, ...], connection: Any) -> SimpleNamespace:
    row = SimpleNamespace()
    for field, value in zip(raw, values, strict=True):
        defaulted = type(value) is DatabaseDefault
        if defaulted and not connection.features.supports_default_keyword_in_bulk_insert:
            value = field.db_default
        setattr(row, field.attname, value)
    return row


def _parts(raw: Raw, rows: Sequence[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
    """The rows that have a key, and those that get one from the database; with their fields."""
    automatic = [field for field in raw if isinstance(field, AutoField)]
    is_new = [any(getattr(row, field.attname) is None for field in automatic) for row in rows]
    yield [row for row, new in zip(rows, is_new, strict=True) if not new], [*raw]
    others = [field for field in raw if field not in automatic]
    yield [*compress(rows, is_new)], others
