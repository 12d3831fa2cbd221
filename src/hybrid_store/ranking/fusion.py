"""Fusion: several rankings of the same things become one."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from hybrid_store.exceptions import SearchError
from hybrid_store.ranking.shares import checked_share

__all__ = ["FUSIONS", "RRF_K", "Fusion", "Leg", "alpha_weights", "rrf", "scaled", "weighted"]

Key = TypeVar("Key", bound=Hashable)

Leg: TypeAlias = Sequence[tuple[Key, float]]
"""One ranking, best first: keys and their scores, of which the greater is the better. A key that
comes again, as a row does that a join repeats, counts at its first place."""

RRF_K = 60
"""The constant of reciprocal rank fusion; its authors found 60 to be near the best, and the
choice not to be critical."""


def rrf(
    legs: Sequence[Leg[Key]], weights: Sequence[float], k: float = RRF_K
) -> list[tuple[Key, float]]:
    """Reciprocal rank fusion: keys and their fused scores, best first.

    The score of a key is the sum of w / (k + rank) over the legs that have it, where ranks start
    at 1 and w is the weight of the leg over the mean of all weights: equal weights, whatever they
    are, give the plain sum of 1 / (k + rank). Scores of the legs do not matter. Source: Cormack,
    Clarke, Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods", SIGIR 2009.

    Ties are broken by the best rank in a leg, then by which key comes first in the first leg, then
    in the second, and so on. A leg of weight 0 only adds its keys, behind all others. Raises
    `SearchError` for scores and weights that are not finite, and for weights that are negative,
    all zero, or not one a leg.
    """
    ranked = _checked(legs, weights)
    scores = [{key: 1 / (k + rank) for rank, key in enumerate(leg, 1)} for leg in ranked]
    mean = math.fsum(weights) / max(len(legs), 1)
    return _fused(scores, weights, mean)


def weighted(legs: Sequence[Leg[Key]], weights: Sequence[float]) -> list[tuple[Key, float]]:
    """The weighted mean of the legs' scores: keys and their fused scores from 0 to 1, best first.

    The scores of each leg are brought to the range from 0, its least, to 1, its greatest (min-max
    normalisation; all are 1 where they are equal); a key that a leg does not have counts as 0
    there. Ties and errors are those of `rrf`.
    """
    ranked = _checked(legs, weights)
    scores = [dict(zip(leg, scaled(list(leg.values())), strict=True)) for leg in ranked]
    return _fused(scores, weights, math.fsum(weights))


Fusion: TypeAlias = Callable[[Sequence[Leg[Any]], Sequence[float]], list[tuple[Any, float]]]

FUSIONS: Mapping[str, Fusion] = {"rrf": rrf, "weighted": weighted}
"""Every way to fuse, by the name that a search chooses it by."""


def alpha_weights(alpha: float) -> tuple[float, float]:
    """The weights of the two legs of a search, where `alpha` is the vectors' share, from 0 to 1.

    Raises `SearchError` for any other value.
    """
    share = checked_share(alpha, "alpha", "the words alone", "the vectors alone")
    return share, 1 - share


def scaled(scores: Sequence[float]) -> list[float]:
    """`scores` on the range from 0, the least of them, to 1, the greatest; all equal are all 1."""
    if not scores:
        return []
    low, high = min(scores), max(scores)
    span = high - low
    return [(score - low) / span if span else 1.0 for score in scores]


def _checked(legs: Sequence[Leg[Key]], weights: Sequence[float]) -> list[dict[Key, float]]:
    """The keys of each leg in order, each once, with their scores."""
    if len(weights) != len(legs):
        raise SearchError(f"{len(legs)} rankings have {len(weights)} weights: give one each.")
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise SearchError(f"The weights are {list(weights)}: give finite ones of 0 or more.")
    if legs and not any(weights):
        raise SearchError("All weights are 0: give at least one ranking a weight.")
    return [_distinct(leg, number) for number, leg in enumerate(legs, 1)]


def _distinct(leg: Leg[Key], number: int) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for key, score in leg:
        if not math.isfinite(score):
            raise SearchError(
                f"Ranking {number} gives {key!r} the score {score}: only finite scores can be "
                "fused, so leave the row out."
            )
        found.setdefault(key, float(score))
    return found


def _fused(
    legs: Sequence[Mapping[Key, float]], weights: Sequence[float], unit: float
) -> list[tuple[Key, float]]:
    """The sums of what each key is worth in the legs, each times its weight over `unit`."""
    parts: dict[Key, list[float]] = {}
    best: dict[Key, float] = {}
    for leg, weight in zip(legs, weights, strict=True):
        for rank, (key, value) in enumerate(leg.items(), 1):
            parts.setdefault(key, []).append(weight / unit * value)
            best[key] = min(best.get(key, math.inf), rank if weight else math.inf)
    # Exactly rounded, so that the order of the legs does not count.
    sums = {key: math.fsum(found) for key, found in parts.items()}
    # A stable sort: what is equal stays in the order of first appearance.
    return sorted(sums.items(), key=lambda item: (-item[1], best[item[0]]))
