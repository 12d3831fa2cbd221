"""`SparseVector` and its codec: the dimensions, then the places and values that are not zero."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, SupportsIndex, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors.base import BaseCodec, BaseVector, VectorLike, read_only
from hybrid_store.vectors.dense import FloatArray, numeric, single_precision

__all__ = ["MAX_DIMENSIONS", "MAX_NON_ZERO", "SPARSE", "SparseCodec", "SparseVector", "is_sparse"]

# What a `sparsevec` of pgvector can hold. Source: its src/sparsevec.h.
MAX_DIMENSIONS = 1_000_000_000
MAX_NON_ZERO = 16_000

SHOWN_ELEMENTS = 3
TEXT = re.compile(r"\s*\{(.*)\}\s*/\s*(\d+)\s*", re.DOTALL | re.ASCII)

IndexArray: TypeAlias = NDArray[np.int32]


class Parts(NamedTuple):
    """The dimensions, and the places (from 0) and values of elements; in any order at first."""

    dimensions: int
    indices: NDArray[Any]
    values: NDArray[Any]


class SparseVector(BaseVector):
    """An immutable vector of float32 of which few are not zero.

    `value` is a dictionary of places (from 0) to numbers, together with the number of `dimensions`;
    or it has those itself: a list or an array of all numbers, a sparse array of SciPy, a
    `SparseVector` of pgvector. Zeros are not kept. Refuses (`VectorValueError`) places outside the
    dimensions or given twice, what is not finite, more than 1,000,000,000 dimensions and more than
    16,000 numbers that are not zero.

    Behaves as the sequence of all numbers: what asks for all of them, as `to_numpy()` does, makes
    an array of that length.
    """

    __slots__ = ("_dimensions", "_indices", "_values")
    _dimensions: int
    _indices: IndexArray
    _values: FloatArray

    def __init__(self, value: Any, dimensions: int | None = None) -> None:
        if isinstance(value, SparseVector):
            parts = value._parts
        else:
            parts = _checked(_given(value, dimensions))
        if dimensions not in (None, parts.dimensions):
            raise VectorValueError(f"expected {dimensions} dimensions, got {parts.dimensions}")
        self._dimensions, self._indices, self._values = parts

    @classmethod
    def _wrap(cls, dimensions: int, indices: IndexArray, values: FloatArray) -> SparseVector:
        """Take over arrays already known to be good and in order; they are made read-only."""
        vector = object.__new__(cls)
        vector._dimensions = dimensions
        vector._indices, vector._values = read_only(indices), read_only(values)
        return vector

    @property
    def _parts(self) -> Parts:
        return Parts(self._dimensions, self._indices, self._values)

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def indices(self) -> IndexArray:
        """The places of the values, from 0 and ascending: a read-only int32 array."""
        return self._indices

    @property
    def values(self) -> FloatArray:
        """What is not zero, in the order of `indices`: a read-only float32 array."""
        return self._values

    def to_dict(self) -> dict[int, float]:
        """Places, from 0, to values."""
        return dict(zip(self._indices.tolist(), self._values.tolist(), strict=True))

    def to_numpy(self) -> FloatArray:
        """All numbers as a new, read-only float32 array, shape (dimensions,)."""
        array = np.zeros(self._dimensions, np.float32)
        array[self._indices] = self._values
        return read_only(array)

    def to_text(self) -> str:
        """As pgvector writes it, with places from 1: "{1:0.5,3:2.0}/5"."""
        # Of float32, so that each has as few digits as tell it from its neighbours.
        values = self._values.astype(str).tolist()
        elements = (f"{i}:{v}" for i, v in zip((self._indices + 1).tolist(), values, strict=True))
        return f"{{{','.join(elements)}}}/{self._dimensions}"

    def is_zero(self) -> bool:
        return not self._indices.size

    @overload
    def __getitem__(self, index: SupportsIndex) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return self.to_list()[index]
        wanted = range(self._dimensions)[index]
        place = int(np.searchsorted(self._indices, wanted))
        found = place < self._indices.size and self._indices[place] == wanted
        return float(self._values[place]) if found else 0.0

    def _equals(self, other: SparseVector) -> bool:
        return self._dimensions == other._dimensions and all(
            map(np.array_equal, self._parts[1:], other._parts[1:])
        )

    def __hash__(self) -> int:
        return hash((self._dimensions, self._indices.tobytes(), self._values.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickle, (SPARSE.encode(self),))

    def __str__(self) -> str:
        shown = ", ".join(
            f"{index + 1}:{value:.4g}"
            for index, value in list(self.to_dict().items())[:SHOWN_ELEMENTS]
        )
        more = ", …" if self._indices.size > SHOWN_ELEMENTS else ""
        return f"{{{shown}{more}}} ({self._indices.size} of {self._dimensions} not zero)"


def _unpickle(data: bytes) -> SparseVector:
    return SPARSE.decode(data, 0)


def is_sparse(value: Any) -> bool:
    """Is it a sparse array of SciPy, or a sparse vector of pgvector's or ours?"""
    return hasattr(value, "tocoo") or isinstance(value, SparseVector) or _is_pgvector(value)


def _is_pgvector(value: Any) -> bool:
    return all(callable(getattr(value, name, None)) for name in ("dimensions", "indices", "values"))


def _given(value: Any, dimensions: int | None) -> Parts:
    if isinstance(value, Mapping):
        return _from_mapping(value, dimensions)
    if hasattr(value, "tocoo"):
        return _from_scipy(value)
    if _is_pgvector(value):
        return Parts(value.dimensions(), np.array(value.indices()), numeric(value.values()))
    array = numeric(value)
    return Parts(array.size, np.arange(array.size), array)


