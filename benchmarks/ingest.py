"""Ingest: `bulk_ingest` of arrays and of objects, against other ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.by_hand import copy_rows, insert_rows
from benchmarks.models import (
    Article,
    Document,
    PgvectorDocument,
    PgvectorWideDocument,
    WideDocument,
)
from benchmarks.peers import peers
from benchmarks.project import WIDE_DIMENSIONS
from benchmarks.report import Table, rates
from benchmarks.timing import Way, side_by_side
from hybrid_store.models import bulk_ingest
from hybrid_store.vectors import FloatArray

__all__ = ["Load", "tables"]

BATCH = 1000
MOST_ROUNDS = 3
MOST_ROWS = 20_000
MOST_ROWS_OF_SLOW_WAYS = 5000
SAMPLE = 100
TYPES = {"title": "varchar", "group": "int4", "embedding": "vector"}


def tables(bench: Bench) -> Iterator[Table]:
    """Leaves the table of documents empty: it comes last."""
    many, few = (min(bench.rows, most) for most in (MOST_ROWS, MOST_ROWS_OF_SLOW_WAYS))
    documents = Load(bench, Document, PgvectorDocument, bench.corpus.vectors[:many])
    others = peers(bench, many) if bench.has_pgvector and bench.peers else []
    yield _table(bench, f"Ingest of {many:,} rows", [*documents.ways(), *others], many)
    texts = Texts(bench, bench.corpus.vectors[:many])
    yield _table(
        bench, f"Ingest of {many:,} rows with a text of some 500 characters", texts.ways(), many
    )
    wide = np.random.default_rng(1).standard_normal((few, WIDE_DIMENSIONS), np.float32)
    load = Load(bench, WideDocument, PgvectorWideDocument, wide)
    yield _table(
        bench, f"Ingest of {few:,} rows of {WIDE_DIMENSIONS:,} dimensions", load.ways(), few
    )
    if bench.has_pgvector:
        load = Load(bench, Document, PgvectorDocument, bench.corpus.vectors[:few], indexed=True)
        yield _table(bench, f"Ingest of {few:,} rows into an HNSW index", load.ways(), few)


def _table(bench: Bench, title: str, ways: list[Way[Any]], rows: int) -> Table:
    side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False)
    return rates(f"{title}, {bench.database}", ways, [rows] * len(ways))


@dataclass
class Load:
    """Documents that are loaded into an empty table; objects are made before the time counts."""

    bench: Bench
    model: type[Model]
    pgvector: type[Model]
    vectors: FloatArray
    indexed: bool = False

    def __post_init__(self) -> None:
        self.titles = [f"Document {row}" for row in range(len(self.vectors))]
        self.groups = self.bench.corpus.groups[: len(self.vectors)]
        self.objects: list[Any] = []

    def ways(self) -> list[Way[Any]]:
        found = [
            *self._by_hand(),
            self.way("**`bulk_ingest`** of columns", self.columns),
            self.way("**`bulk_ingest`** of objects", self.ingest, self.model),
            self.way("`bulk_create`, `VectorField`", self.create, self.model),
        ]
        if self.bench.has_pgvector:
            found.append(self.way("`bulk_create`, pgvector.django", self.create, self.pgvector))
        return found

    def _by_hand(self) -> list[Way[Any]]:
        if not self.bench.has_pgvector:
            return [self.way("SQL by hand", self.executemany)]
        insert = self.way("INSERT of binary arrays by hand", self.insert)
        return [self.way("COPY BINARY by hand", self.copy), insert]

    def way(
        self, label: str, load: Callable[[], object], kind: type[Model] | None = None
    ) -> Way[Any]:
        def prepare() -> None:
            self.bench.recreate(self.model)
            if self.indexed:
                self.bench.build_vector_index(self.model)
            self.objects = [] if kind is None else self._made(kind)

        return Way(label, lambda number: load(), lambda number, result: self._right(), prepare)

    def _made(self, kind: type[Model]) -> list[Any]:
        rows = zip(self.titles, self.groups.tolist(), self.vectors, strict=True)
        return [kind(title=title, group=group, embedding=vector) for title, group, vector in rows]

    def _right(self) -> float:
        """Are all rows there, and the first ones as they were given?"""
        rows = self._rows(self.model).order_by("pk")
        found = rows.values_list("title", "group", "embedding")[:SAMPLE]
        given = zip(self.titles, self.groups.tolist(), self.vectors, strict=True)
        equal = all(row == (t, g, v) for row, (t, g, v) in zip(found, given, strict=False))
        return float(equal and rows.count() == len(self.titles))

    # The ways

    def copy(self) -> None:
        rows = zip(self.titles, self.groups.tolist(), self.vectors, strict=True)
        copy_rows(self.bench, self.model, list(TYPES), list(TYPES.values()), rows)

    def insert(self) -> None:
        columns = [self.titles, self.groups.tolist(), self.vectors]
        insert_rows(self.bench, self.model, list(TYPES), list(TYPES.values()), columns)

    def executemany(self) -> None:
        table = self.model._meta.db_table
        rows = zip(
            self.titles, self.groups.tolist(), map(np.ndarray.tobytes, self.vectors), strict=True
        )
        alias = self.bench.alias
        with transaction.atomic(using=alias), self.bench.connection.cursor() as cursor:
            sql = f'INSERT INTO {table} (title, "group", embedding) VALUES (%s, %s, %s)'
            cursor.executemany(sql, rows)

    def columns(self) -> None:
        columns = {"title": self.titles, "group": self.groups, "embedding": self.vectors}
        bulk_ingest(self._rows(self.model), columns)

    def ingest(self) -> None:
        bulk_ingest(self._rows(self.model), self.objects)

    def create(self) -> None:
        self._rows(type(self.objects[0])).bulk_create(self.objects, batch_size=BATCH)

    def _rows(self, model: type[Model]) -> Any:
        return model._default_manager.using(self.bench.alias)


@dataclass
class Texts:
    """Articles with vectors that their own embedder is said to have made, or nobody."""

    bench: Bench
    vectors: FloatArray

    def __post_init__(self) -> None:
        self.texts = [f"The text of article {row}. " * 20 for row in range(len(self.vectors))]

    def ways(self) -> list[Way[Any]]:
        found = [
            self._way("**`bulk_ingest`**", lambda: self.ingest(None), len(self.texts)),
            self._way("**`bulk_ingest`**, `embedded_by`", lambda: self.ingest("default"), 0),
        ]
        by_hand = self._way("COPY BINARY by hand", self.copy, len(self.texts))
        return [by_hand, *found] if self.bench.has_pgvector else found

    def _way(self, label: str, load: Callable[[], object], stale: int) -> Way[Any]:
        def judge(number: int, result: object) -> float:
            rows = Article.objects.using(self.bench.alias)
            return float(rows.count() == len(self.texts) and rows.stale().count() == stale)

        return Way(label, lambda number: load(), judge, lambda: self.bench.recreate(Article))

    def copy(self) -> None:
        rows = zip(self.texts, self.vectors, strict=True)
        copy_rows(self.bench, Article, ["text", "embedding"], ["text", "vector"], rows)

    def ingest(self, embedded_by: str | None) -> None:
        columns = {"text": self.texts, "embedding": self.vectors}
        bulk_ingest(Article.objects.using(self.bench.alias), columns, embedded_by=embedded_by)
