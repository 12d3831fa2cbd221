"""New rows, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from hybrid_store.vectors import FloatArray, FloatCodec

__all__ = ["Values", "Vectors", "cut", "take"]

T = TypeVar("T")


@dataclass(frozen=True)
class Vectors:
    """The column of a vector field.

    `array`, shape (rows that have a vector, dimensions), float32, holds values that the codec can
    store; `given` says of every row whether it has one, None that all have.
    """

    codec: FloatCodec
    array: FloatArray
    given: Sequence[bool] | None = None

    def __len__(self) -> int:
        return len(self.array if self.given is None else self.given)

    @property
    def has(self) -> Sequence[bool]:
        """Of every row, whether it has a vector."""
        return [True] * len(self.array) if self.given is None else self.given

    def spread(self, values: Iterable[T], missing: T) -> list[T]:
        """A value for each vector, with `missing` for rows that have none."""
        if self.given is None:
            return list(values)
        rest = iter(values)
        return [next(rest) if given else missing for given in self.given]

    def take(self, places: Sequence[int]) -> Vectors:
        """The column of some of the rows."""
        if self.given is None:
            return Vectors(self.codec, self.array[places])
        rows = np.cumsum(self.given) - 1
        given = [self.given[place] for place in places]
        return Vectors(self.codec, self.array[rows[places][given]], given)

    def encoded(self) -> list[bytes | None]:
        """Every vector as the codec stores it, little-endian."""
        data = self.array.astype(self.codec.dtype, copy=False).tobytes()
        return self.spread(cut(data, self.codec.size(self.array.shape[1])), None)


Values: TypeAlias = Sequence[Any] | Vectors
"""What the rows have in one column: prepared as `get_db_prep_save` does it, None for NULL."""


def take(values: Values, places: Sequence[int]) -> Values:
    """A column of some of the rows."""
    if isinstance(values, Vectors):
        return values.take(places)
    return [values[place] for place in places]


def cut(data: bytes, size: int) -> Iterable[bytes]:
    """`data` in pieces of `size` bytes."""
    return (data[start : start + size] for start in range(0, len(data), size))
