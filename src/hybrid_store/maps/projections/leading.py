"""The directions in which vectors differ most, without their covariance matrix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hybrid_store.vectors import FloatArray

__all__ = ["leading", "variance"]

Array = NDArray[np.float64]

# Directions that are tried at once, and the most passes over the vectors.
WIDTH = 16
PASSES = 12
# A direction is good where the matrix turns it by no more than this share of its length, or of the
# length of the first one, which rounding leaves of a direction that is none.
TURN, ROUNDING = 1e-4, 1e-9
# Rows that are widened to float64 at a time.
ROWS = 1024


def leading(vectors: FloatArray, mean: Array, count: int) -> tuple[Array, Array]:
    """The greatest eigenvalues, descending, of the covariance matrix of `vectors`, up to a factor,
    and their eigenvectors, shape (d, count); fewer where d is less.

    Exact up to 16 dimensions. Beyond, a pass takes O(n d), and a few give directions of very nearly
    the greatest variance; which of several that are as good is left to chance, from a fixed seed.
    Source: Musco and Musco, "Randomized Block Krylov Methods for Stronger and Faster Approximate
    Singular Value Decomposition", 2015, arXiv:1504.05477, algorithm 2.
    """
    basis = images = np.empty((vectors.shape[1], 0))
    block = np.random.default_rng(0).standard_normal((vectors.shape[1], WIDTH))
    for _ in range(PASSES):
        block = _orthonormal(block, basis)
        basis = np.hstack([basis, block])
        images = np.hstack([images, _image(vectors, mean, block)])
        values, weights = (
            part[..., ::-1][..., :count] for part in np.linalg.eigh(basis.T @ images)
        )
        found = basis @ weights
        turns = np.linalg.norm(images @ weights - found * values, axis=0)
        if (turns <= TURN * values + ROUNDING * values[0]).all():
            break
        block = images[:, -WIDTH:]
    return values, found


def variance(vectors: FloatArray, mean: Array) -> float:
    """The sum of all eigenvalues, up to the same factor."""
    return float(sum(np.vdot(part, part) for part in _centred(vectors, mean)))


def _image(vectors: FloatArray, mean: Array, block: Array) -> Array:
    """What the covariance matrix makes of the columns of `block`."""
    total = np.zeros(block.shape)
    for part in _centred(vectors, mean):
        total += part.T @ (part @ block)
    return total


def _centred(vectors: FloatArray, mean: Array) -> Iterator[Array]:
    return (vectors[start : start + ROWS] - mean for start in range(0, len(vectors), ROWS))


def _orthonormal(block: Array, basis: Array) -> Array:
    """Columns of length 1, at right angles to each other and to those of `basis`, which span what
    `block` adds to those; no more than there is room for."""
    dimensions, known = basis.shape
    block = block[:, : dimensions - known]
    # Rounding leaves a little of what is known; twice is enough.
    for _ in range(2):
        block = np.linalg.qr(block - basis @ (basis.T @ block)).Q
    return block
