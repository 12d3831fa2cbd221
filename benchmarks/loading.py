"""Loading: `bulk_create` of documents with their vectors, in batches of a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.models import Document, PgvectorDocument, TutorialDocument
from benchmarks.report import Table, rates
from benchmarks.timing import Way, side_by_side
from hybrid_store.vectors import FloatArray

__all__ = ["tables"]

BATCH = 1000
MOST_ROUNDS = 3
# Large loads take long enough to be timed once.
ROWS_IN_ALL = 30_000


def tables(bench: Bench) -> Iterator[Table]:
    """Leaves the documents behind for the searches: ours come last, in the table of pgvector's."""
    ways = [_way(bench, "tutorials: `BinaryField`", TutorialDocument, np.ndarray.tobytes)]
    if bench.has_pgvector:
        ways.append(_way(bench, "pgvector.django", PgvectorDocument))
    ways.append(_way(bench, "**`VectorField`**", Document))
    rounds = min(bench.rounds, max(ROWS_IN_ALL // bench.rows, 1), MOST_ROUNDS)
    side_by_side(ways, rounds, warm_up=False)
    bench.settle()
    yield rates(
        f"`bulk_create` of {bench.rows:,} rows, {bench.database}", ways, [bench.rows] * len(ways)
    )


def _way(
    bench: Bench,
    label: str,
    model: type[Model],
    value: Callable[[FloatArray], Any] = lambda vector: vector,
) -> Way[int]:
    table = Document if model is PgvectorDocument else model

    def run(number: int) -> int:
        documents = [
            model(title=f"Document {row}", group=int(group), embedding=value(vector))
            for row, (group, vector) in enumerate(
                zip(bench.corpus.groups, bench.corpus.vectors, strict=True), start=1
            )
        ]
        manager = model._default_manager.using(bench.alias)
        return len(manager.bulk_create(documents, batch_size=BATCH))

    def judge(number: int, created: int) -> float:
        return model._default_manager.using(bench.alias).count() / bench.rows

    return Way(label, run, judge, prepare=lambda: bench.recreate(table))
