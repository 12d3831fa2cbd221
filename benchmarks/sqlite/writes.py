"""Writes: ingest and updates with the triggers of a `VectorIndex`, and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.ingest import Load
from benchmarks.models import Document, PgvectorDocument
from benchmarks.report import Table, rates
from benchmarks.sqlite.trial import INGEST, Trial
from benchmarks.timing import Way, side_by_side
from benchmarks.updates import Update

__all__ = ["tables"]

MOST_ROUNDS = 3
# Of a tenth of the rows, as a loop over them waits for the disk at each.
MOST_UPDATES = 5000
LABELS = {False: "no triggers", True: "triggers"}


def tables(bench: Trial) -> Iterator[Table]:
    """Leaves another table of documents behind: it comes last."""
    vectors = bench.corpus.vectors
    bare, logged = (Load(bench, Document, PgvectorDocument, vectors, indexed) for indexed in LABELS)
    columns = logged.way("**`bulk_ingest`** of columns, triggers", logged.columns)
    ways = [
        bare.way("`executemany` by hand, no triggers", bare.executemany),
        logged.way("`executemany` by hand, triggers", logged.executemany),
        columns,
        logged.way("**`bulk_ingest`** of objects, triggers", logged.ingest, Document),
        logged.way("`bulk_create`, triggers", logged.create, Document),
    ]
    yield _table(bench, f"Ingest of {bench.rows:,} rows", ways, bench.rows)
    bench.note(INGEST, bench.rows / columns.median)
    rows = min(bench.rows // 10, MOST_UPDATES)
    yield _table(bench, f"Update of {rows:,} vectors", _updates(bench, rows), rows)


def _updates(bench: Trial, rows: int) -> list[Way[Any]]:
    found = []
    for indexed, label in LABELS.items():
        for way in Update(bench, bench.corpus.vectors[:rows], indexed).ways():
            way.label += f", {label}"
            found.append(way)
    return found


def _table(bench: Trial, title: str, ways: list[Way[Any]], rows: int) -> Table:
    side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False)
    return rates(f"{title}, {bench.database}", ways, [rows] * len(ways))
