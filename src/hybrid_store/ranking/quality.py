"""How good rankings are, judged by what people found relevant, and how sure that is.

Judgements of one query are `gains`: key -> how relevant it is. A key of 0 or less, or none, is not
relevant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MEASURES",
    "Estimate",
    "Gains",
    "Measure",
    "difference",
    "mean",
    "ndcg",
    "recall",
    "reciprocal_rank",
]

Gains: TypeAlias = Mapping[Any, float]
Measure: TypeAlias = Callable[[Sequence[Hashable], Gains, int], float]

SAMPLES = 10_000
SEED = 1
# Samples are drawn in blocks of about so many numbers, 8 MB.
BLOCK = 1_000_000


def ndcg(ranked: Sequence[Hashable], gains: Gains, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`: from 0 to 1, the best order there is.

    DCG is the sum of gain / log2(rank + 1), ranks starting at 1, and is divided by that of all
    judged keys in the best order. Gains count as they are, as in trec_eval's ndcg_cut; others take
    2 ** gain - 1. Source: Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", ACM TOIS 2002, discounting from the first rank on as is usual since.

    Raises `ValueError` where nothing is relevant, as do the other measures.
    """
    best = sorted(_relevant(gains).values(), reverse=True)
    found = [max(gains.get(key, 0.0), 0.0) for key in ranked]
    return _discounted(found[:k]) / _discounted(best[:k])


def recall(ranked: Sequence[Hashable], gains: Gains, k: int) -> float:
    """The share of all relevant keys that is among the first `k`."""
    relevant = _relevant(gains)
    return len(relevant.keys() & set(ranked[:k])) / len(relevant)


def reciprocal_rank(ranked: Sequence[Hashable], gains: Gains, k: int) -> float:
    """1 / the rank of the first relevant key, 0 where the first `k` have none.

    The mean over queries is the MRR. Source: Voorhees, "The TREC-8 Question Answering Track
    Report", 1999.
    """
    relevant = _relevant(gains)
    return next((1 / rank for rank, key in enumerate(ranked[:k], 1) if key in relevant), 0.0)


MEASURES: Mapping[str, Measure] = {"nDCG": ndcg, "recall": recall, "MRR": reciprocal_rank}
"""Every measure of one ranking, by the name that its mean goes by."""


def _relevant(gains: Gains) -> dict[Hashable, float]:
    relevant = {key: gain for key, gain in gains.items() if gain > 0}
    if not relevant:
        raise ValueError("No key is relevant, so no ranking is better than another.")
    return relevant


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


class Estimate(NamedTuple):
    """A mean over queries, and the interval in which it is likely to be for queries like these."""

    mean: float
    low: float
    high: float


def mean(values: ArrayLike, *, level: float = 0.95, samples: int = SAMPLES) -> Estimate:
    """The mean of one figure a query, with its bootstrap interval at that level of confidence.

    The queries are drawn anew, with repetition, `samples` times, the same ones at every call; the
    interval holds the middle `level` of the means. Source: Efron, Tibshirani, "An Introduction to
    the Bootstrap", 1993, the percentile interval. It says how much depends on which queries were
    asked, not whether these are like those of users. Raises `ValueError` for no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError("A mean takes one figure a query, of one query at least.")
    means = np.concatenate([array[drawn].mean(axis=1) for drawn in _drawn(len(array), samples)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(array.mean()), float(low), float(high))


def difference(
    values: ArrayLike, others: ArrayLike, *, level: float = 0.95, samples: int = SAMPLES
) -> Estimate:
    """The mean of `values` less `others`, figures of the same queries, with its interval.

    The bootstrap is paired: queries are drawn, not figures, so that hard queries, which are hard
    for both, do not widen the interval. One that does not hold 0 tells the two apart.
    """
    one, other = np.asarray(values, np.float64), np.asarray(others, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"{one.size} and {other.size} figures are not of the same queries.")
    return mean(one - other, level=level, samples=samples)


def _drawn(count: int, samples: int) -> Iterator[NDArray[np.int64]]:
    """`samples` draws of `count` places out of as many, in blocks of shape (some, count)."""
    random = np.random.default_rng(SEED)
    rows = max(BLOCK // count, 1)
    for start in range(0, samples, rows):
        yield random.integers(count, size=(min(rows, samples - start), count))
