"""An index of words in migrations: made, removed, and made up for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.sqlite.text.source import KEYS_PREFIX, PREFIX, WordTable, quoted
from hybrid_store.backends.texts import TextSpec

__all__ = ["complete", "creation", "is_kept", "removal"]

EVENTS = ("insert", "update", "delete")


def creation(words: WordTable, table: str) -> list[str]:
    """The statements that make the index and fill it; see `BaseTextOperations.creation`."""
    columns, tokenizer = ", ".join(words.columns), quoted(words.tokenizer)
    return [
        f"DROP TABLE IF EXISTS {words.name}",
        *_keys(words),
        f"CREATE VIRTUAL TABLE {words.name} USING fts5({columns}, tokenize = {tokenizer})",
        f"INSERT INTO {words.name} ({words.name}, rank) VALUES ('rank', '{words.rank}')",  # noqa: S608
        *_filling(words, table),
        *_triggers(words, table),
    ]


def _keys(words: WordTable) -> list[str]:
    drop = f"DROP TABLE IF EXISTS {words.keys}"
    if words.spec.has_integer_key:
        return [drop]
    keys = ", ".join(words.key_columns)
    return [drop, f"CREATE TABLE {words.keys} (id integer PRIMARY KEY, {keys}, UNIQUE ({keys}))"]


def _filling(words: WordTable, table: str) -> list[str]:
    spec = words.spec
    texts = ", ".join(words.text_sql(f"t.{quoted(column)}") for column in spec.columns)
    keys = [f"t.{quoted(key)}" for key in spec.keys]
    into = f"INSERT INTO {words.name} (rowid, {', '.join(words.columns)})"
    if spec.has_integer_key:
        return [f"{into} SELECT {keys[0]}, {texts} FROM {table} t"]  # noqa: S608
    names = words.key_columns
    same = " AND ".join(f"k.{name} = {key}" for name, key in zip(names, keys, strict=True))
    return [
        f"INSERT INTO {words.keys} ({', '.join(names)}) SELECT {', '.join(keys)} FROM {table} t",  # noqa: S608
        f"{into} SELECT k.id, {texts} FROM {table} t JOIN {words.keys} k ON {same}",  # noqa: S608
    ]


def _triggers(words: WordTable, table: str) -> list[str]:
    changed = " OR ".join(
        f"NEW.{quoted(column)} IS NOT OLD.{quoted(column)}"
        for column in (*words.spec.keys, *words.spec.columns)
    )
    actions = {
        "insert": ("", [*_forgetting(words, "NEW"), *_noting(words)]),
        "update": (f"WHEN {changed} ", [*_forgetting(words, "OLD"), *_noting(words)]),
        "delete": ("", _forgetting(words, "OLD")),
    }
    return [
        sql
        for event, (condition, statements) in actions.items()
        for sql in _trigger(words, f"AFTER {event} ON {table} {condition}", event, statements)
    ]


def _trigger(words: WordTable, when: str, event: str, statements: list[str]) -> list[str]:
    name, body = quoted(words.trigger(event)), "; ".join(statements)
    return [
        f"DROP TRIGGER IF EXISTS {name}",
        f"CREATE TRIGGER {name} {when}BEGIN /* {words.mark} */ {body}; END",
    ]


def _forgetting(words: WordTable, row: str) -> list[str]:
    """Also before an insert: REPLACE deletes rows without telling the trigger of deletions."""
    forget = f"DELETE FROM {words.name} WHERE rowid = {_number(words, row)}"  # noqa: S608
    if words.spec.has_integer_key:
        return [forget]
    return [forget, f"DELETE FROM {words.keys} WHERE {_is_row(words, row)}"]  # noqa: S608


def _noting(words: WordTable) -> list[str]:
    texts = ", ".join(words.text_sql(f"NEW.{quoted(column)}") for column in words.spec.columns)
    number = _number(words, "NEW")
    note = f"INSERT INTO {words.name} (rowid, {', '.join(words.columns)}) SELECT {number}, {texts}"
    if words.spec.has_integer_key:
        return [note]
    keys = ", ".join(f"NEW.{quoted(key)}" for key in words.spec.keys)
    names = ", ".join(words.key_columns)
    return [f"INSERT INTO {words.keys} ({names}) VALUES ({keys})", note]  # noqa: S608


def _number(words: WordTable, row: str) -> str:
    """SQL of the rowid that the FTS5 table has for a row."""
    if words.spec.has_integer_key:
        return f"{row}.{quoted(words.spec.keys[0])}"
    return f"(SELECT id FROM {words.keys} WHERE {_is_row(words, row)})"  # noqa: S608


def _is_row(words: WordTable, row: str) -> str:
    pairs = zip(words.key_columns, words.spec.keys, strict=True)
    return " AND ".join(f"{name} = {row}.{quoted(key)}" for name, key in pairs)


def removal(words: WordTable) -> list[str]:
    return [
        *(f"DROP TRIGGER IF EXISTS {quoted(words.trigger(event))}" for event in EVENTS),
        f"DROP TABLE IF EXISTS {words.keys}",
        f"DROP TABLE IF EXISTS {words.name}",
    ]


def complete(connection: BaseDatabaseWrapper, specs: Collection[TextSpec]) -> None:
    """Make the indexes that are missing or other ones; remove those of tables that are gone."""
    connection.ensure_connection()
    declared, raw = [WordTable(spec) for spec in specs], connection.connection
    for words in declared:
        if not is_kept(raw, words):
            _run(connection, creation(words, quoted(words.spec.table)))
    kept = {name for words in declared for name in (words.name, words.keys)}
    gone = [name for name in _abandoned(raw) if quoted(name) not in kept]
    _run(connection, [f"DROP TABLE IF EXISTS {quoted(name)}" for name in gone])


def is_kept(raw: Any, words: WordTable) -> bool:
    """Are its triggers on the table, and the FTS5 table there?"""
    sql = (
        "SELECT count(*) FROM sqlite_master WHERE "
        "type = 'trigger' AND tbl_name = ? AND name IN (?, ?, ?) AND instr(sql, ?) "
        "OR type = 'table' AND name = ?"
    )
    triggers = map(words.trigger, EVENTS)
    name = f"{PREFIX}{words.spec.name}"
    given = (words.spec.table, *triggers, f"/* {words.mark} */", name)
    [count] = raw.execute(sql, given).fetchone()
    return bool(count == len(EVENTS) + 1)


def _abandoned(raw: Any) -> list[str]:
    """Tables that no trigger writes to: theirs was dropped."""
    sql = (
        "SELECT name FROM sqlite_master WHERE type = ? "
        "AND (name GLOB ? OR (name GLOB ? AND sql LIKE ?))"
    )
    triggers = raw.execute(sql, ("trigger", f"{PREFIX}*", "", "")).fetchall()
    living = {name.removeprefix(PREFIX).rpartition("_")[0] for (name,) in triggers}
    # Not the tables that FTS5 itself keeps beside its own.
    given = ("table", f"{KEYS_PREFIX}*", f"{PREFIX}*", "CREATE VIRTUAL%")
    tables = [name for (name,) in raw.execute(sql, given).fetchall()]
    return [
        name for name in tables if name.removeprefix(PREFIX).removeprefix(KEYS_PREFIX) not in living
    ]


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
