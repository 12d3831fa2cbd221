"""`Vector`, of floats, and its codecs: always held as float32, a codec says how much is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors.base import BaseCodec, BaseVector, Codec, VectorLike, as_array, read_only

__all__ = ["HALF", "SINGLE", "FloatArray", "FloatCodec", "Vector", "numeric", "single_precision"]

FloatArray: TypeAlias = NDArray[np.float32]

SHOWN_VALUES = 3
SINGLE_BYTES = 4


class Vector(BaseVector):
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
        vector._array = read_only(array)
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

    def _equals(self, other: Vector) -> bool:
        """Bit for bit, apart from the sign of zero."""
        return bool(np.array_equal(self._array, other._array))

    def __hash__(self) -> int:
        # Adding zero turns -0.0 into 0.0, which compare equal and so must hash alike.
        return hash((self._array + np.float32(0)).tobytes())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickle, (self._array.astype("<f4").tobytes(),))

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self._array[:SHOWN_VALUES].tolist())
        more = ", …" if len(self) > SHOWN_VALUES else ""
        return f"[{shown}{more}] ({len(self)} dimensions)"


def _unpickle(data: bytes) -> Vector:
    return Vector._wrap(np.frombuffer(data, dtype="<f4"))


def _checked(values: Any) -> FloatArray:
    """A fresh, read-only float32 array of `values`, or `VectorValueError` saying what is wrong."""
    array = numeric(values)
    if array.ndim != 1:
        raise VectorValueError(f"expected one dimension of numbers, got the shape {array.shape}")
    if not array.size:
        raise VectorValueError("a vector needs at least one number")
    return single_precision(array)


def single_precision(array: NDArray[Any]) -> FloatArray:
    """A fresh, read-only float32 array of numbers; refuses what is not finite or too large."""
    if not np.isfinite(array).all():
        position = int(np.flatnonzero(~np.isfinite(array))[0])
        raise VectorValueError(f"the value at position {position} is {array[position]}, not finite")
    if array.dtype == np.float32:
        return read_only(array.copy())
    with np.errstate(over="ignore"):
        single = np.array(array, dtype=np.float32, order="C")
    _refuse_overflow(single, array, "float32")
    return read_only(single)


def numeric(values: Any) -> NDArray[Any]:
    """An array of any type of real numbers, or `VectorValueError` saying what else it is."""
    array = as_array(values, "numbers")
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
class FloatCodec(BaseCodec[Vector]):
    """Vectors as their values in a row, little-endian, of one type of float."""

    name: str
    dtype: np.dtype[Any]
    label: str

    value_type: ClassVar[type[Vector]] = Vector

    @property
    def described(self) -> str:
        return f"{self.name}-precision vector"

    @property
    def widest(self) -> Codec:
        return SINGLE

    def size(self, dimensions: int) -> int:
        """Bytes of one stored vector."""
        return dimensions * self.dtype.itemsize

    def _read(self, value: VectorLike, dimensions: int | None) -> Vector:
        if isinstance(value, bytes | bytearray | memoryview):
            return self._from_bytes(bytes(value), dimensions)
        return self._from_text(value) if isinstance(value, str) else Vector(value)

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

    def decode(self, data: bytes, dimensions: int) -> Vector:
        return self.wrap(np.frombuffer(data, dtype=self.dtype))

    def wrap(self, array: NDArray[Any]) -> Vector:
        """A vector over trusted values of any float type and byte order."""
        return Vector._wrap(np.ascontiguousarray(array, dtype=np.float32))

    def mix(
        self, like: Sequence[tuple[Vector, float]], unlike: Sequence[tuple[Vector, float]]
    ) -> Vector:
        mean = _mean(like)
        return Vector(mean + (mean - _mean(unlike)) if unlike else mean)

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


def _mean(vectors: Sequence[tuple[Vector, float]]) -> FloatArray:
    arrays = [vector.to_numpy() for vector, _ in vectors]
    mean = np.average(arrays, axis=0, weights=[weight for _, weight in vectors])
    return mean.astype(np.float32)


SINGLE = FloatCodec("single", np.dtype("<f4"), "float32")
HALF = FloatCodec("half", np.dtype("<f2"), "float16")
