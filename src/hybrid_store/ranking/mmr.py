"""Maximal marginal relevance: a ranking that does not say the same thing twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import SearchError
from hybrid_store.ranking.shares import checked_share

__all__ = ["mmr"]

# Equal vectors shall be equally redundant, but matrix products sum them in different orders.
DECIMALS = 9


def mmr(
    relevance: NDArray[np.floating[Any]],
    vectors: NDArray[np.floating[Any]],
    lambda_: float,
    count: int,
) -> NDArray[np.intp]:
    """The places of the `count` rows to show, in order: relevant, and unlike those before them.

    `relevance` has shape (n,), the greater the better; `vectors` has shape (n, d). The first row
    is the most relevant one; each further one has the greatest

        lambda_ * relevance - (1 - lambda_) * (its greatest cosine similarity to a row before it)

    where a vector of zeros is similar to nothing. `lambda_` of 1 gives the order of relevance; of
    equals the first place comes first. Fewer than `count` rows are all of them. Takes one product
    of a matrix and a vector a row. Source: Carbonell, Goldstein, "The Use of MMR, Diversity-Based
    Reranking for Reordering Documents and Producing Summaries", SIGIR 1998.

    Relevance and redundancy are weighed as they are, so they have to be on one scale. Give
    relevance from 0 to 1, as `fusion.scaled` makes it: then `lambda_` means the same for every
    metric and fusion, and 0.7 costs little. The paper takes the cosine similarity to the query. It
    differs by little between candidates, so that redundancy soon counts alone: 0.9 is then about
    what 0.7 is on the scaled range.

    Raises `SearchError` for a `lambda_` outside of 0 to 1, for numbers that are not finite, and
    for shapes that do not fit.
    """
    relevance = np.asarray(relevance, dtype=np.float64)
    lambda_ = checked_share(lambda_, "lambda_", "as different as can be", "as relevant as can be")
    _check(relevance, vectors)
    unit = _normalised(vectors)
    redundancy = np.full(len(relevance), -np.inf)
    chosen = np.empty(min(count, len(relevance)), dtype=np.intp)
    gains = relevance
    for step in range(len(chosen)):
        chosen[step] = place = np.argmax(gains)
        np.maximum(redundancy, np.round(unit @ unit[place], DECIMALS), out=redundancy)
        gains = lambda_ * relevance - (1 - lambda_) * redundancy
        gains[chosen[: step + 1]] = -np.inf
    return chosen


def _check(relevance: NDArray[Any], vectors: NDArray[Any]) -> None:
    if relevance.ndim != 1 or vectors.ndim != 2 or len(relevance) != len(vectors):
        raise SearchError(
            f"Relevance of the shape {relevance.shape} does not fit vectors of the shape "
            f"{vectors.shape}: give one number and one vector a row."
        )
    for name, values in (("relevance", relevance), ("vector", vectors)):
        if not np.isfinite(values).all():
            row = int(np.argwhere(~np.isfinite(values))[0][0])
            raise SearchError(f"The {name} of row {row} is not finite: leave the row out.")


def _normalised(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Brought to length 1, zeros excepted."""
    wide: NDArray[np.float64] = vectors.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    np.divide(wide, norms, out=wide, where=norms > 0)
    return wide
