"""The batch UPDATE that stores embeddings, each row only if its text is still the embedded one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import UpdateQuery

from hybrid_store.backends import vector_ops
from hybrid_store.backends.updates import Column, Guard, RowUpdate
from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.paths import in_own_table
from hybrid_store.vectors import Vector

__all__ = ["GuardedUpdate", "key_values"]


class GuardedUpdate:
    """`UPDATE ... SET vector, fingerprint WHERE pk AND <digest of the row's text now>`.

    Compiled once for many batches of some thousand rows. Without `guarded` it is by primary key
    alone, for callers that hold the rows' locks and have compared. With it, the source must be
    `in_own_table`. Rows of one batch have distinct keys.
    """

    def __init__(self, field: EmbeddingField, using: str, guarded: bool = True) -> None:
        self.field = field
        self.prefix = field.space_prefix
        self.using = using
        self.keys = field.model._meta.pk_fields
        self.guarded = guarded
        fingerprint: Any = field.model._meta.get_field(field.fingerprint_name)
        self.update = RowUpdate(
            table=field.model._meta.db_table,
            columns=[Column.of(column, self.connection) for column in (field, fingerprint)],
            keys=[Column.of(key, self.connection) for key in self.keys],
            guard=self._guard() if guarded else None,
        )

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """That of the thread that writes."""
        return connections[self.using]

    def store(self, rows: Sequence[tuple[Any, str, Vector]]) -> list[bool]:
        """Write (pk, digest of the embedded text, vector); False for rows changed or gone.

        Raises `VectorValueError` for a vector the field does not take, before anything is written.
        """
        return self._write(
            [
                (self.field.get_prep_value(vector), self.prefix + content, pk, content)
                for pk, content, vector in rows
            ]
        )

    def clear(self, rows: Sequence[tuple[Any, str]]) -> list[bool]:
        """Make vector and fingerprint of (pk, digest of the text) NULL; False as in `store`."""
        return self._write([(None, None, pk, content) for pk, content in rows])

    def _write(self, rows: Sequence[tuple[Vector | None, str | None, Any, str]]) -> list[bool]:
        if not rows:
            return []
        return vector_ops(self.connection).update_rows(
            self.update,
            [
                (
                    *(vector, stamp),
                    *key_values(self.keys, pk, self.connection),
                    *((content,) if self.guarded else ()),
                )
                for vector, stamp, pk, content in rows
            ],
        )

    def _guard(self) -> Guard:
        if not in_own_table(self.field):
            raise ValueError(f"{self.field.label}: an UPDATE sees no source outside its own table.")
        query = UpdateQuery(self.field.model)
        compiler = query.get_compiler(connection=self.connection)
        content: Any = freshness.content(self.field)
        return Guard(*compiler.compile(content.resolve_expression(query)))


def key_values(keys: Sequence[Any], pk: Any, connection: BaseDatabaseWrapper) -> list[Any]:
    """A primary key, of one field or of several, as the database takes it."""
    parts = pk if len(keys) > 1 else (pk,)
    return [key.get_db_prep_value(part, connection) for key, part in zip(keys, parts, strict=True)]
