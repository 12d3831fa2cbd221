"""The change log of an index in migrations: made, removed, and made up for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.ddl_references import Statement, Table

from hybrid_store.backends.sqlite.engine import log
from hybrid_store.backends.sqlite.engine.source import Source, quoted

__all__ = ["complete", "create_index", "remove_index"]


def create_index(source: Source, schema_editor: Any) -> Statement:
    """The first statement. All of them are run where Django runs what it has deferred, which it
    may run before this one too.

    They are renamed with the table, as when Django makes a table anew in order to alter it.
    """
    table = Table(source.table, quoted)
    statements = [Statement(sql, table=table) for sql in log.creation(source, "%(table)s")]
    schema_editor.deferred_sql.extend(statements)
    return statements[0]


def remove_index(source: Source, schema_editor: Any) -> Statement:
    """The last statement; the others are run now, as no column can be dropped before.

    What is still to be run of the creation is no more.
    """
    made = {*log.creation(source, quoted(source.table))}
    deferred = schema_editor.deferred_sql
    deferred[:] = [statement for statement in deferred if str(statement) not in made]
    *others, last = log.removal(source)
    for sql in others:
        schema_editor.execute(sql)
    return Statement(last, table=Table(source.table, quoted))


def complete(connection: BaseDatabaseWrapper, sources: Iterable[Source]) -> None:
    """Make the logs that are missing, and remove those of tables that are gone."""
    connection.ensure_connection()
    declared, raw = {*sources}, connection.connection
    for source in declared:
        if not log.is_kept(raw, source):
            _run(connection, log.creation(source, quoted(source.table)))
    kept = {name for source in declared for name in (source.log, source.codes)}
    gone = [name for name in log.abandoned_tables(raw) if name not in kept]
    _run(connection, [f"DROP TABLE {quoted(name)}" for name in gone])


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)
