"""Between what limits the score of a document is, by the terms that it has.

The terms tell how much a word counts in a document: not at all, or at least as much as one of its
tiers. From how many documents have a term follows, as if words were independent of each other,
which score the best ones reach at least; who cannot reach it need not be looked at. That is the
idea of MaxScore and of block-max indexes (Turtle and Flood 1995; Ding and Suel 2011), with the
tiers of all documents for blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hybrid_store.backends.postgresql.text.functions import (
    LENGTH_SHARE,
    SATURATION,
    TIERS,
    tier,
)
from hybrid_store.backends.postgresql.text.statistics import Statistics

__all__ = ["Word", "sets_of_terms"]

# What is taken for the least and the greatest impact of a word; the ends are rarely reached.
LOWEST, HIGHEST = 0.5, 2.1


@dataclass(frozen=True)
class Word:
    """What documents may have of a word, from nothing to its highest tier: the term that tells,
    the share of documents, and between what limits the word adds to the score."""

    terms: Sequence[int | None]
    shares: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]

    @classmethod
    def of(cls, statistics: Statistics, number: int, weight: float, tiers: int) -> Word:
        """A word with its first tiers."""
        terms = [tier(number, level) for level in range(tiers + 1)]
        having = [statistics.documents, *map(statistics.frequency, terms), 0.0]
        limits = weight * np.array([0.0, *_today(statistics, [LOWEST, *TIERS[:tiers], HIGHEST])])
        return cls(
            [None, *terms],
            np.maximum(-np.diff(having), 0.0) / max(statistics.documents, 1.0),
            limits[:-1],
            np.array([0.0, *limits[2:]]),
        )

    def being_there(self) -> Word:
        """The same among documents that all have the word."""
        shares = self.shares[1:] / max(self.shares[1:].sum(), 1e-9)
        return Word([None, *self.terms[2:]], shares, self.least[1:], self.most[1:])


def _today(statistics: Statistics, impacts: Sequence[float]) -> list[float]:
    """Impacts in a document of average length, if they were made with the average of today."""
    norm = 1 / (1 - LENGTH_SHARE + LENGTH_SHARE * (statistics.drift or 1.0))
    gain = SATURATION + 1
    return [gain / (1 + (gain / impact - 1) * norm) for impact in impacts]


def sets_of_terms(
    words: Sequence[Word], documents: float, others: float, needed: float, budget: float
) -> list[list[int]]:
    """Sets of terms: whatever document has all of one can be among the best.

    One is empty if any of the `documents` can. As many as are `needed` have to be found; within
    the `budget`, if possible. `others` is what other words may add to a score.
    """
    counts = documents * reduce(np.multiply.outer, [word.shares for word in words])
    least = reduce(np.add.outer, [word.least for word in words])
    most = reduce(np.add.outer, [word.most for word in words]) + others
    reached = _reached(least, counts, needed)
    affordable = _reached(most, counts, budget, beyond=True)
    can_reach = most >= min(max(reached, affordable), most.max())
    return [
        [term for word, level in zip(words, levels, strict=True) if (term := word.terms[level])]
        for levels in np.argwhere(_smallest(can_reach)).tolist()
    ]


def _reached(
    scores: NDArray[np.float64], counts: NDArray[np.float64], wanted: float, *, beyond: bool = False
) -> float:
    """The score that so many documents reach; or, with `beyond`, the next one above it."""
    order = np.argsort(-scores, axis=None, kind="stable")
    total = np.cumsum(counts.ravel()[order])
    ranked = scores.ravel()[order]
    place = int(np.searchsorted(total, wanted, side="right" if beyond else "left"))
    if place >= len(ranked):
        return float("-inf") if beyond else float(ranked[-1])
    return float(np.nextafter(ranked[place], np.inf) if beyond else ranked[place])


def _smallest(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those cells of which none is reached by less of any word."""
    smallest = cells.copy()
    for axis in range(cells.ndim):
        by_less = np.roll(cells, 1, axis)
        by_less[(slice(None),) * axis + (0,)] = False
        smallest &= ~by_less
    return smallest
