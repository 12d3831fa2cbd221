"""What every benchmark is given: a database, a corpus and the number of rounds."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connections
from django.db.models import Model

from benchmarks.data import QUERIES, Corpus
from hybrid_store.backends import BaseVectorOperations, vector_ops
from hybrid_store.models import TextIndex, VectorIndex, bulk_ingest
from hybrid_store.models.text_index import text_indexes

__all__ = ["Bench"]


@dataclass(frozen=True)
class Bench:
    """`peers` says whether those are measured that need packages of their own."""

    alias: str
    corpus: Corpus
    rounds: int
    peers: bool = True

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

    @property
    def searches(self) -> int:
        """Rounds of what is fast enough to ask every query, whose recall differs."""
        return min(QUERIES, 10 * self.rounds)

    def has_table(self, model: type[Model]) -> bool:
        return model._meta.db_table in self.connection.introspection.table_names()

    def recreate(self, model: type[Model]) -> None:
        """An empty table with all its indexes, but not those over vectors and words."""
        exists = self.has_table(model)
        with self.connection.schema_editor() as editor:
            if exists:
                editor.delete_model(model)
            editor.create_model(model)
            for index in model._meta.indexes:
                if isinstance(index, VectorIndex | TextIndex):
                    editor.remove_index(model, index)

    def build_vector_index(self, model: type[Model]) -> float:
        """Build those that the table does not have yet; returns the seconds it took."""
        with self.connection.cursor() as cursor:
            stored = self.connection.introspection.get_constraints(cursor, model._meta.db_table)
        started = time.perf_counter()
        for index in _vector_indexes(model):
            if index.name not in stored:
                with self.connection.schema_editor() as editor:
                    editor.add_index(model, index)
        return time.perf_counter() - started

    def build_text_index(self, model: type[Model]) -> float:
        """Build it, in place of one that is there; returns the seconds it took."""
        started = time.perf_counter()
        for index in text_indexes(model):
            with self.connection.schema_editor() as editor:
                editor.add_index(model, index)
        return time.perf_counter() - started

    def fill(self, model: type[Model]) -> None:
        """The corpus in the table of a model, unless it is there already."""
        objects = model._default_manager.using(self.alias)
        if self.has_table(model) and objects.count() == self.rows:
            return
        self.recreate(model)
        columns: dict[str, Any] = {
            "title": [f"Document {row}" for row in range(1, self.rows + 1)],
            "embedding": self.corpus.vectors,
            **self.corpus.columns,
        }
        names = {field.name for field in model._meta.fields}
        bulk_ingest(objects, {name: columns[name] for name in columns.keys() & names})
        self.settle()

    def variant(self, name: str, **options: Any) -> str:
        """The alias of the same database through connections with other OPTIONS."""
        alias = f"{self.alias}_{name}"
        settings = deepcopy(self.connection.settings_dict)
        settings["OPTIONS"].update(options)
        connections.settings[alias] = settings
        return alias

    @property
    def libpq(self) -> dict[str, str]:
        """Where the server is, in the variables of libpq."""
        settings = self.connection.settings_dict
        names = {"PGDATABASE": "NAME"} | {f"PG{name}": name for name in ("HOST", "PORT", "USER")}
        return {name: str(settings[key]) for name, key in names.items()}

    @property
    def size(self) -> int:
        """The bytes of all that is in the database."""
        with self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                cursor.execute("SELECT pg_database_size(current_database())")
            else:
                cursor.execute(
                    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
                    "pragma_freelist_count, pragma_page_size"
                )
            return int(cursor.fetchone()[0])

    def settle(self) -> None:
        """Let the database know its data, as it would after a while in production."""
        with self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                cursor.execute("VACUUM")
            cursor.execute("ANALYZE")


def _vector_indexes(model: type[Model]) -> list[VectorIndex]:
    return [index for index in model._meta.indexes if isinstance(index, VectorIndex)]
