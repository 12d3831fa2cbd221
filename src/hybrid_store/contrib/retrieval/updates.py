"""Rows that are there get other values: one statement for many rows, each with its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connections
from django.db.models import Field, Model

from hybrid_store.backends import vector_ops
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.models.insertion import is_plain_column
from hybrid_store.sync.statements import key_values

__all__ = ["CHUNK", "parts", "update"]

# Keys that one statement compares with; rows that are changed at a time.
CHUNK = 500


def parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def update(model: type[Model], using: str, rows: Sequence[Any], names: Sequence[str]) -> None:
    """Write these fields of stored rows, as `bulk_update` does: no signals are sent.

    `bulk_update` compares every row with every key of its statement, which is slower by far; it
    writes what is not all in one table, or no plain values.
    """
    fields = [model._meta.get_field(name) for name in names]
    for part in parts(rows if fields else []):
        if not _update_plainly(model, using, part, fields):
            model._base_manager.using(using).bulk_update(part, names)


def _update_plainly(model: type[Model], using: str, rows: Sequence[Any], fields: Any) -> bool:
    connection, meta = connections[using], model._meta
    given = {field: [getattr(row, field.attname) for row in rows] for field in fields}
    if meta.parents or not all(is_plain_column(*column) for column in given.items()):
        return False
    change = RowUpdate(
        table=meta.db_table,
        columns=[Column.of(field, connection) for field in fields],
        keys=[Column.of(key, connection) for key in meta.pk_fields],
    )
    columns = [
        [_prepared(field, value, connection) for value in values] for field, values in given.items()
    ]
    keys = [key_values(meta.pk_fields, row.pk, connection) for row in rows]
    values = [(*row, *key) for *row, key in zip(*columns, keys, strict=True)]
    vector_ops(connection).update_rows(change, values)
    return True


def _prepared(field: Field[Any, Any], value: Any, connection: Any) -> Any:
    """As `RowUpdate` takes it: vectors as they are."""
    if hasattr(field, "codec"):
        return field.get_prep_value(value)
    return field.get_db_prep_save(value, connection)
