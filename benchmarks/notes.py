"""Notes: what an index of words takes to be built, to be stored and to be kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import F, Model, Value
from django.db.models.functions import Concat

from benchmarks.bench import Bench
from benchmarks.models import Note, PlainNote, SearchNote
from benchmarks.report import Table, number
from benchmarks.timing import Way, side_by_side
from hybrid_store.models import bulk_ingest

__all__ = ["OURS", "THEIRS", "tables"]

OURS = "**`TextIndex`**"
THEIRS = "`SearchVectorField`, GIN"

MOST_ROUNDS = 3
MOST_WRITTEN = 1000
ADDED = " added"


def tables(bench: Bench) -> Iterator[Table]:
    """Leaves the tables of notes filled, with all their indexes."""
    yield _built(bench)
    yield _written(bench)
    bench.build_vector_index(Note)
    bench.settle()


def _built(bench: Bench) -> Table:
    texts = sum(len(text.encode()) for text in bench.corpus.texts)
    rows = [["(the texts)", "", _megabytes(texts)]]
    rows.append(["(the table)", "", _megabytes(_growth(bench, lambda: _fill(bench, PlainNote)))])
    for label, model in _models(bench).items():
        if model is not PlainNote:
            _fill(bench, model)
            seconds: list[float] = []
            size = _growth(bench, lambda: seconds.append(_build(bench, model)))  # noqa: B023
            rows.append([label, number(*seconds), _megabytes(size)])
    bench.settle()
    title = f"Indexes of the words of {bench.rows:,} texts, {bench.database}"
    return Table(title, ["", "s", "MB"], rows)


def _models(bench: Bench) -> Mapping[str, type[Model]]:
    ours: dict[str, type[Model]] = {"no index of words": PlainNote, OURS: Note}
    return {**ours, THEIRS: SearchNote} if bench.has_pgvector else ours


def _fill(bench: Bench, model: type[Model]) -> None:
    """The corpus in a table without an index of words."""
    bench.recreate(model)
    if model is SearchNote:
        with bench.connection.schema_editor() as editor:
            editor.remove_index(model, *model._meta.indexes)
            editor.remove_field(model, model._meta.get_field("search"))
    _ingest(bench, model, bench.rows)


def _build(bench: Bench, model: type[Model]) -> float:
    """Build the index of words; returns the seconds it took."""
    if model is not SearchNote:
        return bench.build_text_index(model)
    started = time.perf_counter()
    with bench.connection.schema_editor() as editor:
        editor.add_field(model, model._meta.get_field("search"))
        editor.add_index(model, *model._meta.indexes)
    return time.perf_counter() - started


def _ingest(bench: Bench, model: type[Model], rows: int) -> None:
    corpus = bench.corpus
    columns = {
        "text": corpus.texts[:rows],
        "group": corpus.groups[:rows],
        "group_unindexed": corpus.groups[:rows],
        "embedding": corpus.vectors[:rows],
    }
    bulk_ingest(model._default_manager.using(bench.alias), columns, embedded_by="near")


def _growth(bench: Bench, change: Callable[[], object]) -> int:
    before = bench.size
    change()
    return bench.size - before


def _megabytes(size: float) -> str:
    return number(size / 1e6)


def _written(bench: Bench) -> Table:
    kept = {label: _Writes(bench, model) for label, model in _models(bench).items()}
    cells = {label: [label] for label in kept}
    written = min(bench.rows, MOST_WRITTEN)
    for kind in _Writes.KINDS:
        ways = [writes.way(label, kind) for label, writes in kept.items()]
        for way in side_by_side(ways, min(bench.rounds, MOST_ROUNDS), warm_up=False):
            cells[way.label].append(number(way.median * 1000 / written))
    for writes in kept.values():
        writes.clear()
    title = f"Writing {written:,} rows into {bench.rows:,}, ms a row, {bench.database}"
    return Table(title, ["", *_Writes.KINDS], [*cells.values()])


@dataclass(frozen=True)
class _Writes:
    """New rows of a table, written by one statement."""

    bench: Bench
    model: type[Model]

    KINDS = ("insert", "update of the text", "update of the vector")

    @property
    def new(self) -> Any:
        return self.model._default_manager.using(self.bench.alias).filter(pk__gt=self.bench.rows)

    def way(self, label: str, kind: str) -> Way[Any]:
        write, judge = {
            "insert": (self.insert, self._are_there),
            "update of the text": (self.update_texts, self._have_other_texts),
            "update of the vector": (self.update_vectors, self._have_other_vectors),
        }[kind]

        def prepare() -> None:
            self.clear()
            if kind != "insert":
                self.insert()

        return Way(label, lambda number: write(), lambda number, result: judge(), prepare)

    def clear(self) -> None:
        self.new.delete()

    def insert(self) -> None:
        _ingest(self.bench, self.model, MOST_WRITTEN)

    def update_texts(self) -> None:
        self.new.update(text=Concat(F("text"), Value(ADDED)))

    def update_vectors(self) -> None:
        self.new.update(embedding=self.bench.corpus.queries[0])

    def _are_there(self) -> float:
        return float(self.new.count() / min(self.bench.rows, MOST_WRITTEN))

    def _have_other_texts(self) -> float:
        return float(self.new.filter(text__endswith=ADDED).count() / self.new.count())

    def _have_other_vectors(self) -> float:
        given = self.bench.corpus.queries[0]
        vectors = self.new.values_list("embedding", flat=True)
        return float(np.mean([np.array_equal(vector, given) for vector in vectors]))
