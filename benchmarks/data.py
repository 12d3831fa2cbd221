"""A corpus like a real one, the same in every run: clustered, normalised vectors, and texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.project import DIMENSIONS
from benchmarks.texts import made_texts, real_texts
from hybrid_store.vectors import FloatArray

__all__ = ["GROUPS", "NEIGHBOURS", "QUERIES", "SOURCES", "Corpus", "Mask"]

Mask: TypeAlias = NDArray[np.bool_]
"""Shape (rows,): which rows a filter keeps."""

SEED = 20_260_101
QUERIES = 100
NEIGHBOURS = 10
# A filter on one group keeps 10 % of the rows.
GROUPS = 10
SOURCES = 100
# Column of integers -> how many different ones there are, each in as many rows.
VALUES = {
    "half": 2,
    "percent": 100,
    "percent_unindexed": 100,
    "permille": 1000,
    "source": SOURCES,
}
ROWS_PER_CLUSTER = 200
# Centres differ in few dimensions only, so that clusters have neighbours, as topics have.
TOPIC_DIMENSIONS = 32
# Length of the noise around a cluster's centre, which has length 1.
SPREAD = 0.8


@dataclass(frozen=True)
class Corpus:
    """`rows` documents. The row with primary key n has the vector and the group at n - 1.

    Texts are made of those in a folder, if one is given.
    """

    rows: int
    dimensions: int = DIMENSIONS
    folder: Path | None = None

    @cached_property
    def _random(self) -> np.random.Generator:
        return np.random.default_rng(SEED)

    @cached_property
    def vectors(self) -> FloatArray:
        clusters = max(self.rows // ROWS_PER_CLUSTER, 1)
        topics = self._random.standard_normal((clusters, TOPIC_DIMENSIONS), np.float32)
        axes = self._random.standard_normal((TOPIC_DIMENSIONS, self.dimensions), np.float32)
        centres = _normalised(topics @ axes)
        around = centres[self._random.integers(clusters, size=self.rows)]
        return self._around(around, self._random)

    @cached_property
    def texts(self) -> list[str]:
        return real_texts(self.folder, self.rows) if self.folder else made_texts(self.rows)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        return np.random.default_rng(SEED + 1).integers(GROUPS, size=self.rows)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """What documents can be filtered by. A source, from 1 on, has the group of its number;
        the position is the similarity to the first document."""
        random = np.random.default_rng(SEED + 3)
        found = {name: random.permutation(self.rows) % count for name, count in VALUES.items()}
        sources = found.pop("source") + 1
        return {
            **found,
            "group": self.groups,
            "source": sources,
            "source__group": sources % GROUPS,
            "position": (self.vectors @ self.vectors[0]).astype(np.float64),
        }

    @cached_property
    def queries(self) -> FloatArray:
        """Vectors near to documents, but none of theirs."""
        return self.queries_near(np.arange(self.rows))

    def queries_near(self, places: NDArray[np.int64]) -> FloatArray:
        """Vectors near to some of the documents at these places, the same for the same places."""
        random = np.random.default_rng(SEED + 2)
        near = places[random.integers(len(places), size=QUERIES)]
        return self._around(self.vectors[near], random)

    def _around(self, centres: FloatArray, random: np.random.Generator) -> FloatArray:
        noise = random.standard_normal(centres.shape, np.float32)
        noise *= SPREAD / self.dimensions**0.5
        noise += centres
        return _normalised(noise)


def _normalised(vectors: FloatArray) -> FloatArray:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
