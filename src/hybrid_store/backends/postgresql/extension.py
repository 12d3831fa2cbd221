"""Where and in which version pgvector is installed."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.reports import Extension

__all__ = ["CREATE_EXTENSION", "create_extension", "qualifier", "report"]

# 0.8.0 to 0.8.3 could write corrupt index pages; 0.8.4 is the first with all of the fixes.
OLDEST_SAFE = "0.8.4"

CREATE_EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector"

_FOUND = """
SELECT n.nspname, n.nspname = ANY (current_schemas(true))
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'
"""
_REPORT = """
SELECT a.default_version, e.extversion, n.nspname
FROM pg_available_extensions a
LEFT JOIN pg_extension e ON e.extname = a.name
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE a.name = 'vector'
"""

# The schema is a fact of the database, so one look a process is enough however many threads and
# connections there are. Kept by everything that can change the answer.
_qualifiers: dict[tuple[str, ...], str] = {}


def qualifier(connection: BaseDatabaseWrapper) -> str:
    """What stands before the extension's names: "" where the search path finds them."""
    key = tuple(
        str(connection.settings_dict.get(part, "")) for part in ("HOST", "PORT", "NAME", "OPTIONS")
    )
    if key not in _qualifiers:
        with connection.cursor() as cursor:
            cursor.execute(_FOUND)
            row = cursor.fetchone()
        if row is None:
            return ""
        schema, on_path = row
        _qualifiers[key] = "" if on_path else f"{connection.ops.quote_name(schema)}."
    return _qualifiers[key]


def create_extension(connection: BaseDatabaseWrapper) -> None:
    """CREATE EXTENSION, unless it is there: that needs no privilege."""
    with connection.cursor() as cursor:
        cursor.execute(_FOUND)
        if cursor.fetchone() is None:
            cursor.execute(CREATE_EXTENSION)


def report(connection: BaseDatabaseWrapper) -> Extension:
    with connection.cursor() as cursor:
        cursor.execute(_REPORT)
        available, version, schema = cursor.fetchone() or (None, None, None)
    return Extension("vector", version, schema, available, OLDEST_SAFE)
