"""The types of vector columns that exist already."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, IntegerField

__all__ = ["change_type_sql", "dimensions_of", "existing", "stored_type", "vector_type"]

_STORED_TYPE = """
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attname = %s AND NOT attisdropped
"""

# Not views, as Django has it.
_EXISTING = """
SELECT name FROM unnest(%s::text[], %s::text[]) AS given (name, quoted)
JOIN pg_class ON oid = to_regclass(quoted) AND relkind IN ('r', 'p', 'f')
"""


def existing(connection: BaseDatabaseWrapper, tables: Collection[str]) -> set[str]:
    """Those that are there, in whatever schema their names say."""
    quoted = [connection.ops.quote_name(table) for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(_EXISTING, [[*tables], quoted])
        return {name for (name,) in cursor.fetchall()}


def vector_type(db_type: str | None, known: Iterable[str]) -> str | None:
    """`db_type` without its schema, as in "vector(3)", if it is one of the `known` names."""
    bare = (db_type or "").rpartition(".")[2]
    return bare if bare.partition("(")[0] in known else None


def stored_type(connection: BaseDatabaseWrapper, table: str, column: str) -> str | None:
    """Type of a column as the catalog has it, None where there is no such column."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED_TYPE, [connection.ops.quote_name(table), column])
        row = cursor.fetchone()
    return row[0] if row else None


def dimensions_of(name: str, schema: str) -> Func:
    return Func(F(name), function=f"{schema}vector_dims", output_field=IntegerField())


def change_type_sql(connection: BaseDatabaseWrapper, table: str, column: str, db_type: str) -> str:
    quote = connection.ops.quote_name
    return (
        f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} "
        f"TYPE {db_type} USING {quote(column)}::{db_type}"
    )
