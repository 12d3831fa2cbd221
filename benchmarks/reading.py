"""Reading: a thousand objects with their vectors, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.models import Document, PgvectorDocument, TutorialDocument
from benchmarks.report import Table, times
from benchmarks.timing import Way, side_by_side
from hybrid_store.vectors import FloatArray

__all__ = ["tables"]

ROWS = 1000


def tables(bench: Bench) -> Iterator[Table]:
    """The documents are loaded already."""
    ways = [_way(bench, "tutorials: `np.frombuffer`", TutorialDocument, _from_bytes)]
    if bench.has_pgvector:
        ways.append(_way(bench, "pgvector.django", PgvectorDocument, _as_array))
    ways.append(_way(bench, "**`VectorField`**", Document, _as_array))
    side_by_side(ways, bench.rounds)
    yield times(f"Reading {ROWS:,} objects with their vectors, {bench.database}", ways, "equal")


def _from_bytes(stored: Any) -> FloatArray:
    return np.frombuffer(stored, dtype=np.float32)


def _as_array(stored: Any) -> FloatArray:
    return np.asarray(stored, dtype=np.float32)


def _way(
    bench: Bench, label: str, model: type[Model], convert: Callable[[Any], FloatArray]
) -> Way[list[FloatArray]]:
    rows: Any = model._default_manager.using(bench.alias).order_by("pk")

    def run(number: int) -> list[FloatArray]:
        return [convert(document.embedding) for document in rows.all()[:ROWS]]

    def judge(number: int, found: list[FloatArray]) -> float:
        return float(np.array_equal(np.array(found), bench.corpus.vectors[:ROWS]))

    return Way(label, run, judge)
