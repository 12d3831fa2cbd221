"""The `Vector` value type and the codecs that turn it into stored bytes.

Pure: NumPy only, no database. A vector is always held as float32; a codec says how many bits of it
are stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import VectorValueError

__all__ = ["HALF", "SINGLE", "Codec", "FloatArray", "Vector", "VectorLike"]

FloatArray: TypeAlias = NDArray[np.float32]
VectorLike: TypeAlias = Any
"""What `Codec.parse` accepts: `Vector`, a list, tuple or array of numbers, bytes of the codec's
length, text such as "[1,2,3]", or anything with `to_numpy()` (the types of pgvector)."""

SHOWN_VALUES = 3
SINGLE_BYTES = 4


class Vector(Sequence[float]):
    """An immutable vector of float32.

    Behaves as a sequence of Python floats; `np.asarray(vector)` gives the values as a read-only
    float32 array without a copy. `==` and `bool()` give plain booleans. Construction copies its
    input and refuses what is not one-dimensional, empty, not numeric or not finite
    (`VectorValueError`).
    """

    __slots__ = ("_array",)
    _array: FloatArray

    def __init__(self, values: Iterable[float] | NDArray[Any] | Vector) -> None:
        self._array = values._array if isinstance(values, Vector) else _checked(values)

    @classmethod
    def _wrap(cls, array: FloatArray) -> Vector:
        """Take over an array already known to be good; it is made read-only."""
        vector = object.__new__(cls)
        vector._array = _read_only(array)
        return vector

    @property
    def dimensions(self) -> int:
        return int(self._array.size)

    def to_numpy(self) -> FloatArray:
        """The values as a read-only float32 array, shape (dimensions,), not copied."""
        return self._array

    def to_list(self) -> list[float]:
        values: list[float] = self._array.tolist()
        return values

    def to_text(self) -> str:
        """The values as JSON, exactly: reading it back gives the same float32 bits."""
        return json.dumps(self.to_list(), separators=(",", ":"))

    def is_zero(self) -> bool:
        return not np.count_nonzero(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy:
            return np.array(self._array, dtype=dtype)
        return np.asarray(self._array, dtype=dtype)

    def __len__(self) -> int:
        return int(self._array.size)

    def __bool__(self) -> bool:
        return True

    @overload
    def __getitem__(self, index: SupportsIndex) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> list[float]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> float | list[float]:
        if isinstance(index, slice):
            return self.to_list()[index]
        return float(self._array[index.__index__()])

    def __iter__(self) -> Iterator[float]:
        return iter(self.to_list())

    def __eq__(self, other: object) -> bool:
        """Equal values, bit for bit apart from the sign of zero; also against lists and arrays."""
        if isinstance(other, Vector):
            return bool(np.array_equal(self._array, other._array))
        if isinstance(other, list | tuple | np.ndarray):
            try:
                return bool(np.array_equal(self._array, np.asarray(other)))
            except (TypeError, ValueError):
                return False
        return NotImplemented

    def __hash__(self) -> int:
        # Adding zero turns -0.0 into 0.0, which compare equal and so must hash alike.
        return hash((self._array + np.float32(0)).tobytes())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickle, (self._array.astype("<f4").tobytes(),))

    def __repr__(self) -> str:
        return f"<Vector {self}>"

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self._array[:SHOWN_VALUES].tolist())
        more = ", …" if len(self) > SHOWN_VALUES else ""
        return f"[{shown}{more}] ({len(self)} dimensions)"


def _unpickle(data: bytes) -> Vector:
    return Vector._wrap(np.frombuffer(data, dtype="<f4"))


def _checked(values: Any) -> FloatArray:
    """A fresh, read-only float32 array of `values`, or `VectorValueError` saying what is wrong."""
    array = _numeric(values)
    if array.ndim != 1:
        raise VectorValueError(f"expected one dimension of numbers, got the shape {array.shape}")
    if not array.size:
        raise VectorValueError("a vector needs at least one number")
    if not np.isfinite(array).all():
        position = int(np.flatnonzero(~np.isfinite(array))[0])
        raise VectorValueError(f"the value at position {position} is {array[position]}, not finite")
    if array.dtype == np.float32:
        return _read_only(array.copy())
    with np.errstate(over="ignore"):
        single = np.array(array, dtype=np.float32, order="C")
    _refuse_overflow(single, array, "float32")
    return _read_only(single)


def _read_only(array: FloatArray) -> FloatArray:
    array.flags.writeable = False
    return array


def _numeric(values: Any) -> NDArray[Any]:
    if hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
        values = values.to_numpy()
    elif not isinstance(values, np.ndarray | Sequence) and isinstance(values, Iterable):
        values = list(values)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise VectorValueError(f"not a sequence of numbers: {error}") from error
    if array.size and array.dtype.kind == "O":
        array = _from_objects(array)
    if array.size and (array.dtype.kind not in "fiu"):
        raise VectorValueError(f"expected numbers, got {_described(values)}")
    return array


def _from_objects(array: NDArray[Any]) -> NDArray[Any]:
    """Decimals, fractions and very large integers; None, booleans and nested values are refused."""
    if any(value is None or isinstance(value, str | bytes) for value in array.flat):
        raise VectorValueError("expected numbers, got a sequence that holds None or text")
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise VectorValueError(f"not a sequence of numbers: {error}") from error


def _described(values: Any) -> str:
    if isinstance(values, str):
        return "text"
    dtype = getattr(values, "dtype", None)
    return f"an array of {dtype}" if dtype is not None else f"a {type(values).__name__}"


def _refuse_overflow(narrow: NDArray[Any], wide: NDArray[Any], name: str) -> None:
    if not np.isfinite(narrow).all():
        position = int(np.flatnonzero(~np.isfinite(narrow))[0])
        raise VectorValueError(
            f"the value {wide[position]} at position {position} is too large for {name}"
        )


@dataclass(frozen=True)
class Codec:
    """How a vector is stored: its element type and, by that, its length in bytes.

    Stored bytes are little-endian. `parse` makes vectors whose values the codec can hold exactly,
    so what is read back equals what was assigned.
    """

    name: str
    dtype: np.dtype[Any]
    label: str

    def size(self, dimensions: int) -> int:
        """Bytes of one stored vector."""
        return dimensions * self.dtype.itemsize

    def parse(self, value: VectorLike, dimensions: int | None = None) -> Vector:
        """`value` as a vector rounded to what this codec stores.

        Raises `VectorValueError` for a wrong dimension, NaN, infinities, overflow, and anything
        that is not a vector.
        """
        if isinstance(value, Vector):
            vector = value
        elif isinstance(value, bytes | bytearray | memoryview):
            vector = self._from_bytes(bytes(value), dimensions)
        elif isinstance(value, str):
            vector = self._from_text(value)
        else:
            vector = Vector(value)
        if dimensions is not None and len(vector) != dimensions:
            raise VectorValueError(f"expected {dimensions} dimensions, got {len(vector)}")
        return self.rounded(vector)

    def rounded(self, vector: Vector) -> Vector:
        if self.dtype.itemsize == SINGLE_BYTES:
            return vector
        wide = vector.to_numpy()
        with np.errstate(over="ignore"):
            narrow = wide.astype(self.dtype)
        _refuse_overflow(narrow, wide, self.label)
        return Vector._wrap(narrow.astype(np.float32))

    def encode(self, vector: Vector) -> bytes:
        return vector.to_numpy().astype(self.dtype, copy=False).tobytes()

    def decode(self, data: bytes | memoryview) -> Vector:
        """The vector stored in `data`, trusted: no check of its values."""
        return self.wrap(np.frombuffer(data, dtype=self.dtype))

    def wrap(self, array: NDArray[Any]) -> Vector:
        """A vector over trusted values of any float type and byte order."""
        return Vector._wrap(np.ascontiguousarray(array, dtype=np.float32))

    def _from_bytes(self, data: bytes, dimensions: int | None) -> Vector:
        size = self.dtype.itemsize
        expected = self.size(dimensions) if dimensions is not None else None
        if not data or len(data) % size or (expected is not None and len(data) != expected):
            wanted = f"{expected} bytes" if expected is not None else f"a multiple of {size} bytes"
            raise VectorValueError(
                f"expected {wanted} of little-endian {self.label}, got {len(data)}"
                f"{_other_reading(len(data), dimensions, size)}"
            )
        return Vector(np.frombuffer(data, dtype=self.dtype))

    @staticmethod
    def _from_text(text: str) -> Vector:
        try:
            return Vector(json.loads(text))
        except (ValueError, RecursionError) as error:
            if isinstance(error, VectorValueError):
                raise
            raise VectorValueError('expected numbers in brackets, such as "[0.1, 0.2]"') from error


def _other_reading(length: int, dimensions: int | None, size: int) -> str:
    """A hint where the length is that of the same dimensions in another float type."""
    names = {2: "float16", 4: "float32", 8: "float64"}
    for other, name in names.items():
        if dimensions is not None and other != size and length == dimensions * other:
            return f" (the length of {dimensions} values of {name}: convert them first)"
    return ""


SINGLE = Codec("single", np.dtype("<f4"), "float32")
HALF = Codec("half", np.dtype("<f2"), "float16")
