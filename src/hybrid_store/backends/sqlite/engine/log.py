"""The change log of a column of vectors: triggers write the keys of changed rows into a table.

A position in the log is a row of it, told by its number and by a random stamp. Whoever has read the
column at a position knows, by looking for that row, whether the database still has that past: a
rollback, a restored copy, a table made anew, or a snapshot from before have another row there, or
none. What was written since is in the rows behind it.

A row that is deleted, or loses its vector, is logged too: else who has read the column since would
be taken to know a row that older snapshots and restored copies still have. (REPLACE deletes rows
without that, and logs the one that takes the key, if it has a vector.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from textwrap import dedent
from typing import Any

from hybrid_store.backends.indexes import StoredIndex
from hybrid_store.backends.sqlite.engine.source import PREFIX, Source, quoted

__all__ = [
    "Position",
    "abandoned_tables",
    "creation",
    "has_lasting_keys",
    "is_kept",
    "last_position",
    "prune",
    "read",
    "removal",
    "schema_version",
    "stored_indexes",
]


METHOD = "codes"
# Whose key is logged after an event, and when.
EVENTS = {
    "insert": ("NEW", "NEW.{column} IS NOT NULL"),
    "update": ("NEW", "NEW.{column} IS NOT OLD.{column} OR NEW.{key} <> OLD.{key}"),
    "delete": ("OLD", "OLD.{column} IS NOT NULL"),
}
# Rows of the log that are kept though they are in codes.
KEPT = 2048
# LIMIT for no limit.
EVERY = -1
# Of the trigger after inserts, which SQLite rewrites where the column is renamed.
TOLD_BY_TRIGGER = r'WHEN /\* (\w+) \*/ NEW\."((?:[^"]|"")+)" IS NOT NULL'


@dataclass(frozen=True)
class Position:
    """A row of the log."""

    number: int
    stamp: int


def creation(source: Source, table: str) -> list[str]:
    """The statements that make a log, empty, over `table`: its name as SQL, or a mark for that.

    Codes that were there are dropped: the table may be another one now.
    """
    log, codes = quoted(source.log), quoted(source.codes)
    tables = f"""
        CREATE TABLE IF NOT EXISTS {log} (
            number integer PRIMARY KEY AUTOINCREMENT, key integer, stamp integer NOT NULL);;
        DROP TABLE IF EXISTS {codes};;
        CREATE TABLE {codes} (
            id integer PRIMARY KEY AUTOINCREMENT, edition integer NOT NULL,
            number integer, stamp integer, keys blob, codes blob);;
        DELETE FROM {log};;
        INSERT INTO {log} (stamp) VALUES (random())
    """  # noqa: S608
    statements = [dedent(statement).strip() for statement in tables.split(";;")]
    return [*statements, *chain.from_iterable(_trigger(source, table, event) for event in EVENTS)]


def _trigger(source: Source, table: str, event: str) -> list[str]:
    row, condition = EVENTS[event]
    name, log, key = quoted(source.trigger(event)), quoted(source.log), source.key
    told = condition.format(column=quoted(source.column), key=key)
    note = f"INSERT INTO {log} (key, stamp) VALUES ({row}.{key}, random())"  # noqa: S608
    told = f"WHEN /* {source.metric} */ {told} BEGIN {note}; END"
    return [
        f"DROP TRIGGER IF EXISTS {name}",
        f"CREATE TRIGGER {name} AFTER {event} ON {table} {told}",
    ]


def removal(source: Source) -> list[str]:
    """The statements that remove all of it."""
    triggers = [f"DROP TRIGGER IF EXISTS {quoted(source.trigger(event))}" for event in EVENTS]
    return [
        *triggers,
        *(f"DROP TABLE IF EXISTS {quoted(name)}" for name in (source.log, source.codes)),
    ]


def is_kept(raw: Any, source: Source) -> bool:
    """Are the triggers there, on the table, and a log that is not empty, as in a copied schema?"""
    sql = (
        "SELECT count(*) FROM sqlite_master "
        "WHERE type = 'trigger' AND tbl_name = ? AND name IN (?, ?, ?)"
    )
    [count] = raw.execute(sql, (source.table, *map(source.trigger, EVENTS))).fetchone()
    first = f"SELECT 1 FROM {quoted(source.log)} LIMIT 1"  # noqa: S608
    return bool(count == len(EVENTS)) and raw.execute(first).fetchone() is not None


def stored_indexes(raw: Any, table: str) -> list[StoredIndex]:
    """The indexes whose triggers are on a table."""
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    triggers = dict(raw.execute(sql, (table,)).fetchall())
    return [
        StoredIndex(name, column.replace('""', '"'), METHOD, metric, is_valid)
        for trigger, text in sorted(triggers.items())
        for name in re.findall(f"^{PREFIX}(.*)_insert$", trigger)
        for metric, column in re.findall(TOLD_BY_TRIGGER, text)
        for is_valid in [all(f"{PREFIX}{name}_{event}" in triggers for event in EVENTS)]
    ]


def abandoned_tables(raw: Any) -> list[str]:
    """Logs and codes that no trigger writes to: their table was dropped."""
    sql = "SELECT type, name FROM sqlite_master WHERE name GLOB ?"
    found = raw.execute(sql, (f"{PREFIX}*",)).fetchall()
    triggers = {name.rpartition("_")[0] for kind, name in found if kind == "trigger"}
    return [
        name for kind, name in found if kind == "table" and name.rpartition("_")[0] not in triggers
    ]


def last_position(raw: Any, source: Source) -> Position:
    """The end of the log, where nobody who reads the column now has missed anything."""
    sql = f"SELECT number, stamp FROM {quoted(source.log)} ORDER BY number DESC LIMIT 1"  # noqa: S608
    return Position(*raw.execute(sql).fetchone())


def read(
    raw: Any, source: Source, position: Position, rows: int = EVERY
) -> tuple[Position, list[int]] | None:
    """The keys in so many rows behind a position, and the position of the last of them.

    None where the log does not have that position.
    """
    sql = (
        f"SELECT number, stamp, key FROM {quoted(source.log)} "  # noqa: S608
        "WHERE number >= ? ORDER BY number LIMIT ?"
    )
    limit = rows if rows == EVERY else rows + 1
    found = raw.execute(sql, (position.number, limit)).fetchall()
    if not found or Position(*found[0][:2]) != position:
        return None
    return Position(*found[-1][:2]), [key for _, _, key in found[1:]]


def prune(raw: Any, source: Source, position: Position, kept: int = KEPT) -> None:
    """Delete what is so far behind a position, if the log has that.

    Whoever is not as far behind can go on from where it is.
    """
    table = quoted(source.log)
    raw.execute(
        f"DELETE FROM {table} WHERE number < ? "  # noqa: S608
        f"AND EXISTS (SELECT 1 FROM {table} WHERE number = ? AND stamp = ?)",
        (position.number - kept, position.number, position.stamp),
    )


def schema_version(raw: Any) -> int:
    """A number that every change of the schema changes, and VACUUM too."""
    [version] = raw.execute("PRAGMA schema_version").fetchone()
    return int(version)


def has_lasting_keys(raw: Any, table: str) -> bool:
    """Does a row keep its key for good? VACUUM may renumber rows without INTEGER PRIMARY KEY."""
    sql = "SELECT lower(type) FROM pragma_table_info(?) WHERE pk > 0"
    return bool(raw.execute(sql, (table,)).fetchall() == [("integer",)])
