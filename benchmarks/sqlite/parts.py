"""Parts: where the time of a search goes, told by the very searches."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from django.db.models import Model

from benchmarks.questions import Question
from benchmarks.report import Table, number
from benchmarks.search import finder, nearest
from benchmarks.sqlite.trial import Trial
from benchmarks.sqlite.ways import OURS
from hybrid_store.backends.sqlite.engine.kernels import kernel

__all__ = ["parts"]


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


def parts(bench: Trial, question: Question, model: type[Model]) -> Table:
    total, products, statements = _medians(bench, question, model)
    shown = {
        OURS: total,
        "products of the codes": products,
        "SQL, with exact distances": statements,
        "the rest: bounds, ORM, objects": total - products - statements,
    }
    rows = [[label, number(part * 1000), f"{part / total:.0%}"] for label, part in shown.items()]
    title = f"Where the time goes, of {bench.rows:,} x {bench.corpus.dimensions:,}"
    return Table(f"{title}, {bench.database}", ["", "ms", "share"], rows)


def _medians(bench: Trial, question: Question, model: type[Model]) -> list[float]:
    """Seconds of whole searches, of the kernel in them, and of their statements."""
    whole, products, statements = watches = Stopwatch(), Stopwatch(), Stopwatch()
    kind, search = type(kernel()), whole.around(finder(bench.alias, question, model, nearest))
    taken: list[list[float]] = []
    with (
        patch.object(kind, "products", products.around(kind.products)),
        bench.connection.execute_wrapper(statements.wrapper),
    ):
        for turn in range(-1, bench.searches):
            found = search(question.vector(turn))
            assert question.recall(turn, found) == 1
            taken.append([watch.read() for watch in watches])
    # The first one has warmed up.
    return [statistics.median(column) for column in zip(*taken[1:], strict=True)]
