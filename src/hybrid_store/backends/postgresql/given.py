"""What is asked of the database about rows before they are written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["given_rows", "new_keys"]

# What JSON or its text carries into every type of column that holds such values.
CARRIED = (str, int, float, UUID, date, time, Decimal, type(None))

# The sequence is looked up once, not for every key.
_NEW_KEYS = """
WITH own AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, %s)::regclass::oid AS id),
usable AS MATERIALIZED (SELECT id FROM own WHERE has_sequence_privilege(id, 'USAGE'))
SELECT nextval(id) FROM usable, generate_series(1, %s)
"""


def new_keys(
    connection: BaseDatabaseWrapper, table: str, column: str, count: int
) -> list[int] | None:
    """The next values of a column's sequence; None where it has none that may be used."""
    with connection.cursor() as cursor:
        cursor.execute(_NEW_KEYS, [connection.ops.quote_name(table), column, count])
        return [key for (key,) in cursor.fetchall()] or None


def given_rows(
    connection: BaseDatabaseWrapper, table: str, columns: Mapping[str, Sequence[Any]]
) -> tuple[str, list[Any]] | None:
    """See `BaseVectorOperations.given_rows`. The rows have the table's own types and collations."""
    values = list(columns.values())
    if not all(issubclass(kind, CARRIED) for column in values for kind in {*map(type, column)}):
        return None
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
    try:
        given = json.dumps(rows, default=str, allow_nan=False)
    except ValueError:
        return None
    kind = connection.ops.quote_name(table)
    source = f"json_populate_recordset(NULL::{kind}, %s::json)"
    return f"(SELECT *, row_number() OVER () AS hybrid_store_place FROM {source})", [given]  # noqa: S608
