"""The limit: the time in which one thread reads the vectors from memory once, as float32.

No search can be faster that looks at all numbers of all vectors.
"""

from __future__ import annotations

import functools
import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Corpus
from benchmarks.report import Table, number
from benchmarks.timing import Way
from hybrid_store.vectors import FloatArray

__all__ = ["LABEL", "against_limit", "limit_way", "readings"]

Read: TypeAlias = Callable[[FloatArray], object]

LABEL = "(float32 read once)"
ROUNDS = 7


def _numkong_sum(numbers: FloatArray) -> object:
    import numkong

    return numkong.sum(numbers)


# All read every byte and write none; which is fastest depends on the processor.
READERS: dict[str, Read] = {
    "`np.dot(numbers, numbers)`": lambda numbers: np.dot(numbers, numbers),
    "`np.max`": np.max,
    "`np.sum`": np.sum,
    "`np.bitwise_or.reduce` of int64": lambda numbers: np.bitwise_or.reduce(_as(numbers, "i8")),
    "`np.bitwise_and.reduce` of int8": lambda numbers: np.bitwise_and.reduce(_as(numbers, "i1")),
}
if importlib.util.find_spec("numkong"):
    READERS["`numkong.sum`"] = _numkong_sum


def _as(numbers: FloatArray, kind: str) -> NDArray[Any]:
    return numbers.view(kind)


@functools.cache
def _seconds(corpus: Corpus) -> dict[str, float]:
    """What each way of reading takes at its median; they take turns."""
    numbers = corpus.vectors.reshape(-1)
    found: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(ROUNDS):
        for name, read in READERS.items():
            started = time.perf_counter()
            read(numbers)
            found[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def readings(corpus: Corpus) -> Table:
    size = corpus.vectors.nbytes
    rows = [
        [name, number(seconds * 1000), number(size / seconds / 1e9)]
        for name, seconds in sorted(_seconds(corpus).items(), key=lambda pair: pair[1])
    ]
    return Table(f"Reading {size / 1e6:,.0f} MB of float32 in memory", ["", "ms", "GB/s"], rows)


def limit_way(corpus: Corpus) -> Way[Any]:
    """The fastest way of reading all vectors."""
    seconds = _seconds(corpus)
    read, numbers = READERS[min(seconds, key=seconds.__getitem__)], corpus.vectors.reshape(-1)
    return Way(LABEL, lambda number: read(numbers), lambda number, result: 1.0)


def against_limit(title: str, limit: Way[Any], ways: Sequence[Way[Any]]) -> Table:
    """Milliseconds; how many times as long as the limit; recall."""
    rows = [[LABEL, number(limit.median * 1000), number(limit.p95 * 1000), "1.00", ""]]
    rows += [
        [
            way.label,
            number(way.median * 1000),
            number(way.p95 * 1000),
            number(way.median / limit.median),
            f"{way.accuracy:.3f}",
        ]
        for way in ways
    ]
    return Table(title, ["", "ms", "p95 ms", "times the limit", "recall"], rows)
