"""Products of a query with int8 codes: by numkong where it is installed, else by NumPy."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from hybrid_store.backends.sqlite.engine.codes import encode, rounding
from hybrid_store.vectors import FloatArray

__all__ = ["Kernel", "NumPyKernel", "NumkongKernel", "Query", "kernel"]


@dataclass(frozen=True)
class Query:
    """A query q, kept as scale * values, and `error` >= |q - scale * values|.

    The error also stands for what products with it round.
    """

    values: NDArray[Any]
    scale: float
    error: float
    length: float

    @property
    def is_known(self) -> bool:
        """Can anything be said about products with it? Not if float32 cannot square its length."""
        return self.error < np.inf and self.length > 0


class Kernel(Protocol):
    name: str

    def query(self, vector: FloatArray) -> Query:
        """The query in the form that `products` takes."""

    def products(self, codes: NDArray[np.int8], query: Query) -> NDArray[Any]:
        """The inner products of n codes with the query's values, n floats."""


class NumkongKernel:
    """int8 with int8, rounded once, by the widest instructions that the processor has."""

    name = "numkong"

    def query(self, vector: FloatArray) -> Query:
        code = encode(vector[None])
        numbers = (float(array[0]) for array in (code.scales, code.errors, code.lengths))
        return Query(code.values, *numbers)

    def products(self, codes: NDArray[np.int8], query: Query) -> NDArray[Any]:
        import numkong

        [products] = np.asarray(numkong.cdist(query.values, codes, "dot"))
        # They are whole numbers. What follows is twice as fast by half the bytes.
        return cast("NDArray[Any]", products.astype(np.float32))


class NumPyKernel:
    """int8 with float32: the codes are converted block by block, in a processor's cache."""

    name = "NumPy"
    BLOCK = 1024

    def query(self, vector: FloatArray) -> Query:
        code = encode(vector[None])
        length = float(code.lengths[0])
        if np.isinf(code.errors[0]):
            return Query(np.zeros_like(vector), 0.0, np.inf, length)
        return Query(vector, 1.0, rounding(len(vector)) * length, length)

    def products(self, codes: NDArray[np.int8], query: Query) -> NDArray[Any]:
        found = np.empty(len(codes), np.float32)
        buffer = np.empty((self.BLOCK, codes.shape[1]), np.float32)
        for start in range(0, len(codes), self.BLOCK):
            block = codes[start : start + self.BLOCK]
            np.copyto(buffer[: len(block)], block)
            np.dot(buffer[: len(block)], query.values, out=found[start : start + self.BLOCK])
        return found


@functools.cache
def kernel() -> Kernel:
    """The fastest that is installed."""
    try:
        import numkong  # noqa: F401
    except ImportError:
        return NumPyKernel()
    return NumkongKernel()
