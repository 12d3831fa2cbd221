"""Vectors as int8 codes, each with a scale and the length of what the code leaves out.

A vector x is kept as s * c, where c holds whole numbers from -127 to 127, and as e >= |x - s * c|.
By the Cauchy-Schwarz inequality, x.q differs from s * c.q by e * |q| at most, for any q: enough to
say which vectors cannot be among the nearest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.vectors import FloatArray

__all__ = ["UNIT", "Codes", "encode", "rounding"]

UNIT = 2.0**-24
"""The unit roundoff of float32."""
MOST = 127
# Squares of lengths beyond these come near to what float32 cannot hold.
LEAST_LENGTH, GREATEST_LENGTH = 1e-12, 1e15
# Rows that are encoded at once, few enough for a processor's cache.
BLOCK = 512
# So low that no bound of a similarity reaches another one's, of queries as long as can be, too.
NO_DIRECTION = np.float32(-1e20)


def rounding(dimensions: int) -> float:
    """A bound of the relative error of a float32 sum of so many products, in whatever order.

    gamma_n = n * u / (1 - n * u), with room for a few more roundings. Source: Higham, Accuracy and
    Stability of Numerical Algorithms, 2nd ed., section 3.1.
    """
    total = (dimensions + 8) * UNIT
    return total / (1 - total)


@dataclass(frozen=True)
class Codes:
    """The codes of n vectors. Arrays are never changed once they are here.

    An error is infinite where nothing is known of a vector, `NO_DIRECTION` where it is one of an
    all-zero vector's direction, and minus infinity where the vector is not there any more.
    `lengths` are |x|, rounded; of codes of directions, vectors divided by their lengths, there are
    none.
    """

    values: NDArray[np.int8]  # n x dimensions
    scales: FloatArray  # n
    errors: FloatArray  # n
    lengths: FloatArray  # n or 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dimensions(self) -> int:
        return int(self.values.shape[1])

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self._arrays())

    @property
    def are_gone(self) -> NDArray[np.bool_]:
        """Which vectors are not there any more, n."""
        return np.isneginf(self.errors)

    @property
    def has_zeros(self) -> bool:
        """Are there all-zero vectors among those that directions are taken of?"""
        return bool((self.errors == NO_DIRECTION).any())

    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        return self.values, self.scales, self.errors, self.lengths

    @classmethod
    def joined(cls, parts: Sequence[Codes]) -> Codes:
        arrays: Any = zip(*(part._arrays() for part in parts), strict=True)
        return cls(*map(np.concatenate, arrays))

    def at(self, places: NDArray[np.int64]) -> Codes:
        """The codes at those places, in that order."""
        lengths = self.lengths[places] if len(self.lengths) else self.lengths
        return Codes(self.values[places], self.scales[places], self.errors[places], lengths)

    def without(self, places: NDArray[np.int64]) -> Codes:
        """The same, but for the vectors at those places."""
        errors = self.errors.copy()
        errors[places] = -np.inf
        return Codes(self.values, self.scales, errors, self.lengths)


def encode(vectors: FloatArray, *, directions: bool = False) -> Codes:
    """The codes of float32 vectors, n x dimensions, or those of their `directions`.

    An all-zero vector has none.
    """
    blocks = [vectors[start : start + BLOCK] for start in range(0, len(vectors), BLOCK)]
    codes = Codes.joined([*map(_encode, blocks)]) if len(blocks) > 1 else _encode(vectors)
    return _of_directions(codes) if directions else codes


def _encode(vectors: FloatArray) -> Codes:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    scales = np.abs(vectors).max(axis=1, initial=0.0) / np.float32(MOST)
    divisors = np.where(scales > 0, scales, np.float32(1))
    values = np.rint(vectors / divisors[:, None])
    rest = vectors - scales[:, None] * values
    # Both steps of `rest` round, by u * |s * c| and by u * |rest|; its length rounds as a sum does.
    errors = np.sqrt(np.einsum("ij,ij->i", rest, rest)) * np.float32(1 + rounding(vectors.shape[1]))
    errors += np.float32(4 * UNIT) * lengths
    # NaN, which other programs may write, is not 0 either.
    unknown = (scales != 0) & ~((lengths >= LEAST_LENGTH) & (lengths <= GREATEST_LENGTH))
    values[unknown], scales[unknown] = 0, 0
    errors[unknown], lengths[unknown] = np.inf, 1
    return Codes(values.astype(np.int8), scales, errors, lengths)


def _of_directions(codes: Codes) -> Codes:
    lengths, none = codes.lengths, codes.lengths == 0
    divisors: FloatArray = lengths + none.astype(np.float32)
    errors: FloatArray = codes.errors / divisors
    errors[none] = NO_DIRECTION
    return Codes(codes.values, codes.scales / divisors, errors, lengths[:0])
