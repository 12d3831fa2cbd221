"""Vectors like those of a real corpus: clustered, normalised, the same in every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.project import DIMENSIONS
from hybrid_store.vectors import FloatArray

__all__ = ["GROUPS", "NEIGHBOURS", "QUERIES", "Corpus"]

SEED = 20_260_101
QUERIES = 32
NEIGHBOURS = 10
# A filter on one group keeps 10 % of the rows.
GROUPS = 10
ROWS_PER_CLUSTER = 200
# Centres differ in few dimensions only, so that clusters have neighbours, as topics have.
TOPIC_DIMENSIONS = 32
# Length of the noise around a cluster's centre, which has length 1.
SPREAD = 0.8
# Rows as near as this to the last hit are as good as it.
TIE = 1e-6


@dataclass(frozen=True)
class Corpus:
    """`rows` documents. The row with primary key n has the vector and the group at n - 1."""

    rows: int

    @cached_property
    def _random(self) -> np.random.Generator:
        return np.random.default_rng(SEED)

    @cached_property
    def vectors(self) -> FloatArray:
        clusters = max(self.rows // ROWS_PER_CLUSTER, 1)
        topics = self._random.standard_normal((clusters, TOPIC_DIMENSIONS), np.float32)
        axes = self._random.standard_normal((TOPIC_DIMENSIONS, DIMENSIONS), np.float32)
        centres = _normalised(topics @ axes)
        return self._around(centres[self._random.integers(clusters, size=self.rows)])

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        return np.random.default_rng(SEED + 1).integers(GROUPS, size=self.rows)

    @cached_property
    def queries(self) -> FloatArray:
        """Vectors near to documents, but none of theirs."""
        near = np.random.default_rng(SEED + 2).integers(self.rows, size=QUERIES)
        return self._around(self.vectors[near])

    def query(self, number: int) -> FloatArray:
        vector: FloatArray = self.queries[number % QUERIES]
        return vector

    def recall(self, number: int, found: Sequence[int], group: int | None = None) -> float:
        """The share of the true nearest neighbours of a query that is among the keys `found`."""
        scores = self.vectors @ self.query(number)
        eligible = scores if group is None else scores[self.groups == group]
        wanted = min(NEIGHBOURS, len(eligible))
        last = np.partition(eligible, -wanted)[-wanted]
        keys = np.array(sorted(set(found)), dtype=np.int64) - 1
        good = scores[keys] >= last - TIE
        if group is not None:
            good &= self.groups[keys] == group
        return float(good.sum()) / wanted

    def _around(self, centres: FloatArray) -> FloatArray:
        noise = self._random.standard_normal(centres.shape, np.float32)
        noise *= SPREAD / DIMENSIONS**0.5
        noise += centres
        return _normalised(noise)


def _normalised(vectors: FloatArray) -> FloatArray:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