def _from_mapping(value: Mapping[Any, Any], dimensions: int | None) -> Parts:
    if dimensions is None:
        raise VectorValueError("a dictionary needs the number of dimensions beside it")
    try:
        indices = [operator.index(key) for key in value]
        dimensions = operator.index(dimensions)
    except TypeError as error:
        raise VectorValueError(f"expected integers as places and dimensions: {error}") from error
    return Parts(dimensions, np.array(indices, dtype=object), numeric(list(value.values())))


def _from_scipy(value: Any) -> Parts:
    *rows, dimensions = value.shape
    if rows not in ([], [1]):
        raise VectorValueError(f"expected one dimension of numbers, got the shape {value.shape}")
    array = value.tocoo(copy=True)
    array.sum_duplicates()
    return Parts(dimensions, array.col, numeric(array.data))


def _from_text(text: str) -> Parts:
    try:
        elements, dimensions = TEXT.fullmatch(text).groups()  # type: ignore[union-attr]
        pairs = [pair.split(":") for pair in elements.split(",") if elements.strip()]
        indices = [int(index) - 1 for index, _ in pairs]
        values = [float(value) for _, value in pairs]
        return Parts(int(dimensions), np.array(indices, dtype=object), np.array(values))
    except (AttributeError, ValueError) as error:
        raise VectorValueError(
            'expected places from 1 with their numbers, and the dimensions, as in "{1:0.5,3:2}/5"'
        ) from error


def _from_bytes(data: bytes) -> Parts:
    if len(data) % 8 != 4:
        raise VectorValueError(f"{len(data)} bytes are no sparse vector")
    return _unpacked(data)


def _checked(parts: Parts) -> Parts:
    """Float32 values that are not zero, by ascending place; or `VectorValueError`."""
    dimensions, indices, given = parts
    if given.ndim != 1:
        raise VectorValueError(f"expected one dimension of numbers, got the shape {given.shape}")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise VectorValueError(f"expected 1 to {MAX_DIMENSIONS} dimensions, got {dimensions}")
    values = single_precision(given)
    outside = (indices < 0) | (indices >= dimensions)
    if outside.any():
        raise VectorValueError(
            f"the place {indices[outside][0]} is not among {dimensions} dimensions, from 0"
        )
    order = np.argsort(indices, kind="stable")
    places = indices[order].astype(np.int32)
    repeated = np.flatnonzero(places[1:] == places[:-1])
    if repeated.size:
        raise VectorValueError(f"the place {places[repeated[0]]} is given twice")
    return _without_zeros(Parts(dimensions, places, values[order]))


def _without_zeros(parts: Parts) -> Parts:
    held = np.flatnonzero(parts.values)
    if held.size > MAX_NON_ZERO:
        raise VectorValueError(
            f"{held.size} numbers are not zero; a sparse vector holds {MAX_NON_ZERO} at most"
        )
    indices, values = parts.indices[held], parts.values[held]
    return Parts(int(parts.dimensions), read_only(indices), read_only(values))


def _unpacked(data: bytes) -> Parts:
    words = np.frombuffer(data, dtype="<i4")
    count = words.size // 2
    return Parts(int(words[0]), words[1 : 1 + count], words[1 + count :].view("<f4"))


class SparseCodec(BaseCodec[SparseVector]):
    """Little-endian: int32 dimensions, int32 places from 0 ascending, then as many float32 values.

    Equal vectors have equal bytes.
    """

    name = "sparse"
    value_type = SparseVector

    @property
    def described(self) -> str:
        return "sparse vector"

    def _read(self, value: VectorLike, dimensions: int | None) -> SparseVector:
        if isinstance(value, bytes | bytearray | memoryview):
            return SparseVector._wrap(*_checked(_from_bytes(bytes(value))))
        if isinstance(value, str):
            return SparseVector._wrap(*_checked(_from_text(value)))
        return SparseVector(value, dimensions if isinstance(value, Mapping) else None)

    def encode(self, vector: SparseVector) -> bytes:
        head = np.array([vector.dimensions], dtype="<i4").tobytes()
        indices, values = vector.indices.astype("<i4"), vector.values.astype("<f4")
        return head + indices.tobytes() + values.tobytes()

    def decode(self, data: bytes, dimensions: int) -> SparseVector:
        return self.wrap(*_unpacked(data))

    def wrap(self, dimensions: int, indices: NDArray[Any], values: NDArray[Any]) -> SparseVector:
        """A vector over trusted elements, by ascending place, in any byte order."""
        return SparseVector._wrap(
            dimensions, indices.astype(np.int32, copy=False), values.astype(np.float32, copy=False)
        )

    def mix(
        self,
        like: Sequence[tuple[SparseVector, float]],
        unlike: Sequence[tuple[SparseVector, float]],
    ) -> SparseVector:
        vectors = [vector for vector, _ in (*like, *unlike)]
        weights = [*_shares(like, 2 if unlike else 1), *_shares(unlike, -1)]
        indices, places = np.unique(
            np.concatenate([v.indices for v in vectors]), return_inverse=True
        )
        weighted = [weight * v.values for weight, v in zip(weights, vectors, strict=True)]
        sums = np.bincount(places, np.concatenate(weighted), indices.size)
        return SparseVector._wrap(*_checked(Parts(vectors[0].dimensions, indices, sums)))


def _shares(vectors: Sequence[tuple[SparseVector, float]], whole: float) -> list[float]:
    """The weights, as parts of the whole."""
    total = sum(weight for _, weight in vectors)
    return [whole * weight / total for _, weight in vectors]


SPARSE = SparseCodec()
