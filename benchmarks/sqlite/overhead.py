"""Overhead: what the ORM adds to a statement of few rows, and where the time of a search goes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS, Corpus
from benchmarks.models import Document
from benchmarks.questions import Question, everything
from benchmarks.report import Table, costs, number
from benchmarks.search import finder, nearest
from benchmarks.search_way import SearchWay
from benchmarks.sqlite.models import FewDocument
from benchmarks.sqlite.trial import ORM, Trial
from benchmarks.sqlite.ways import OURS
from benchmarks.timing import TURN, side_by_side
from hybrid_store.backends.sqlite.engine.kernels import kernel
from hybrid_store.vectors import FloatArray

__all__ = ["tables"]

FEW_ROWS = 10


def tables(bench: Trial) -> Iterator[Table]:
    few = replace(bench, corpus=Corpus(FEW_ROWS))
    few.fill(FewDocument)
    few.build_vector_index(FewDocument)
    ways = side_by_side(_ways(few), bench.searches, turn=TURN)
    yield costs(f"The {NEIGHBOURS} nearest of {FEW_ROWS} rows, {bench.database}", ways)
    few.note(ORM, (ways[-1].median - ways[0].median) * 1000)
    bench.fill(Document)
    bench.build_vector_index(Document)
    yield _parts(bench)


def _ways(bench: Bench) -> list[SearchWay]:
    question = everything(bench.corpus)
    rows = FewDocument.objects.using(bench.alias)
    sql, params = _sent(bench, question)
    vector, raw = params[0], bench.connection.connection

    def by_hand(near: FloatArray) -> list[int]:
        given = [near.tobytes() if value == vector else value for value in params]
        return [key for key, *_ in raw.execute(sql.replace("%s", "?"), given)]

    def by_cursor(near: FloatArray) -> list[int]:
        given = [near.tobytes() if value == vector else value for value in params]
        with bench.connection.cursor() as cursor:
            cursor.execute(sql, given)
            return [key for key, *_ in cursor.fetchall()]

    def plain(near: FloatArray) -> list[int]:
        return [row.pk for row in rows.defer("embedding").order_by("title")[:NEIGHBOURS]]

    def values(near: FloatArray) -> list[int]:
        return [key for key, _ in rows.nearest(near).values_list("pk", "title")[:NEIGHBOURS]]

    found = {
        "sqlite3 by hand, the SQL of `nearest`": by_hand,
        "Django's cursor, the SQL of `nearest`": by_cursor,
        '`order_by("title")[:10]`, objects': plain,
        '**`nearest(vector).values_list("pk", "title")[:10]`**': values,
        OURS: finder(bench.alias, question, FewDocument, nearest),
    }
    return [SearchWay(label, question, find, exact=True) for label, find in found.items()]


def _sent(bench: Bench, question: Question) -> tuple[str, list[Any]]:
    """The last statement of a search for the first vector, with its parameters."""
    sent: list[tuple[str, list[Any]]] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, *others: Any) -> Any:
        sent.append((sql, [*params]))
        return execute(sql, params, *others)

    documents = question.chosen(FewDocument, bench.alias)
    with bench.connection.execute_wrapper(watch):
        nearest(documents, question.vector(0))
    return sent[-1]


class Stopwatch:
    """The seconds that calls of a function have taken since it was last read."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*given)
            finally:
                self.seconds += time.perf_counter() - started

        return timed

    def wrapper(self, execute: Callable[..., Any], *given: Any) -> Any:
        """As Django's `execute_wrapper` takes it."""
        return self.around(execute)(*given)

    def read(self) -> float:
        seconds, self.seconds = self.seconds, 0.0
        return seconds


def _parts(bench: Trial) -> Table:
    """Where the time goes, told by the very searches."""
    question, kind = everything(bench.corpus), type(kernel())
    whole, products, statements = Stopwatch(), Stopwatch(), Stopwatch()
    search = whole.around(finder(bench.alias, question, Document, nearest))
    search(question.vector(0))
    whole.read()
    taken: list[tuple[float, ...]] = []
    timed = products.around(kind.products)
    with (
        patch.object(kind, "products", timed),
        bench.connection.execute_wrapper(statements.wrapper),
    ):
        for round_number in range(bench.searches):
            found = search(question.vector(round_number))
            assert question.recall(round_number, found) == 1
            taken.append((whole.read(), products.read(), statements.read()))
    total, scan, sql = (statistics.median(column) for column in zip(*taken, strict=True))
    parts = {
        OURS: total,
        "products of the codes": scan,
        "SQL, with exact distances": sql,
        "the rest: bounds, ORM, objects": total - scan - sql,
    }
    rows = [[label, number(part * 1000), f"{part / total:.0%}"] for label, part in parts.items()]
    title = f"Where the time of a search goes, {bench.rows:,} rows, {bench.database}"
    return Table(title, ["", "ms", "share"], rows)
