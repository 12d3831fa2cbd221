"""UMAP: rows that are near to each other stay so, whatever is far away."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid_store.exceptions import MapError, MissingExtraError
from hybrid_store.maps.projections.base import BaseProjection
from hybrid_store.vectors import FloatArray

__all__ = ["UMAP"]

SEED = 0
NEIGHBOURS = 15
FEWEST = 5


class UMAP(BaseProjection):
    """Neighbourhoods by cosine, by the package `umap-learn` (extra `umap`), from a fixed seed.

    Groups stand out; distances between groups, and the axes, tell nothing. Takes a minute the first
    time in a process, for it is compiled then, and later 10 seconds for 10,000 rows. Source:
    McInnes, Healy, Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension
    Reduction", 2018, arXiv:1802.03426.
    """

    def fit(self, vectors: FloatArray) -> None:
        """Raises `MissingExtraError` without the extra, `MapError` below 5 rows."""
        if len(vectors) < FEWEST:
            raise MapError(
                f"UMAP needs {FEWEST} rows with a vector, and there are {len(vectors)}: use PCA."
            )
        self._reducer = _reducer(min(NEIGHBOURS, len(vectors) - 1))
        self._reducer.fit(vectors)

    def transform(self, vectors: FloatArray) -> FloatArray:
        return np.asarray(self._reducer.transform(vectors), np.float32)

    @property
    def described(self) -> str:
        return "UMAP, neighbourhoods by cosine"


def _reducer(neighbours: int) -> Any:
    try:
        import umap
    except ImportError as error:
        raise MissingExtraError("A map by UMAP", "umap") from error
    # Its own choice of the start needs more rows than it has dimensions and neighbours.
    start = "spectral" if neighbours == NEIGHBOURS else "random"
    return umap.UMAP(
        n_neighbors=neighbours, metric="cosine", init=start, random_state=SEED, n_jobs=1
    )
