"""New rows by COPY, through Django's connection and in its transaction.

In binary form where every column has one that is known for certain, else in text form, which the
types themselves parse. Source of the format: PostgreSQL, COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from struct import Struct
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.inserts import Values, Vectors
from hybrid_store.backends.postgresql.binary import encode
from hybrid_store.backends.postgresql.transport import write

__all__ = ["copy_rows"]

# Signature, flags, length of the header's extension.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_count = Struct("!h").pack

# COPY goes into tables only, and not where policies hide rows. Types of an extension have numbers
# that differ from database to database, so types go by name.
_TYPES = """
SELECT a.attname, t.typname FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.oid = %s::regclass AND c.relkind IN ('r', 'p') AND NOT row_security_active(c.oid)
AND a.attnum > 0 AND NOT a.attisdropped
"""


def copy_rows(connection: BaseDatabaseWrapper, table: str, columns: Mapping[str, Values]) -> bool:
    """Write rows; False where COPY cannot: into views, and under row-level security.

    Called in a transaction, with psycopg 3.
    """
    quote = connection.ops.quote_name
    types = _types(connection, quote(table))
    if not types:
        return False
    names = ", ".join(map(quote, columns))
    sql = f"COPY {quote(table)} ({names}) FROM STDIN"
    fields = _binary(connection, types, columns)
    if fields is None:
        _send(connection, sql, rows=zip(*map(_texts, columns.values()), strict=True))
    else:
        _send(connection, f"{sql} (FORMAT BINARY)", data=_joined(fields))
    return True


def _types(connection: BaseDatabaseWrapper, table: str) -> dict[str, str]:
    """Names of the columns' types; empty where COPY cannot write."""
    with connection.cursor() as cursor:
        cursor.execute(_TYPES, [table])
        return dict(cursor.fetchall())


def _binary(
    connection: BaseDatabaseWrapper, types: Mapping[str, str], columns: Mapping[str, Values]
) -> list[list[bytes]] | None:
    """Every value of every column with its length before it, None where one has no binary form."""
    fields = []
    for name, values in columns.items():
        encoded = encode(connection.connection, types.get(name, ""), values)
        if encoded is None:
            return None
        fields.append(encoded)
    return fields


def _joined(fields: Sequence[Sequence[bytes]]) -> bytes:
    rows = zip(repeat(_count(len(fields))), *fields, strict=False)
    return b"".join((HEADER, *chain.from_iterable(rows), TRAILER))


def _texts(values: Values) -> Sequence[Any]:
    if isinstance(values, Vectors):
        return values.spread(map(write, map(values.codec.wrap, values.array)), None)
    return values


def _send(connection: Any, sql: str, data: bytes = b"", rows: Any = ()) -> None:
    """With Django's care for transactions, errors, wrappers and the log of queries."""

    def execute(sql: str, params: Any, many: bool, context: Any) -> None:
        connection.validate_no_broken_transaction()
        with connection.wrap_database_errors, cursor.copy(sql) as copy:
            if data:
                copy.write(data)
            for row in rows:
                copy.write_row(row)

    with connection.cursor() as cursor:
        cursor._execute_with_wrappers(sql, None, many=False, executor=execute)
