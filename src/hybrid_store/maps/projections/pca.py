"""Principal components: the plane in which the vectors differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.maps.projections.base import BaseProjection
from hybrid_store.maps.projections.leading import leading, variance
from hybrid_store.vectors import FloatArray

__all__ = ["PCA"]

# Rows that are widened to float64 at a time.
BLOCK = 2048


class PCA(BaseProjection):
    """The two leading principal components, by NumPy alone.

    The eigenvectors of the covariance matrix with the greatest eigenvalues, see `leading`. Each is
    turned so that its number of the greatest size is positive. Distances are kept where all vectors
    lie in a plane, else shortened. Source: Jolliffe, "Principal Component Analysis", 2nd edition,
    chapter 1.
    """

    def fit(self, vectors: FloatArray) -> None:
        self._mean = vectors.mean(axis=0, dtype=np.float64)
        values, components = leading(vectors, self._mean, 2)
        self._components = _turned(components)
        whole = variance(vectors, self._mean)
        self.explained = min(float(values.sum()) / whole, 1.0) if whole > 0 else 1.0

    def transform(self, vectors: FloatArray) -> FloatArray:
        # A vector of one dimension has a place on a line.
        points = np.zeros((len(vectors), 2), np.float32)
        for start in range(0, len(vectors), BLOCK):
            rows = slice(start, start + BLOCK)
            placed = (vectors[rows] - self._mean) @ self._components
            points[rows, : placed.shape[1]] = placed
        return points

    @property
    def described(self) -> str:
        return f"principal components, {self.explained:.0%} of the variance"


def _turned(components: NDArray[np.float64]) -> NDArray[Any]:
    """Columns with the sign that does not depend on the algorithm."""
    greatest = np.abs(components).argmax(axis=0)
    return components * np.sign(components[greatest, range(components.shape[1])])
