"""What this SQLite can do, and how the stored codes of a table fare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hybrid_store.backends.reports import Ailment, Fact, TableReport
from hybrid_store.backends.sqlite.engine import log, store
from hybrid_store.backends.sqlite.engine.kernels import kernel
from hybrid_store.backends.sqlite.engine.source import Source, quoted, row_key

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["ailments", "facts", "table_report"]

COMPARED = {
    "numkong": "numkong",
    "NumPy": "NumPy (numkong, of the extra 'fast', takes about half as long)",
}
WORDS = {True: "FTS5", False: "nothing, as this SQLite was built without FTS5"}
MEBIBYTE = 1 << 20
# Rows whose codes take a new process a tenth of a second to make, or more.
MANY_ROWS = 20_000
# The share of the rows that may have changed since codes were stored.
MANY_CHANGES = 0.25


def facts(connection: Any) -> list[Fact]:
    raw = _raw(connection)
    [mode], [pages], [of_page] = (
        raw.execute(f"PRAGMA {name}").fetchone()
        for name in ("journal_mode", "page_count", "page_size")
    )
    [words] = raw.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()
    detail = (
        f"codes are compared by {COMPARED[kernel().name]}, words are found by "
        f"{WORDS[bool(words)]}; {pages * of_page / MEBIBYTE:.1f} MiB, journal mode {mode}"
    )
    return [Fact("searches", detail)]


def table_report(connection: Any, model: type[Model]) -> TableReport:
    """The bytes are those of stored codes; those of rows are told by no statement that is quick."""
    raw = _raw(connection)
    indexes, notes = {}, []
    for source in _sources(raw, model):
        rows, changes = _stored(raw, source)
        indexes[source.index] = rows * source.bytes_of_row
        stored = f"codes of {rows} rows stored" if rows else "no codes stored"
        notes.append(f"{source.index}: {stored}, changes since: {changes}")
    return TableReport(None, indexes, tuple(notes))


def ailments(connection: Any, model: type[Model], rows: int) -> list[Ailment]:
    """`rows` are about as many as the table has."""
    raw = _raw(connection)
    is_kept = not connection.is_in_memory_db() and log.has_lasting_keys(raw, model._meta.db_table)
    if rows < MANY_ROWS or not is_kept:
        return []
    return [ailment for source in _sources(raw, model) for ailment in _behind(raw, source, rows)]


def _behind(raw: Any, source: Source, rows: int) -> Iterator[Ailment]:
    stored, changes = _stored(raw, source)
    if not stored and _has_vectors(raw, source):
        fault = "no codes are stored: each new process makes all of them"
    elif stored and changes > MANY_CHANGES * rows:
        fault = f"{changes} changes are not in the stored codes: each new process looks them up"
    else:
        return
    yield Ailment("codes", f"{source.index}: {fault}", "Run manage.py optimize_vectors.", slow=True)


def _has_vectors(raw: Any, source: Source) -> bool:
    column = quoted(source.column)
    sql = f"SELECT 1 FROM {quoted(source.table)} WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608
    return raw.execute(sql).fetchone() is not None


def _stored(raw: Any, source: Source) -> tuple[int, int]:
    """Rows of the codes that are stored, and changes in the log that are not in them."""
    edition = store.edition(raw, source)
    number = edition.position.number if edition else 0
    sql = f"SELECT count(*) FROM {quoted(source.log)} WHERE number > ? AND key IS NOT NULL"  # noqa: S608
    [changes] = raw.execute(sql, (number,)).fetchone()
    return (store.rows(raw, source, edition.number) if edition else 0), int(changes)


def _sources(raw: Any, model: type[Model]) -> Iterator[Source]:
    """What the indexes are over whose triggers are on the model's table."""
    columns: dict[Any, Any] = {field.column: field for field in model._meta.local_concrete_fields}
    for index in log.stored_indexes(raw, model._meta.db_table):
        field = columns.get(index.column)
        if index.is_valid and index.metric is not None and field is not None:
            yield Source(
                index=index.name,
                table=model._meta.db_table,
                column=index.column,
                key=row_key(model),
                metric=index.metric,
                codec=field.codec,
                dimensions=field.dimensions,
            )


def _raw(connection: Any) -> Any:
    connection.ensure_connection()
    return connection.connection
