"""Rows written by psycopg 3 in binary form, without an ORM: as fast as the database takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db import transaction
from django.db.models import Model
from pgvector.psycopg import register_vector

from benchmarks.bench import Bench

__all__ = ["copy_rows", "insert_rows", "update_rows"]

BATCH = 1000


def copy_rows(
    bench: Bench, model: type[Model], names: list[str], types: list[str], rows: Iterable[Any]
) -> None:
    """What pgvector's README does to load many rows."""
    sql = f"COPY {model._meta.db_table} ({_quoted(names)}) FROM STDIN WITH (FORMAT BINARY)"
    with transaction.atomic(using=bench.alias), _cursor(bench).copy(sql) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def insert_rows(
    bench: Bench, model: type[Model], names: list[str], types: list[str], columns: Sequence[Any]
) -> None:
    """Columns as arrays, a thousand rows a statement."""
    table = model._meta.db_table
    sql = f"INSERT INTO {table} ({_quoted(names)}) SELECT * FROM {_unnested(types)}"
    with transaction.atomic(using=bench.alias):
        _execute(bench, sql, columns)


def update_rows(
    bench: Bench, model: type[Model], name: str, kind: str, keys: list[int], values: Any
) -> None:
    """One column of the rows with these keys, in the same way."""
    table, source = model._meta.db_table, f"{_unnested([kind, 'int8'])} AS new (value, id)"
    sql = f'UPDATE {table} SET "{name}" = new.value FROM {source} WHERE {table}.id = new.id'
    with transaction.atomic(using=bench.alias):
        _execute(bench, sql, [values, keys])


def _execute(bench: Bench, sql: str, columns: Sequence[Any]) -> None:
    cursor = _cursor(bench)
    for start in range(0, len(columns[0]), BATCH):
        cursor.execute(sql, [list(column[start : start + BATCH]) for column in columns])


def _cursor(bench: Bench) -> psycopg.Cursor[Any]:
    """On the connection of Django, which `transaction` opens."""
    raw = bench.connection.connection
    register_vector(raw)
    return psycopg.Cursor(raw)


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _unnested(types: list[str]) -> str:
    return f"unnest({', '.join(f'%b::{kind}[]' for kind in types)})"
