"""What every benchmark is given: a database, a corpus and the number of rounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.models import Model

from benchmarks.data import Corpus
from benchmarks.models import Document
from hybrid_store.backends import BaseVectorOperations, vector_ops

__all__ = ["Bench"]


@dataclass(frozen=True)
class Bench:
    alias: str
    corpus: Corpus
    rounds: int

    @property
    def connection(self) -> Any:
        return connections[self.alias]

    @property
    def ops(self) -> BaseVectorOperations:
        return vector_ops(self.connection)

    @cached_property
    def database(self) -> str:
        return self.ops.server()

    @property
    def has_pgvector(self) -> bool:
        """Can pgvector.django, the peer, work on this database?"""
        extension = self.ops.extension_report()
        return extension is not None

    @property
    def rows(self) -> int:
        return self.corpus.rows

    def recreate(self, model: type[Model]) -> None:
        """An empty table with all its indexes, but not the one over vectors."""
        existing = self.connection.introspection.table_names()
        with self.connection.schema_editor() as editor:
            if model._meta.db_table in existing:
                editor.delete_model(model)
            editor.create_model(model)
        if model is Document:
            with self.connection.schema_editor() as editor:
                editor.remove_index(Document, Document._meta.indexes[0])

    def build_vector_index(self) -> None:
        with self.connection.schema_editor() as editor:
            editor.add_index(Document, Document._meta.indexes[0])

    def settle(self) -> None:
        """Let the database know its data, as it would after a while in production."""
        with self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                cursor.execute("VACUUM")
            cursor.execute("ANALYZE")
