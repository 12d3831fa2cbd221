"""Many rows, as fast as the driver reads them.

psycopg 3 reads the binary form of rows twice as fast as text, which spells a vector by two letters
a byte. psycopg2 knows text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.bulk import sends_binary

__all__ = ["reading"]

# Types whose values psycopg reads alike from both forms. Not among them: float4, whose text is
# rounded, and what Django reads from its text, such as timestamptz.
ALIKE = (
    *("bool", "bytea", "int2", "int4", "int8", "float8", "numeric"),
    *("text", "varchar", "bpchar", "uuid", "date", "time", "timestamp"),
)


@contextmanager
def reading(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """See `BaseVectorOperations.reading`.

    In a transaction: all rows of a cursor that may outlive one are written to a file first.
    """
    is_alone, is_binary = connection.get_autocommit(), sends_binary(connection)
    with (
        transaction.atomic(using=connection.alias) if is_alone else nullcontext(),
        connection.execute_wrapper(_execute) if is_binary else nullcontext(),
    ):
        yield


def _execute(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Where a named cursor is opened, have its rows fetched in binary form."""
    from psycopg import ServerCursor

    found = execute(sql, params, many, context)
    opened = context["cursor"]
    named = getattr(opened, "cursor", None)
    if isinstance(named, ServerCursor) and _is_alike(named):
        opened.cursor = BinaryRows(named)
    return found


def _is_alike(cursor: Any) -> bool:
    types = cursor.connection.adapters.types
    alike = {types[name].oid for name in ALIKE}
    return {column.type_code for column in cursor.description} <= alike


class BinaryRows:
    """The rows of a named cursor, fetched through a plain one: Django's own knows text alone."""

    def __init__(self, named: Any) -> None:
        from psycopg import Cursor

        self._named = named
        self._plain: Any = Cursor(named.connection)

    def fetchmany(self, size: int) -> list[Any]:
        # Django has made the name.
        fetch = f'FETCH {int(size)} FROM "{self._named.name}"'
        rows: list[Any] = self._plain.execute(fetch, binary=True, prepare=False).fetchall()
        return rows

    def close(self) -> None:
        self._plain.close()
        self._named.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._named, name)
