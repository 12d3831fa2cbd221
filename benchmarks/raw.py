"""Searches by psycopg 3 itself: prepared, with parameters and results in binary form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from django.db.models import Model
from pgvector.psycopg import register_vector

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.questions import Question
from benchmarks.search import nearest
from benchmarks.search_way import Find
from hybrid_store.vectors import FloatArray

__all__ = ["RawSearch", "connected"]

OPERATORS = {"exact": "=", "lte": "<=", "gte": ">="}


class RawSearch:
    """The documents of a model, with the columns that Django reads without the vector."""

    def __init__(self, bench: Bench, model: type[Model], question: Question) -> None:
        self.bench = bench
        self.model = model
        self.question = question

    def plain(self, ef_search: int) -> Find:
        """The shortest statement that gives the rows and their distances."""
        filtered, params = "", []
        if self.question.condition:
            column, lookup, value = self.question.condition
            filtered, params = f'WHERE "{column}" {OPERATORS[lookup]} %s', [value]
        sql = f"""
            SELECT id, title, "group", embedding <=> %b AS distance
            FROM {self.model._meta.db_table} {filtered} ORDER BY distance LIMIT {NEIGHBOURS}
        """
        return self._find(sql, params, ef_search)

    def same(self) -> Find:
        """The statement that `nearest` sends for the first pass."""
        sent: list[tuple[str, Sequence[Any]]] = []

        def watch(execute: Callable[..., Any], sql: str, params: Any, *others: Any) -> Any:
            sent.append((sql, params))
            return execute(sql, params, *others)

        documents = self.question.chosen(self.model, self.bench.alias)
        # The first search of a process asks for more than the rows.
        nearest(documents, self.question.vector(0))
        with self.bench.connection.execute_wrapper(watch):
            nearest(documents, self.question.vector(0))
        sql, (_, *params) = sent[0]
        return self._find(sql.replace("%s", "%b", 1), params)

    def _find(self, sql: str, params: Sequence[Any], ef_search: int | None = None) -> Find:
        """Runs a statement whose first parameter is the vector."""
        cursor = connected(self.bench).cursor()
        if ef_search is not None:
            cursor.execute(f"SET hnsw.ef_search = {ef_search}")

        def find(vector: FloatArray) -> list[int]:
            cursor.execute(sql, [vector, *params], prepare=True, binary=True)
            return [row[0] for row in cursor.fetchall()][:NEIGHBOURS]

        return find


def connected(bench: Bench) -> psycopg.Connection[Any]:
    """A connection that sends and reads vectors in binary form."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    place: dict[str, Any] = {name: bench.libpq[key] for name, key in names.items()}
    connection = psycopg.connect(**place, autocommit=True)
    register_vector(connection)
    return connection
