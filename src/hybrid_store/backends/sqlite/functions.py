"""The SQL functions that SQLite lacks, in NumPy.

A function takes two BLOBs of the same codec and returns a float, or NULL when either is NULL or the
distance does not exist (cosine of an all-zero vector).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from hybrid_store.vectors import HALF, SINGLE, Codec, FloatArray

__all__ = ["CODECS", "METRICS", "function_name", "register_functions"]

CODECS = (SINGLE, HALF)


class _Distance:
    """One distance over one codec.

    In a query the second vector is the same for every row, so it is decoded once: comparing its
    bytes with the last ones is far cheaper than decoding. An instance belongs to one connection,
    which one thread at a time uses.
    """

    def __init__(self, codec: Codec) -> None:
        self.dtype = codec.dtype
        self._bytes: bytes | None = None
        self._array: FloatArray = np.zeros(0, dtype=np.float32)
        self._norm = 0.0

    def __call__(self, left: bytes | None, right: bytes | None) -> float | None:
        if left is None or right is None:
            return None
        if right != self._bytes:
            self._array = self._decode(right)
            self._norm = math.sqrt(float(self._array.dot(self._array)))
            self._bytes = right
        array = self._decode(left)
        if array.size != self._array.size:
            raise ValueError(f"different vector dimensions {array.size} and {self._array.size}")
        return self.distance(array)

    def _decode(self, data: bytes) -> FloatArray:
        array: NDArray[np.floating] = np.frombuffer(data, dtype=self.dtype)
        return array.astype(np.float32, copy=False)

    def distance(self, array: FloatArray) -> float | None:
        raise NotImplementedError


class _Cosine(_Distance):
    def distance(self, array: FloatArray) -> float | None:
        norms = math.sqrt(float(array.dot(array))) * self._norm
        if not norms:
            return None
        # Rounding can leave [-1, 1] by an ulp; pgvector clamps alike.
        return 1.0 - max(-1.0, min(1.0, float(array.dot(self._array)) / norms))


class _L2(_Distance):
    def distance(self, array: FloatArray) -> float | None:
        difference = array - self._array
        return math.sqrt(float(difference.dot(difference)))


class _L1(_Distance):
    def distance(self, array: FloatArray) -> float | None:
        return float(np.abs(array - self._array).sum())


class _NegativeInnerProduct(_Distance):
    def distance(self, array: FloatArray) -> float | None:
        return -float(array.dot(self._array))


METRICS: dict[str, type[_Distance]] = {
    "cosine": _Cosine,
    "l2": _L2,
    "l1": _L1,
    "inner_product": _NegativeInnerProduct,
}


def function_name(metric: str, codec: Codec) -> str:
    return f"hybrid_store_{metric}_{codec.name}"


def register_functions(connection: Connection) -> None:
    """Create every function on an open connection; about 30 microseconds."""
    for codec in CODECS:
        for metric, distance in METRICS.items():
            _create(connection, function_name(metric, codec), 2, distance(codec))
    _create(connection, "hybrid_store_half_to_single", 1, _half_to_single)
    _create(connection, "hybrid_store_single_to_half", 1, _single_to_half)


def _create(
    connection: Connection, name: str, arguments: int, function: Callable[..., bytes | float | None]
) -> None:
    connection.create_function(name, arguments, function, deterministic=True)


def _half_to_single(data: bytes | None) -> bytes | None:
    return None if data is None else SINGLE.encode(HALF.decode(data))


def _single_to_half(data: bytes | None) -> bytes | None:
    return None if data is None else HALF.encode(HALF.rounded(SINGLE.decode(data)))
