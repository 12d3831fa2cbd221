"""What is done for indexes of words after migrations, and by command."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.text import statistics
from hybrid_store.backends.postgresql.text.definition import MARK, Definition
from hybrid_store.backends.postgresql.text.names import FUNCTIONS, key_columns, name_of, quoted

__all__ = ["complete", "is_kept", "optimize"]

# From this on the impacts are made anew: with another average, tiers tell less.
MOST_DRIFT = 0.2

# The comment on the table of an index, whether everything else is there and fits the table it is
# over, and the columns of that by their places.
STATE = """
SELECT obj_description(s.oid, 'pg_class'),
    2 = (SELECT count(*) FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
         WHERE tgrelid = t.oid AND tgenabled <> 'D' AND tgparentid = 0
         AND proname = %(write)s AND pronamespace = s.relnamespace)
    AND %(functions)s::text[] = (SELECT array_agg(proname::text ORDER BY proname) FROM pg_proc
        WHERE proname = ANY (%(functions)s::text[]) AND pronamespace = s.relnamespace)
    AND EXISTS (SELECT FROM pg_index
        WHERE indexrelid = to_regclass(%(index)s) AND indrelid = s.oid AND indisvalid)
    AND ARRAY(
        SELECT ROW(atttypid, atttypmod, attcollation)::text
        FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS k (name, n)
        JOIN pg_attribute ON attrelid = t.oid AND attname = name ORDER BY n
    ) = ARRAY(
        SELECT ROW(atttypid, atttypmod, attcollation)::text
        FROM unnest(%(key_columns)s::text[]) WITH ORDINALITY AS k (name, n)
        JOIN pg_attribute ON attrelid = s.oid AND attname = name ORDER BY n
    ),
    (SELECT json_object_agg(attnum, attname)::text FROM pg_attribute
     WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped)
FROM pg_class s, pg_class t WHERE s.oid = to_regclass(%(side)s) AND t.oid = to_regclass(%(table)s)
"""
# Tables of indexes that no trigger writes to: what they were over was dropped.
ABANDONED = """
SELECT nspname, substr(relname, length(%(prefix)s) + 1)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND starts_with(relname, %(prefix)s) AND pg_table_is_visible(c.oid)
    AND starts_with(obj_description(c.oid, 'pg_class'), %(mark)s)
    AND NOT EXISTS (
        SELECT FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE pronamespace = relnamespace
            AND proname = %(write)s || substr(relname, length(%(prefix)s) + 1))
"""
LENGTHS = "SELECT count(*), avg(len)::float8, {average}() FROM {table}"


def complete(connection: BaseDatabaseWrapper, definitions: Collection[Definition]) -> None:
    """Make the indexes that are missing or were made in another way, and drop those of tables that
    are gone. What is over a table that is there stays, even if nobody here knows it: databases are
    shared by projects."""
    for definition in definitions:
        sql = _completing(connection, definition)
        if sql:
            _run(connection, sql)
    for schema, part in _abandoned(connection):
        _run(connection, *_dropping(schema, part))


def is_kept(connection: BaseDatabaseWrapper, definition: Definition) -> bool:
    """Is an index there, as it is asked for?"""
    return _completing(connection, definition) is None


def _completing(connection: BaseDatabaseWrapper, definition: Definition) -> str | None:
    """The statement that makes an index what it should be, None where it is that."""
    names, spec = definition.names, definition.names.spec
    table = connection.ops.quote_name(spec.table)
    asked: dict[str, Any] = {
        "side": names(),
        "table": table,
        "index": names.index,
        "write": name_of("write", spec.name),
        "functions": sorted(name_of(kind, spec.name) for kind in FUNCTIONS),
        "keys": [*spec.keys],
        "key_columns": key_columns(spec),
    }
    with connection.cursor() as cursor:
        cursor.execute(STATE, asked)
        comment, is_whole, columns = cursor.fetchone() or (None, False, "{}")
    told = _told(comment)
    if not is_whole or told.get(MARK) != definition.told:
        return definition.creation(table)
    noted = {**told["keys"], **told["columns"]}
    declared = [*spec.keys, *spec.columns]
    if [json.loads(columns).get(str(place)) for place in noted.values()] != declared:
        return definition.creation(table)
    return definition.renaming(table) if [*noted] != declared else None


def _told(comment: str | None) -> dict[str, Any]:
    try:
        told = json.loads(comment or "")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _abandoned(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    """The schemas of such indexes, and what their names have."""
    with connection.cursor() as cursor:
        asked = {
            "prefix": name_of("text", ""),
            "write": name_of("write", ""),
            "mark": f'{{"{MARK}"',
        }
        cursor.execute(ABANDONED, asked)
        found: list[tuple[str, str]] = cursor.fetchall()
    return found


def _dropping(schema: str, part: str) -> list[str]:
    functions = [name_of(kind, part) for kind in FUNCTIONS]
    return [
        f"DROP TABLE {quoted(schema)}.{quoted(name_of('text', part))}",
        *(f"DROP FUNCTION IF EXISTS {quoted(schema)}.{quoted(name)}" for name in functions),
    ]


def optimize(connection: BaseDatabaseWrapper, definition: Definition) -> int:
    """Make impacts with the average length of now, if that is quite another one; else ANALYZE."""
    names, spec = definition.names, definition.names.spec
    sql = LENGTHS.format(average=names("average"), table=names())
    with connection.cursor() as cursor:
        cursor.execute(sql)
        count, average, made_with = cursor.fetchone()
    if average and abs(average / made_with - 1) > MOST_DRIFT:
        _run(connection, definition.creation(connection.ops.quote_name(spec.table)))
    else:
        _run(connection, f"ANALYZE {names()}")
    statistics.forget()
    return int(count)


def _run(connection: BaseDatabaseWrapper, *statements: str) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
