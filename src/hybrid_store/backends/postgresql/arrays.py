"""Vectors and one-dimensional arrays in PostgreSQL's binary format: vectors by NumPy.

The text form of a vector takes a hundred times as long to write and to parse. Sources of the
formats: PostgreSQL, array_recv in src/backend/utils/adt/arrayfuncs.c; pgvector, vector_recv and
halfvec_recv in src/vector.c and src/halfvec.c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.vectors import FloatArray, FloatCodec, Vector

__all__ = [
    "NULL",
    "TEXT_ARRAY_OID",
    "array_of_texts",
    "array_of_values",
    "array_of_vectors",
    "vector_records",
    "with_length",
]

# Numbers of types that are the same in every database; those of an extension's types are not.
TEXT_OID = 25
TEXT_ARRAY_OID = 1009
# Number of dimensions, are there NULLs, type of the elements, length, index of the first element.
_header = Struct("!iiIii").pack
# What stands before the bytes of an element.
_length = Struct("!i").pack
NULL = _length(-1)


def with_length(data: bytes) -> bytes:
    """An element of an array, or a field of a row, as it is sent."""
    return _length(len(data)) + data


def array_of_texts(texts: Sequence[str | None]) -> bytes:
    """A value of the type text[], in UTF-8. None is NULL."""
    return array_of_values(lambda text: with_length(text.encode()), TEXT_OID, texts)


def array_of_values(
    write: Callable[[Any], bytes], element_oid: int, values: Sequence[Any]
) -> bytes:
    """An array of values that `write` gives with their lengths. None is NULL."""
    parts = [NULL if value is None else write(value) for value in values]
    return _header(1, None in values, element_oid, len(values), 1) + b"".join(parts)


def array_of_vectors(
    vectors: Sequence[Vector | None], codec: FloatCodec, element_oid: int
) -> bytes:
    """An array of the type that has `element_oid` in this database, stored with `codec`.

    The vectors, all of the same number of dimensions, hold values that the codec can store. None
    is NULL.
    """
    held = [vector.to_numpy() for vector in vectors if vector is not None]
    header = _header(1, len(held) < len(vectors), element_oid, len(vectors), 1)
    elements = vector_records(held, codec) if held else np.empty(0)
    if len(held) == len(vectors):
        return header + elements.tobytes()
    given = iter(elements)
    parts = [NULL if vector is None else next(given).tobytes() for vector in vectors]
    return header + b"".join(parts)


def vector_records(
    arrays: Sequence[FloatArray] | FloatArray, codec: FloatCodec
) -> NDArray[np.void]:
    """A record for each vector: its length in bytes, its dimensions, two unused bytes, values.

    One or more vectors of the same number of dimensions, or an array with a vector a row.
    """
    dimensions = arrays[0].size
    values = np.dtype((codec.dtype.newbyteorder(">"), dimensions))
    record = np.dtype([("length", ">i4"), ("size", ">i2"), ("unused", ">i2"), ("values", values)])
    elements = np.zeros(len(arrays), record)
    elements["length"] = record.itemsize - record["length"].itemsize
    elements["size"] = dimensions
    elements["values"] = arrays
    return elements
