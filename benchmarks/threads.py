"""Threads: searches a second by several threads, each with a connection of its own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, NamedTuple, TypeAlias

from django.db import connections
from django.db.models import Model

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.models import Document, PgvectorDocument
from benchmarks.questions import Question, everything, one_group
from benchmarks.report import Table
from benchmarks.search import Search, finder, nearest, pgvector_deferred, pgvector_nearest
from benchmarks.search_way import Find
from benchmarks.timing import Way, side_by_side

__all__ = ["tables"]

THREADS = (1, 2, 4, 8, 16)
MOST_ROUNDS = 5
# Seconds.
LONGEST = 600

Answers: TypeAlias = list[tuple[int, list[int]]]
"""Numbers of the vectors asked, and the keys found."""


class Source(NamedTuple):
    """Where threads have their connections from: each its own, or any of a pool for a search."""

    alias: str
    is_pool: bool = False

    def release(self) -> None:
        connections[self.alias].close()


class Asking(NamedTuple):
    """A question that all threads together ask so many times in a round."""

    question: Question
    times: int


def tables(bench: Bench) -> Iterator[Table]:
    if not bench.has_pgvector:
        return
    bench.fill(Document)
    bench.build_vector_index(Document)
    sizes = {"min_size": max(THREADS), "max_size": max(THREADS)}
    pool = Source(bench.variant("pool", pool=sizes), is_pool=True)
    for question in (everything(bench.corpus), one_group(bench.corpus)):
        asking = Asking(question, max(THREADS) * (bench.searches // 5))
        kinds = _kinds(bench, asking, pool)
        ways = [way for row in kinds.values() for way in row]
        side_by_side(ways, min(bench.rounds, MOST_ROUNDS))
        title = f"Searches a second by threads, the {NEIGHBOURS} nearest {question.label}"
        yield _table(f"{title}, {bench.database}", kinds)
    opened: Any = connections[pool.alias]
    opened.close_pool()


def _kinds(bench: Bench, asking: Asking, pool: Source) -> dict[str, list[ThreadsWay]]:
    own = Source(bench.alias)
    kinds: dict[str, tuple[type[Model], Search, Source]] = {
        "**`nearest(vector)[:10]`**": (Document, nearest, own),
        "pgvector.django": (PgvectorDocument, pgvector_nearest, own),
        "pgvector.django, vector deferred": (PgvectorDocument, pgvector_deferred, own),
        "**`nearest(vector)[:10]`**, pool": (Document, nearest, pool),
        "pgvector.django, vector deferred, pool": (PgvectorDocument, pgvector_deferred, pool),
    }
    found = {}
    for label, (model, search, source) in kinds.items():
        find = finder(source.alias, asking.question, model, search)
        found[label] = [ThreadsWay(asking, find, source, count) for count in THREADS]
    return found


class ThreadsWay(Way[Answers]):
    """A round is all searches by new threads, timed once all are connected."""

    def __init__(self, asking: Asking, find: Find, source: Source, threads: int) -> None:
        super().__init__(f"{threads} threads", self._run, self._judged, exact=False)
        self.question, self.times = asking
        self.find = find
        self.source = source
        self.threads = threads
        self.last = 0.0

    def took(self, result: Answers, seconds: float) -> float:
        return self.last

    def _run(self, number: int) -> Answers:
        barrier = Barrier(self.threads + 1, timeout=LONGEST)
        parts = [range(start, self.times, self.threads) for start in range(self.threads)]
        with ThreadPoolExecutor(self.threads) as executor:
            workers = [executor.submit(self._work, barrier, part) for part in parts]
            with suppress(BrokenBarrierError):
                barrier.wait()
                started = time.perf_counter()
                barrier.wait()
                self.last = time.perf_counter() - started
            return [answer for worker in workers for answer in worker.result()]

    def _work(self, barrier: Barrier, numbers: range) -> Answers:
        try:
            self._search(numbers[0])
            barrier.wait()
            answers = [(number, self._search(number)) for number in numbers]
            barrier.wait()
        except BaseException:
            barrier.abort()
            raise
        finally:
            self.source.release()
        return answers

    def _search(self, number: int) -> list[int]:
        found = self.find(self.question.vector(number))
        if self.source.is_pool:
            # As at the end of a request.
            self.source.release()
        return found

    def _judged(self, number: int, answers: Answers) -> float:
        return statistics.fmean(self.question.recall(asked, found) for asked, found in answers)


def _table(title: str, kinds: Mapping[str, Sequence[ThreadsWay]]) -> Table:
    rows = [
        [
            label,
            *(f"{way.times / way.median:,.0f}" for way in ways),
            f"{statistics.fmean(way.accuracy for way in ways):.3f}",
        ]
        for label, ways in kinds.items()
    ]
    return Table(title, ["", *map(str, THREADS), "recall"], rows)
