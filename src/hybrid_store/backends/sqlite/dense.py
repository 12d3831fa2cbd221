"""Distances between vectors of floats, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import TypeAlias

import numpy as np

from hybrid_store.vectors import SINGLE, FloatArray, FloatCodec

__all__ = ["distances"]

Metric: TypeAlias = Callable[[FloatArray, FloatArray, float], float | None]
"""Takes a row's vector, the vector that rows are compared with, and the length of the latter."""


def _cosine(row: FloatArray, other: FloatArray, length: float) -> float | None:
    lengths = sqrt(row.dot(row)) * length
    if not lengths:
        return None
    similarity = row.dot(other) / lengths
    # Rounding can leave [-1, 1] by an ulp; pgvector clamps alike.
    return 1.0 - (1.0 if similarity > 1 else -1.0 if similarity < -1 else float(similarity))


def _l2(row: FloatArray, other: FloatArray, length: float) -> float | None:
    difference = row - other
    return sqrt(difference.dot(difference))


def _l1(row: FloatArray, other: FloatArray, length: float) -> float | None:
    return float(np.abs(row - other).sum())


def _negative_inner_product(row: FloatArray, other: FloatArray, length: float) -> float | None:
    return -float(row.dot(other))


METRICS: dict[str, Metric] = {
    "cosine": _cosine,
    "l2": _l2,
    "l1": _l1,
    "inner_product": _negative_inner_product,
}


def distances(codec: FloatCodec) -> dict[str, Callable[[bytes], Callable[[bytes], float | None]]]:
    """By the names of their metrics."""
    return {name: partial(_against, metric, codec) for name, metric in METRICS.items()}


def _against(metric: Metric, codec: FloatCodec, other: bytes) -> Callable[[bytes], float | None]:
    decode = _decoder(codec)
    array = decode(other)
    length, size = sqrt(array.dot(array)), array.size

    def compare(row: bytes) -> float | None:
        row_array = decode(row)
        if row_array.size != size:
            raise ValueError(f"different dimensions {row_array.size} and {size}")
        return metric(row_array, array, length)

    return compare


def _decoder(codec: FloatCodec) -> Callable[[bytes], FloatArray]:
    frombuffer, dtype = np.frombuffer, codec.dtype
    if codec is SINGLE:
        return lambda data: frombuffer(data, dtype)
    return lambda data: frombuffer(data, dtype).astype(np.float32)
