"""`bulk_ingest`: many new rows, as fast as the database takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from types import NoneType
from typing import Any

from django.db import DatabaseError, connections, router, transaction
from django.db.models import AutoField, Manager, Model, QuerySet
from django.db.models.expressions import DatabaseDefault

from hybrid_store.backends import vector_ops
from hybrid_store.backends.inserts import Values, Vectors
from hybrid_store.exceptions import IngestError
from hybrid_store.models.insertion import Raw, alike, insert_by_django, is_plain_column
from hybrid_store.models.prepared import kinds, prepare
from hybrid_store.models.rows import Batch, batches, fields_of
from hybrid_store.models.stamps import Stamp, stamps

__all__ = ["BATCH_SIZE", "bulk_ingest"]

BATCH_SIZE = 2000


def bulk_ingest(
    target: type[Model] | Manager[Any] | QuerySet[Any],
    rows: Iterable[Model] | Mapping[str, Any],
    *,
    embedded_by: str | Mapping[str, str] | None = None,
    batch_size: int = BATCH_SIZE,
) -> int:
    """Write new rows, all or none of them; gives their number.

    `target` is a model, a manager or a queryset: its model, and its database. `rows` are unsaved
    objects, of which `batch_size` are held at a time, or a mapping of field names to columns:
    lists, or arrays, vectors as one of shape (rows, dimensions). Fields without a column get their
    defaults. Objects get their primary keys.

    `embedded_by` states that the vectors are those which the field's own embedder gives for the
    rows' texts: its alias or its space, or a mapping from the names of several embeddings. Else
    vectors are of unknown origin, and stale.

    As with `bulk_create` no signals are sent, and children of other models' tables are refused.
    Raises `IngestError`, `VectorValueError` with the number of the row, `AdoptionError`, and what
    Django raises for values that fields or database do not take.
    """
    if batch_size < 1:
        raise IngestError(f"'batch_size' is {batch_size!r}: give a number of rows.")
    model, using = _destination(target)
    for parent in model._meta.all_parents:
        if parent._meta.concrete_model is not model._meta.concrete_model:
            raise IngestError(
                f"The rows of {model._meta.label} are in the table of {parent._meta.label} too, "
                "and bulk_ingest writes to one: save them one by one."
            )
    ingest = _Ingest(model, using, stamps(model, embedded_by, using))
    try:
        with transaction.atomic(using=using):
            return sum(ingest.write(batch) for batch in batches(model, rows, batch_size))
    except DatabaseError as error:
        if not vector_ops(connections[using]).is_read_only(error):
            raise
        raise IngestError(
            f"Database {using!r} can only be read: name one that is written to, as in "
            f"{model.__name__}.objects.using(...)."
        ) from error


def _destination(target: Any) -> tuple[type[Model], str]:
    if isinstance(target, type):
        return target, router.db_for_write(target)
    queryset = target.all()
    queryset._for_write = True
    return queryset.model, queryset.db


class _Ingest:
    """The batches of one call, in a transaction."""

    def __init__(self, model: type[Model], using: str, stamps: Sequence[Stamp]) -> None:
        self.model = model
        self.using = using
        self.stamps = stamps
        self.fields = fields_of(model)
        self.keys: Sequence[Any] = model._meta.pk_fields
        self.connection = connections[using]

    def write(self, batch: Batch) -> int:
        raw: Raw = {field: batch.values(field) for field in self.fields}
        self._number(raw)
        columns = {f.column: prepare(f, raw[f], self.connection, batch.first) for f in self.fields}
        is_plain = self._is_plain(columns)
        # What expressions and placeholders make of a text is seen when it is stored.
        pending = [s for s in self.stamps if not (is_plain and self._stamp(s, raw, columns))]
        if not (is_plain and self._insert(columns)):
            raw |= insert_by_django(self.model, self.using, raw)
        for stamp in pending:
            raw[stamp.companion] = stamp.write(self._keys(raw))
        decided = [*self.keys, *(stamp.companion for stamp in self.stamps)]
        batch.written({field.attname: raw[field] for field in decided}, self.using)
        return len(raw[self.keys[0]])

    def _number(self, raw: Raw) -> None:
        """Give rows without a key one, where it is automatic and the database says which."""
        [key, *others] = self.keys
        missing = 0 if others or not isinstance(key, AutoField) else raw[key].count(None)
        if missing:
            table, ops = self.model._meta.db_table, vector_ops(self.connection)
            new = iter(ops.new_keys(table, key.column, missing) or repeat(None))
            raw[key] = [next(new) if value is None else value for value in raw[key]]

    def _stamp(self, stamp: Stamp, raw: Raw, columns: dict[str, Values]) -> bool:
        """Stamp rows before they are written, if that can be done."""
        made = stamp.of_given(columns)
        if made is None:
            return False
        vectors = columns[str(stamp.field.column)]
        if isinstance(vectors, Vectors):
            made = [mark if given else None for mark, given in zip(made, vectors.has, strict=True)]
        raw[stamp.companion] = columns[stamp.companion.column] = made
        return True

    def _is_plain(self, columns: Mapping[str, Values]) -> bool:
        """Is all of it values, and every key known?"""
        keys = [columns[key.column] for key in self.keys]
        if any(kind in {NoneType, DatabaseDefault} for key in keys for kind in kinds(key)):
            return False
        return all(is_plain_column(field, columns[field.column]) for field in self.fields)

    def _insert(self, columns: Mapping[str, Values]) -> bool:
        ops, table = vector_ops(self.connection), self.model._meta.db_table
        return all(ops.insert_rows(table, rows) for rows in alike(columns))

    def _keys(self, raw: Raw) -> list[Any]:
        keys = list(zip(*(raw[key] for key in self.keys), strict=True))
        return keys if len(self.keys) > 1 else [key for (key,) in keys]
