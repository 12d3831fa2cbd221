"""`BitVector` and its codec: eight bits a byte, the first one in the highest place.

That is the order of `bit_send` and of text in PostgreSQL, and of `numpy.packbits`. What is left of
the last byte is zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors.base import BaseCodec, BaseVector, VectorLike, as_array, read_only

__all__ = ["BIT", "BitCodec", "BitVector"]

SHOWN_BITS = 16
DIGITS = "01"
# The first byte of the text of a zero.
ZERO = ord("0")


class BitVector(BaseVector):
    """An immutable vector of bits.

    `values` are text of zeros and ones, a list, tuple or array of booleans or of the integers 0
    and 1, or bytes of eight bits each, most significant first. The `length` of bytes may end within
    the last one, whose other bits must be zero. Refuses anything else (`VectorValueError`).

    Behaves as a sequence of booleans.
    """

    __slots__ = ("_data", "_length")
    _data: bytes
    _length: int

    def __init__(
        self, values: str | bytes | Iterable[Any] | BitVector, length: int | None = None
    ) -> None:
        if isinstance(values, BitVector):
            self._data, self._length = values._data, values._length
        elif isinstance(values, bytes | bytearray | memoryview):
            self._data, self._length = _checked_bytes(bytes(values), length)
        else:
            bits = _from_text(values) if isinstance(values, str) else _from_values(values)
            self._data, self._length = np.packbits(bits).tobytes(), bits.size
        if length not in (None, self._length):
            raise VectorValueError(f"expected {length} bits, got {self._length}")

    @classmethod
    def _wrap(cls, data: bytes, length: int) -> BitVector:
        """Take over bytes already known to be good."""
        vector = object.__new__(cls)
        vector._data, vector._length = data, length
        return vector

    @property
    def dimensions(self) -> int:
        return self._length

    def to_numpy(self) -> NDArray[np.bool_]:
        """The bits as a new, read-only array of booleans, shape (dimensions,)."""
        bits = np.unpackbits(np.frombuffer(self._data, np.uint8), count=self._length)
        return read_only(bits.view(np.bool_))

    def to_list(self) -> list[bool]:
        bits: list[bool] = self.to_numpy().tolist()
        return bits

    def to_bytes(self) -> bytes:
        """Eight bits a byte, most significant first; what is left of the last byte is zero."""
        return self._data

    def to_text(self) -> str:
        """Zeros and ones."""
        return (self.to_numpy().view(np.uint8) + ZERO).tobytes().decode()

    def is_zero(self) -> bool:
        return not any(self._data)

    def _equals(self, other: BitVector) -> bool:
        return (self._data, self._length) == (other._data, other._length)

    def __hash__(self) -> int:
        return hash((self._data, self._length))

    def __reduce__(self) -> tuple[Any, ...]:
        return (BitVector, (self._data, self._length))

    def __str__(self) -> str:
        shown = BitVector(self.to_numpy()[:SHOWN_BITS]).to_text()
        more = "…" if self._length > SHOWN_BITS else ""
        return f"{shown}{more} ({self._length} bits)"


def bytes_of(length: int) -> int:
    """How many bytes hold so many bits."""
    return (length + 7) // 8


def _checked_bytes(data: bytes, length: int | None) -> tuple[bytes, int]:
    length = 8 * len(data) if length is None else length
    if not length:
        raise VectorValueError("a bit vector needs at least one bit")
    if len(data) != bytes_of(length):
        raise VectorValueError(
            f"expected {bytes_of(length)} bytes that hold {length} bits, got {len(data)}"
        )
    padding = 8 * len(data) - length
    if data[-1] & ((1 << padding) - 1):
        raise VectorValueError(f"the last {padding} bits of the last byte must be zero")
    return data, length


def _from_text(text: str) -> NDArray[np.uint8]:
    text = text.strip()
    wrong = text.strip(DIGITS)
    if wrong:
        raise VectorValueError(f"expected text of zeros and ones, found {wrong[0]!r}")
    if not text:
        raise VectorValueError("a bit vector needs at least one bit")
    return np.frombuffer(text.encode(), np.uint8) - np.uint8(ZERO)


def _from_values(values: Any) -> NDArray[Any]:
    array = as_array(values, "zeros and ones")
    if array.ndim != 1:
        raise VectorValueError(f"expected one dimension of bits, got the shape {array.shape}")
    if not array.size:
        raise VectorValueError("a bit vector needs at least one bit")
    _refuse_numbers(array)
    return array.astype(np.bool_)


def _refuse_numbers(array: NDArray[Any]) -> None:
    if array.dtype.kind not in "biu":
        raise VectorValueError(
            f"expected zeros and ones, got {array.dtype}: say which are ones, as in array > 0"
        )
    wrong = np.flatnonzero((array != 0) & (array != 1))
    if wrong.size:
        raise VectorValueError(
            f"the value at position {wrong[0]} is {array[wrong[0]]}, neither 0 nor 1; bits that "
            "are packed into an array are given as its tobytes()"
        )


class BitCodec(BaseCodec[BitVector]):
    """Bits in as few bytes as hold them."""

    name = "bit"
    value_type = BitVector
    unit = "bits"
    has_mean = False

    @property
    def described(self) -> str:
        return "bit vector"

    def size(self, dimensions: int) -> int:
        """Bytes of one stored vector."""
        return bytes_of(dimensions)

    def _read(self, value: VectorLike, dimensions: int | None) -> BitVector:
        is_packed = isinstance(value, bytes | bytearray | memoryview)
        return BitVector(value, dimensions if is_packed else None)

    def encode(self, vector: BitVector) -> bytes:
        return vector.to_bytes()

    def decode(self, data: bytes, dimensions: int) -> BitVector:
        return BitVector._wrap(bytes(data), dimensions)


BIT = BitCodec()
