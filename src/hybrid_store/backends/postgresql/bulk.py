"""Batches of rows in one statement, with an array a column.

Vectors go as binary arrays where the driver is psycopg 3. Django's own cursor cannot send those: it
writes parameters into the text of the statement. So they go through a plain cursor on Django's
connection, in the same transaction. On psycopg2 they go as text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.arrays import array_of_vectors
from hybrid_store.backends.postgresql.transport import write
from hybrid_store.backends.updates import Column, RowUpdate

__all__ = ["element_oid", "sends_binary", "update_rows"]

ROWS = "hybrid_store_rows"
# Lengths and precisions, as in varchar(20): a cast to those would cut values off silently.
MODIFIERS = re.compile(r"\([\d, ]+\)")


class BinaryArray(NamedTuple):
    """A parameter in binary form; `oid` is the array's type, 0 for that of the cast around it."""

    data: bytes


@functools.cache
def _dumper() -> type[Any]:
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class BinaryArrayDumper(Dumper):
        format = Format.BINARY

        def dump(self, obj: BinaryArray) -> bytes:
            return obj.data

    return BinaryArrayDumper


def sends_binary(connection: BaseDatabaseWrapper) -> bool:
    """Is the driver psycopg 3?"""
    connection.ensure_connection()
    return hasattr(connection.connection, "adapters")


def element_oid(connection: BaseDatabaseWrapper, type_name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::regtype::oid", [type_name])
        oid: int = cursor.fetchone()[0]
    return oid


def _cursor(connection: BaseDatabaseWrapper, binary: bool) -> Any:
    """A cursor with Django's care for transactions, errors, wrappers and the log of queries."""
    if not binary:
        return connection.cursor()
    from psycopg import Cursor

    connection.connection.adapters.register_dumper(BinaryArray, _dumper())
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    plain: Any = Cursor(connection.connection)
    return make(plain)


def update_rows(
    connection: BaseDatabaseWrapper,
    update: RowUpdate,
    rows: Sequence[Sequence[Any]],
    oids: dict[str, int] | None,
) -> list[bool]:
    """See `BaseVectorOperations.update_rows`. `oids` are those of the vector types by codec, None
    to send text.

    While it waits for another transaction, PostgreSQL compares again with what that has committed.
    """
    inputs = update.inputs
    arrays = [
        _array(column, values, oids)
        for column, values in zip(inputs, zip(*rows, strict=True), strict=True)
    ]
    names = [f"c{number}" for number in range(len(inputs))]
    casts = ", ".join(f"%s::{MODIFIERS.sub('', column.type)}[]" for column in inputs)
    source = f" FROM unnest({casts}) WITH ORDINALITY AS {ROWS} ({', '.join(names)}, place)"
    sql = update.sql(connection.ops.quote_name, [f"{ROWS}.{name}" for name in names], source)
    with _cursor(connection, oids is not None) as cursor:
        cursor.execute(f"{sql} RETURNING {ROWS}.place", [*arrays, *update.params])
        written = {place for (place,) in cursor.fetchall()}
    return [place in written for place in range(1, len(rows) + 1)]


def _array(column: Column, values: Sequence[Any], oids: dict[str, int] | None) -> Any:
    if column.codec is None:
        return list(values)
    if oids is None:
        return [None if vector is None else write(vector) for vector in values]
    return BinaryArray(array_of_vectors(values, column.codec, oids[column.codec.name]))
