"""What all kinds of vectors, and their codecs, have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, SupportsIndex, TypeAlias, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import VectorValueError

__all__ = ["BaseCodec", "BaseVector", "Codec", "VectorLike", "as_array", "read_only"]

VectorLike: TypeAlias = Any
"""What `BaseCodec.parse` accepts: a vector of the codec's kind, a list, tuple or array, bytes in
the codec's form, text, or the types of pgvector."""


class BaseVector(Sequence[float]):
    """An immutable vector.

    Behaves as a sequence of its numbers; `np.asarray(vector)` gives them as an array. `==` and
    `bool()` give plain booleans. Construction copies its input and refuses what is no such vector
    (`VectorValueError`).
    """

    __slots__ = ()

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """How many numbers there are."""

    @abstractmethod
    def to_numpy(self) -> NDArray[Any]:
        """The numbers as a read-only array, shape (dimensions,)."""

    @abstractmethod
    def to_text(self) -> str:
        """Text that the codec reads back to the same bits."""

    @abstractmethod
    def is_zero(self) -> bool:
        """Are all numbers zero?"""

    @abstractmethod
    def _equals(self, other: Self) -> bool: ...

    def to_list(self) -> Sequence[float]:
        values: list[float] = self.to_numpy().tolist()
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy:
            return np.array(self.to_numpy(), dtype=dtype)
        return np.asarray(self.to_numpy(), dtype=dtype)

    def __len__(self) -> int:
        return self.dimensions

    def __bool__(self) -> bool:
        return True

    @overload
    def __getitem__(self, index: SupportsIndex) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return self.to_list()[index]
        value: float = self.to_numpy()[index.__index__()].item()
        return value

    def __iter__(self) -> Iterator[float]:
        return iter(self.to_list())

    def __eq__(self, other: object) -> bool:
        """Equal numbers; also against lists, tuples and arrays."""
        if isinstance(other, type(self)):
            return self._equals(other)
        if isinstance(other, list | tuple | np.ndarray):
            try:
                same_length = len(other) == self.dimensions
                return same_length and bool(np.array_equal(self.to_numpy(), np.asarray(other)))
            except (TypeError, ValueError):
                return False
        return NotImplemented

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


V = TypeVar("V", bound=BaseVector)


class BaseCodec(ABC, Generic[V]):
    """One kind of column: which values it takes, and how they are stored.

    `parse` makes vectors that the codec can hold exactly, so what is read back equals what was
    assigned.
    """

    # Key in the tables of the backends.
    name: str
    # Type of the values.
    value_type: ClassVar[type[BaseVector]]
    # What the dimensions of a value are called.
    unit: ClassVar[str] = "dimensions"
    # Is the mean of values such a value?
    has_mean: ClassVar[bool] = True

    @property
    @abstractmethod
    def described(self) -> str:
        """What a column holds in each row, as a noun."""

    @property
    def widest(self) -> Codec:
        """The codec that holds the values of this one and of all others of the same type."""
        return self

    def size(self, dimensions: int) -> int | None:
        """Bytes of a stored vector; None where that depends on the vector."""
        return None

    def parse(self, value: VectorLike, dimensions: int | None = None) -> V:
        """`value` as a vector, rounded to what this codec stores.

        Raises `VectorValueError` for a wrong dimension and anything that is not such a vector.
        """
        is_one = isinstance(value, self.value_type)
        vector = cast(V, value) if is_one else self._read(value, dimensions)
        if dimensions is not None and vector.dimensions != dimensions:
            raise VectorValueError(f"expected {dimensions} {self.unit}, got {vector.dimensions}")
        return self.rounded(vector)

    @abstractmethod
    def _read(self, value: VectorLike, dimensions: int | None) -> V:
        """A vector made of anything else; `dimensions` are those of the column, if known."""

    def rounded(self, vector: V) -> V:
        """The nearest vector that this codec can store."""
        return vector

    @abstractmethod
    def encode(self, vector: V) -> bytes:
        """A rounded vector as it is stored in bytes."""

    @abstractmethod
    def decode(self, data: bytes, dimensions: int) -> V:
        """The vector stored in `data`, trusted: no check of its values."""

    def mix(self, like: Sequence[tuple[V, float]], unlike: Sequence[tuple[V, float]]) -> V:
        """The mean of `like`, plus its difference to the mean of `unlike` where there are any.

        Vectors stand with their weights in the means, which are above 0.
        """
        raise VectorValueError(f"{self.described}s have no mean")


Codec: TypeAlias = BaseCodec[Any]


def as_array(values: Any, what: str) -> NDArray[Any]:
    """An array of any type and shape; `what` its elements should be stands in the error."""
    if isinstance(values, Mapping):
        raise VectorValueError(f"expected a sequence of {what}, got a dictionary")
    if hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
        values = values.to_numpy()
    elif not isinstance(values, np.ndarray | Sequence) and isinstance(values, Iterable):
        values = list(values)
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise VectorValueError(f"not a sequence of {what}: {error}") from error


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
