"""Distances between sparse vectors, in NumPy and in double precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_store.vectors import SPARSE

__all__ = ["DISTANCES"]

# The dimensions, in front of a vector.
HEAD_BYTES = 4

Doubles: TypeAlias = NDArray[np.float64]
Metric: TypeAlias = Callable[[Doubles, Doubles, Doubles], float | None]
"""Takes the values of a row, those of the other vector in the same places, and its other ones."""


def _cosine(row: Doubles, other: Doubles, rest: Doubles) -> float | None:
    lengths = sqrt(row.dot(row)) * sqrt(other.dot(other) + rest.dot(rest))
    if not lengths:
        return None
    return 1.0 - max(-1.0, min(1.0, float(row.dot(other)) / lengths))


def _l2(row: Doubles, other: Doubles, rest: Doubles) -> float | None:
    difference = row - other
    return sqrt(difference.dot(difference) + rest.dot(rest))


def _l1(row: Doubles, other: Doubles, rest: Doubles) -> float | None:
    return float(np.abs(row - other).sum() + np.abs(rest).sum())


def _negative_inner_product(row: Doubles, other: Doubles, rest: Doubles) -> float | None:
    return -float(row.dot(other))


def _against(metric: Metric, other: bytes) -> Callable[[bytes], float | None]:
    head, frombuffer = other[:HEAD_BYTES], np.frombuffer
    vector = SPARSE.decode(other, 0)
    # One more element, of no row, so that every search in the places ends at one.
    places = np.append(vector.indices, np.int32(-1))
    values = np.append(vector.values.astype(np.float64), 0.0)
    search = vector.indices.searchsorted

    def compare(row: bytes) -> float | None:
        # As `SPARSE.decode` does, which would make two arrays more of each row.
        if row[:HEAD_BYTES] != head:
            raise ValueError("different dimensions")
        half = (len(row) + HEAD_BYTES) // 2
        row_places = frombuffer(row[HEAD_BYTES:half], "<i4")
        row_values = frombuffer(row[half:], "<f4").astype(np.float64)
        found = search(row_places)
        shared = places[found] == row_places
        rest = values.copy()
        rest[found[shared]] = 0.0
        return metric(row_values, values[found] * shared, rest)

    return compare


DISTANCES = {
    "cosine": partial(_against, _cosine),
    "l2": partial(_against, _l2),
    "l1": partial(_against, _l1),
    "inner_product": partial(_against, _negative_inner_product),
}
