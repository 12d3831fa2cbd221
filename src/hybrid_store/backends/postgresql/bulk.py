"""Batches of rows in one statement, with an array a column.

Where the driver is psycopg 3 the arrays are binary. Django's own cursor cannot send those: it
writes parameters into the text of the statement. So they go through a plain cursor on Django's
connection, in the same transaction. On psycopg2 they go as text.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.arrays import TEXT_ARRAY_OID, array_of_texts, array_of_vectors
from hybrid_store.backends.postgresql.transport import write
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.vectors import Codec, FloatCodec, Vector

__all__ = ["is_sent", "sends_binary", "type_oid", "update_rows", "with_json_as_text"]

Row = Sequence[Any]
Oids = Mapping[str, int]
"""Codec name -> the number of its type in a database."""

ROWS = "hybrid_store_rows"
# Lengths and precisions, as in varchar(20): a cast to those would cut values off silently.
MODIFIERS = re.compile(r"\([\d, ]+\)")
# PostgreSQL keeps what UNNEST gives in `work_mem`, 4 MB by default, and beyond that in a file.
STATEMENT_BYTES = 2**21
# Values that the drivers send in arrays; a list would be taken for a further dimension.
SENT = {Vector, str, int, float, Decimal, bytes, UUID, date, datetime, type(None)}
# About what a row has besides its vectors.
OTHER_BYTES = 200


class VectorArray(bytes):
    """A parameter in binary form; its type is that of the cast around it."""


class TextArray(bytes):
    """A parameter of the type text[] in binary form."""


@functools.cache
def _dumpers() -> dict[type[Any], type[Any]]:
    from psycopg.adapt import Dumper
    from psycopg.pq import Format
    from psycopg.types.numeric import IntBinaryDumper

    class VectorArrayDumper(Dumper):
        format = Format.BINARY

        def dump(self, obj: bytes) -> bytes:
            return obj

    class TextArrayDumper(VectorArrayDumper):
        oid = TEXT_ARRAY_OID

    return {VectorArray: VectorArrayDumper, TextArray: TextArrayDumper, int: IntBinaryDumper}


def with_json_as_text(rows: Sequence[Row]) -> Sequence[Row]:
    """The same rows without the objects by which the drivers know JSON."""
    from django.db.backends.postgresql.psycopg_any import Jsonb

    if not any(type(value) is Jsonb for row in rows for value in row):
        return rows
    return [
        [_json_text(value) if isinstance(value, Jsonb) else value for value in row] for row in rows
    ]


def _json_text(value: Any) -> str:
    held = value.obj if hasattr(value, "obj") else value.adapted
    return str((value.dumps or json.dumps)(held))


def is_sent(rows: Sequence[Row]) -> bool:
    """Can `update_rows` write these values?"""
    return {type(value) for row in rows for value in row} <= SENT


def sends_binary(connection: BaseDatabaseWrapper) -> bool:
    """Is the driver of an open connection psycopg 3?"""
    return hasattr(connection.connection, "adapters")


def type_oid(connection: BaseDatabaseWrapper, name: str) -> int:
    """The number of a type in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::regtype::oid", [name])
        oid: int = cursor.fetchone()[0]
    return oid


def update_rows(
    connection: BaseDatabaseWrapper, update: RowUpdate, rows: Sequence[Row], oids: Oids | None
) -> list[bool]:
    """See `BaseVectorOperations.update_rows`. Without `oids` arrays go as text.

    While it waits for another transaction, PostgreSQL compares again with what that has committed.
    """
    sql = _sql(connection, update)
    written: list[bool] = []
    with _cursor(connection, binary=oids is not None) as cursor:
        for chunk in _chunks(update, rows):
            columns = zip(update.inputs, zip(*chunk, strict=True), strict=True)
            arrays = [_array(column, values, oids) for column, values in columns]
            keys = arrays[len(update.columns) :][: len(update.keys)]
            cursor.execute(sql, [*arrays, *update.params, *keys])
            places = {place for (place,) in cursor.fetchall()}
            written += [place in places for place in range(1, len(chunk) + 1)]
    return written


def _sql(connection: BaseDatabaseWrapper, update: RowUpdate) -> str:
    quote, inputs = connection.ops.quote_name, update.inputs
    names = [f"c{number}" for number in range(len(inputs))]
    unnest = f"unnest({', '.join(map(_typed, inputs))}) WITH ORDINALITY"
    source = f" FROM {unnest} AS {ROWS} ({', '.join(names)}, place)"
    sql = update.sql(quote, [f"{ROWS}.{name}" for name in names], source)
    # Says what the join says already, for the planner: else it reads the whole of a table of some
    # ten thousand rows for every batch.
    found = (f"{quote(update.table)}.{quote(k.name)} = ANY({_typed(k)})" for k in update.keys)
    return f"{sql} AND {' AND '.join(found)} RETURNING {ROWS}.place"


def _typed(column: Column) -> str:
    return f"%s::{MODIFIERS.sub('', column.type)}[]"


def _cursor(connection: BaseDatabaseWrapper, binary: bool) -> Any:
    """A cursor with Django's care for transactions, errors, wrappers and the log of queries."""
    if not binary:
        return connection.cursor()
    from psycopg import Cursor

    plain: Any = Cursor(connection.connection)
    for kind, dumper in _dumpers().items():
        plain.adapters.register_dumper(kind, dumper)
    return cast("Any", connection)._prepare_cursor(plain)


def _chunks(update: RowUpdate, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """`rows` in parts that are written at once."""
    vectors = zip(update.inputs, rows[0], strict=True)
    sizes = [_floats(c.codec).size(len(v)) for c, v in vectors if c.codec and v is not None]
    length = max(1, STATEMENT_BYTES // (sum(sizes) + OTHER_BYTES))
    return (rows[start : start + length] for start in range(0, len(rows), length))


def _array(column: Column, values: Row, oids: Oids | None) -> Any:
    if column.codec is not None:
        return _array_of_vectors(column.codec, values, oids)
    if oids is not None and {*map(type, values)} <= {str, type(None)}:
        return TextArray(array_of_texts(values))
    return list(values)


def _array_of_vectors(codec: Codec, vectors: Sequence[Vector | None], oids: Oids | None) -> Any:
    if oids is None:
        return [None if vector is None else write(vector) for vector in vectors]
    return VectorArray(array_of_vectors(vectors, _floats(codec), oids[codec.name]))


def _floats(codec: Codec) -> FloatCodec:
    """The codec of a column of floats: no other vectors are among the types in SENT."""
    return cast("FloatCodec", codec)
