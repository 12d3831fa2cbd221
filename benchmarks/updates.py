"""Updates: new vectors for rows that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.by_hand import update_rows
from benchmarks.models import Document, PgvectorDocument
from benchmarks.report import Table, rates
from benchmarks.timing import Way, side_by_side
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.models import bulk_ingest
from hybrid_store.vectors import FloatArray, Vector

__all__ = ["Update", "tables"]

BATCH = 1000
MOST_ROUNDS = 3
MOST_ROWS = 5000


def tables(bench: Bench) -> Iterator[Table]:
    rows = min(bench.rows, MOST_ROWS)
    ways = Update(bench, bench.corpus.vectors[:rows]).ways()
    side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False)
    yield rates(f"Update of {rows:,} vectors, {bench.database}", ways, [rows] * len(ways))


@dataclass
class Update:
    """Documents whose vectors are written anew, turned around."""

    bench: Bench
    vectors: FloatArray
    indexed: bool = False

    @property
    def keys(self) -> list[int]:
        return list(range(1, len(self.vectors) + 1))

    def ways(self) -> list[Way[Any]]:
        found = [
            self._way("a loop over `save()`, `VectorField`", lambda: self.save(Document)),
            self._way("`bulk_update`, `VectorField`", lambda: self.bulk_update(Document)),
            self._way("**what generation writes with**", self.update),
        ]
        if self.bench.has_pgvector:
            return [*self._of_pgvector(), *found]
        return [self._way("SQL by hand", self.executemany), *found]

    def _of_pgvector(self) -> list[Way[Any]]:
        kind = PgvectorDocument
        return [
            self._way("UPDATE from binary arrays by hand", self.by_hand),
            self._way("a loop over `save()`, pgvector.django", lambda: self.save(kind)),
            self._way("`bulk_update`, pgvector.django", lambda: self.bulk_update(kind)),
        ]

    def _way(self, label: str, update: Callable[[], object]) -> Way[Any]:
        def prepare() -> None:
            self.bench.recreate(Document)
            names = [str(row) for row in range(len(self.vectors))]
            columns = {"title": names, "group": [0] * len(names), "embedding": self.vectors}
            if self.indexed:
                self.bench.build_vector_index(Document)
            bulk_ingest(self._rows(Document), columns)
            self.bench.settle()

        return Way(label, lambda number: update(), lambda number, result: self._right(), prepare)

    def _right(self) -> float:
        found = self._rows(Document).order_by("pk").values_list("embedding", flat=True)
        return float(np.array_equal(np.array(found, dtype=np.float32), -self.vectors))

    # The ways

    def by_hand(self) -> None:
        update_rows(self.bench, Document, "embedding", "vector", self.keys, -self.vectors)

    def executemany(self) -> None:
        alias, rows = self.bench.alias, map(np.ndarray.tobytes, -self.vectors)
        with transaction.atomic(using=alias), self.bench.connection.cursor() as cursor:
            sql = f"UPDATE {Document._meta.db_table} SET embedding = %s WHERE id = %s"
            cursor.executemany(sql, zip(rows, self.keys, strict=True))

    def save(self, model: type[Model]) -> None:
        for row in self._changed(model):
            row.save(using=self.bench.alias, update_fields=["embedding"])

    def bulk_update(self, model: type[Model]) -> None:
        rows = self._changed(model)
        self._rows(model).bulk_update(rows, ["embedding"], batch_size=BATCH)

    def _changed(self, model: type[Model]) -> list[Model]:
        pairs = zip(self.keys, -self.vectors, strict=True)
        return [model(pk=pk, embedding=vector) for pk, vector in pairs]

    def update(self) -> None:
        embedding: Any = Document._meta.get_field("embedding")
        key: Any = Document._meta.pk
        update = RowUpdate(
            table=Document._meta.db_table,
            columns=[Column.of(embedding, self.bench.connection)],
            keys=[Column.of(key, self.bench.connection)],
        )
        rows = [(Vector(vector), row) for row, vector in enumerate(-self.vectors, 1)]
        for start in range(0, len(rows), BATCH):
            self.bench.ops.update_rows(update, rows[start : start + BATCH])

    def _rows(self, model: type[Model]) -> Any:
        return model._default_manager.using(self.bench.alias)
