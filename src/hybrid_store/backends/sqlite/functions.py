"""The SQL functions that SQLite lacks, in NumPy.

A function takes two BLOBs of the same codec and returns a float, or NULL when either is NULL or the
distance does not exist (cosine of an all-zero vector).
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from sqlite3 import Connection
from typing import TypeAlias

import numpy as np

from hybrid_store.vectors import HALF, SINGLE, Codec, FloatArray

__all__ = ["CODECS", "METRICS", "function_name", "register_functions"]

CODECS = (SINGLE, HALF)

Blob: TypeAlias = bytes | None
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


def function_name(metric: str, codec: Codec) -> str:
    return f"hybrid_store_{metric}_{codec.name}"


def register_functions(connection: Connection) -> None:
    """Create every function on an open connection; about ten microseconds."""
    for codec in CODECS:
        for name, metric in METRICS.items():
            _create(connection, function_name(name, codec), 2, _distance(metric, codec))
    _create(connection, "hybrid_store_half_to_single", 1, _half_to_single)
    _create(connection, "hybrid_store_single_to_half", 1, _single_to_half)


def _create(
    connection: Connection, name: str, arguments: int, function: Callable[..., Blob | float]
) -> None:
    connection.create_function(name, arguments, function, deterministic=True)


def _distance(metric: Metric, codec: Codec) -> Callable[[Blob, Blob], float | None]:
    """The SQL function of a metric over a codec, for one connection.

    It runs once a row, so its state is in a closure, and is kept where that is cheaper than doing
    work again: the second vector is the same for every row, and a row's distance is asked for once
    a place that it stands in (WHERE, SELECT, ORDER BY).
    """
    decode = _decoder(codec)
    last_row: Blob = None
    last_other: Blob = None
    other_array = np.zeros(0, dtype=np.float32)
    other_length = 0.0
    last_distance: float | None = None

    def distance(row: Blob, other: Blob) -> float | None:
        nonlocal last_row, last_other, other_array, other_length, last_distance
        if row == last_row and other == last_other:
            return last_distance
        if row is None or other is None:
            return None
        if other != last_other:
            other_array = decode(other)
            other_length = sqrt(other_array.dot(other_array))
            last_other = other
        row_array = decode(row)
        if row_array.size != other_array.size:
            last_row = None
            raise ValueError(f"different dimensions {row_array.size} and {other_array.size}")
        last_row, last_distance = row, metric(row_array, other_array, other_length)
        return last_distance

    return distance


def _decoder(codec: Codec) -> Callable[[bytes], FloatArray]:
    frombuffer, dtype = np.frombuffer, codec.dtype
    if codec is SINGLE:
        return lambda data: frombuffer(data, dtype)
    return lambda data: frombuffer(data, dtype).astype(np.float32)


def _half_to_single(data: Blob) -> Blob:
    return None if data is None else SINGLE.encode(HALF.decode(data))


def _single_to_half(data: Blob) -> Blob:
    return None if data is None else HALF.encode(HALF.rounded(SINGLE.decode(data)))
