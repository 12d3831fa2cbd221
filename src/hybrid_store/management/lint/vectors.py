"""Vectors as columns of any kind hold them: bytes, lists of numbers, and what fields give.

Pure: nothing here touches a database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_store.operations.blobs import DTYPES, is_sane

__all__ = ["READERS", "Held", "Reader", "hold"]

Array: TypeAlias = NDArray[np.float64]
Reading: TypeAlias = Mapping[str, Array]
"""Form -> the numbers of a value that makes sense so; nothing for what is no vector."""
Reader: TypeAlias = Callable[[Any], Reading]

# Shorter blobs are hashes and keys, shorter lists are coordinates, or numbers of hours or days.
FEWEST_BYTES = 64
FEWEST_NUMBERS = 32
# Of the values that are not empty, so many are vectors in a column of vectors.
SHARE = 0.9
# Models give vectors of one length each, and series of numbers have any.
MOST_SIZES = 5
# Little-endian, by the names that findings use. Half precision cannot be told from anything else.
FLOAT_TYPES = ("float32", "float64")
BYTES = bytes | bytearray | memoryview
# The forms of what is no bytes.
OF_LIST, OF_FIELD = "numbers", "vectors"


@dataclass
class Held:
    """The vectors of a sample of rows: `vectors` are (primary key, numbers) that are not all zero.

    `forms` counts float types of bytes, and what is no bytes; `sizes` counts dimensions.
    """

    vectors: list[tuple[Any, Array]] = field(default_factory=list)
    zeros: list[Any] = field(default_factory=list)
    forms: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return len(self.vectors) + len(self.zeros)

    def add(self, key: Any, form: str, array: Array) -> None:
        self.forms[form] += 1
        self.sizes[array.size] += 1
        if array.any():
            self.vectors.append((key, array))
        else:
            self.zeros.append(key)

    @property
    def size(self) -> int:
        """The most common number of dimensions; 0 without vectors."""
        return self.sizes.most_common(1)[0][0] if self.sizes else 0

    @property
    def may_be_vectors(self) -> bool:
        """Nothing but zeros may be anything, and so may numbers of many lengths."""
        of_few_sizes = sum(count for _, count in self.sizes.most_common(MOST_SIZES))
        return bool(self.vectors) and of_few_sizes >= SHARE * self.count

    def matrix(self) -> Array:
        """The vectors of that size, shape (rows, dimensions)."""
        same = [array for _, array in self.vectors if array.size == self.size]
        return np.array(same, dtype=np.float64).reshape(len(same), self.size)


def hold(rows: Iterable[tuple[Any, Any]], read: Reader) -> Held | None:
    """What (primary key, value) rows hold; None where they are hardly vectors.

    A value that can be read in several forms has that of the rows that can be read in one.
    """
    readings = [(key, read(value)) for key, value in rows if not _is_empty(value)]
    certain = Counter(form for _, found in readings if len(found) == 1 for form in found)
    held = Held()
    for key, found in readings:
        if found:
            form = max(found, key=lambda form: certain[form])
            held.add(key, form, found[form])
    is_told = OF_FIELD in held.forms or held.may_be_vectors
    return held if is_told and held.count >= SHARE * len(readings) else None


def _is_empty(value: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and not len(value))


def of_bytes(value: Any) -> Reading:
    """Bytes that make sense as numbers."""
    if not isinstance(value, BYTES) or len(value) < FEWEST_BYTES:
        return {}
    fitting = [form for form in FLOAT_TYPES if len(value) % DTYPES[form].itemsize == 0]
    arrays = {form: np.frombuffer(value, dtype=DTYPES[form]) for form in fitting}
    return {form: array.astype(np.float64) for form, array in arrays.items() if is_sane(array)}


def of_numbers(value: Any) -> Reading:
    """A list of numbers that are not all whole: those are counts, keys or coordinates."""
    if not isinstance(value, list | tuple) or len(value) < FEWEST_NUMBERS:
        return {}
    if not all(isinstance(number, int | float) for number in value):
        return {}
    try:
        array = np.array(value, dtype=np.float64)
    except OverflowError:
        # An integer of hundreds of digits.
        return {}
    is_whole = array.any() and bool((array == array.round()).all())
    return {} if is_whole or not np.isfinite(array).all() else {OF_LIST: array}


def of_field(value: Any) -> Reading:
    """What a field of vectors gives, this package's or that of pgvector.django. One of the
    project's own that has the name may give what it stores."""
    if isinstance(value, BYTES):
        return of_bytes(value)
    given = value.to_numpy() if hasattr(value, "to_numpy") else value
    array = np.asarray(given, dtype=np.float64)
    return {OF_FIELD: array} if array.ndim == 1 else {}


# Name of a field's class, or of one that it inherits from -> how its values are read.
READERS: Mapping[str, Reader] = {
    "BinaryField": of_bytes,
    "ArrayField": of_numbers,
    "JSONField": of_numbers,
    "VectorField": of_field,
    "HalfVectorField": of_field,
    "EmbeddingField": of_field,
}
