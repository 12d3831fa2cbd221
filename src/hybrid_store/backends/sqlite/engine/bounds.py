"""Which vectors can be among the nearest: upper bounds of scores, from codes.

A score is greater where a vector is nearer: 1 - d for the cosine distance d, -d for the negative
inner product, -d * d for the Euclidean distance. With |x - s * c| <= e and |q - q'| <= e_q,

    x.q <= s * c.q' + e * |q| + (|x| + e) * e_q

and the bounds below follow. They bound the distance *as SQLite's functions compute it* in float32,
not the real number only: `slack` is what those functions, and the arithmetic here, may round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.backends.sqlite.engine.codes import Codes, rounding
from hybrid_store.backends.sqlite.engine.kernels import Kernel, Query

__all__ = ["METRICS", "Metric", "probable_scores", "upper_scores"]


@dataclass(frozen=True)
class Metric:
    """How the scores of a metric are bounded, and what score a distance is."""

    bound: Callable[[Codes, Query, NDArray[Any], float], NDArray[Any]]
    score: Callable[[float], float]


def upper_scores(metric: str, codes: Codes, query: Query, kernel: Kernel) -> NDArray[Any]:
    """For every vector a score that it cannot exceed, n floats. Cosine takes codes of directions.

    Vectors that are not there any more have minus infinity.
    """
    return _scores(metric, codes, query, kernel, rounding(codes.dimensions))


def probable_scores(metric: str, codes: Codes, query: Query, kernel: Kernel) -> NDArray[Any]:
    """For every vector what its score would be if nothing were left out of codes, n floats.

    What is left out has any direction, so of `dimensions` numbers, it changes a score by
    1 / sqrt(dimensions) of what it could at most: that is its standard deviation.
    """
    known = replace(codes, errors=np.zeros_like(codes.errors))
    return _scores(metric, known, replace(query, error=0.0), kernel, 0.0)


def _scores(metric: str, codes: Codes, query: Query, kernel: Kernel, slack: float) -> NDArray[Any]:
    products = kernel.products(codes.values, query)
    products *= query.scale
    products *= codes.scales
    return METRICS[metric].bound(codes, query, products, slack)


def _cosine(codes: Codes, query: Query, products: NDArray[Any], slack: float) -> NDArray[Any]:
    """x.q / (|x| |q|), of which each factor is rounded, here and there."""
    products += codes.errors * (query.length + query.error)
    products += query.error
    products /= query.length
    products += 6 * slack
    return products


def _inner_product(
    codes: Codes, query: Query, products: NDArray[Any], slack: float
) -> NDArray[Any]:
    products += codes.errors * (query.length + query.error)
    products += codes.lengths * (query.error + 4 * slack * query.length)
    return products


def _l2(codes: Codes, query: Query, products: NDArray[Any], slack: float) -> NDArray[Any]:
    """-|x - q|^2 = 2 x.q - |x|^2 - |q|^2."""
    upper = 2 * _inner_product(codes, query, products, slack)
    upper -= (1 - 16 * slack) * (codes.lengths * codes.lengths + query.length**2)
    return upper


METRICS: Mapping[str, Metric] = {
    "cosine": Metric(_cosine, lambda distance: 1 - distance),
    "inner_product": Metric(_inner_product, lambda distance: -distance),
    "l2": Metric(_l2, lambda distance: -distance * distance),
}
