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
# Names are quoted where they have to be. `current_schemas` leaves out what the user may not enter.
_ACCESS = """
SELECT quote_ident(n.nspname), quote_ident(current_user), has_schema_privilege(n.oid, 'USAGE'),
    n.nspname = ANY (current_schemas(true)),
    format('%I IN DATABASE %I', current_user, current_database()),
    concat_ws(', ', nullif(nullif(p.setting, ''), '""'), quote_ident(n.nspname)),
    p.source,
    CASE WHEN 'public' = ANY (current_schemas(false)) THEN 'public'
         ELSE quote_ident(current_schema()) END
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
JOIN pg_settings p ON p.name = 'search_path' WHERE e.extname = 'vector'
"""
# What `pg_settings` says of a setting that comes with the connection, before which that of a role
# does not count.
BY_CONNECTION = ("client", "session")

# The schema is a fact of the database, so one look a process is enough however many threads and
# connections there are. Kept by everything that can change the answer.
_qualifiers: dict[tuple[str, ...], str] = {}
_PLACE = ("HOST", "PORT", "NAME", "USER", "OPTIONS")


def qualifier(connection: BaseDatabaseWrapper) -> str:
    """What stands before the extension's names: "" where the search path finds them."""
    key = tuple(str(connection.settings_dict.get(part, "")) for part in _PLACE)
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
        cursor.execute(_ACCESS)
        access = cursor.fetchone()
    grant, lead = (None, None) if access is None else (_grant(*access[:3]), _lead(*access[3:]))
    return Extension("vector", version, schema, available, OLDEST_SAFE, grant, lead)


def _grant(schema: str, user: str, is_open: bool) -> str | None:
    return None if is_open else f"GRANT USAGE ON SCHEMA {schema} TO {user};"


def _lead(on_path: bool, role: str, path: str, source: str, home: str | None) -> str | None:
    if on_path:
        return None
    # Spaces end an option.
    option = path.replace(", ", ",").replace(" ", "\\ ")
    ways = [f'set "OPTIONS": {{"options": {f"-c search_path={option}"!r}}} in DATABASES']
    if source not in BY_CONNECTION:
        ways.insert(0, f"run ALTER ROLE {role} SET search_path = {path}")
    if home:
        ways.append(f"run ALTER EXTENSION vector SET SCHEMA {home}")
    return f"Do one of these: {'; or '.join(ways)}; then restart the project."
