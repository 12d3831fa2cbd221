"""Arrays of vectors in PostgreSQL's binary format, written by NumPy.

The text form takes a hundred times as long to make and to parse.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

import numpy as np

from hybrid_store.vectors import Codec, Vector

__all__ = ["array_of_vectors"]

# A NULL element is a length of -1 and nothing else.
NULL = pack("!i", -1)


def array_of_vectors(vectors: Sequence[Vector | None], codec: Codec, element_oid: int) -> bytes:
    """A one-dimensional array of the type `element_oid`, as PostgreSQL receives it.

    The vectors, one or more, have the same number of dimensions. None is NULL. Sources of the
    formats: PostgreSQL, array_recv in src/backend/utils/adt/arrayfuncs.c (dimensions, has NULLs,
    element type; then length and lower bound of each dimension; then the elements, each behind its
    length); pgvector, vector_recv and halfvec_recv in src/vector.c and src/halfvec.c.
    """
    held = [vector.to_numpy() for vector in vectors if vector is not None]
    header = pack("!iiIii", 1, len(held) < len(vectors), element_oid, len(vectors), 1)
    elements = _elements(held, codec) if held else np.empty(0)
    if len(held) == len(vectors):
        return header + elements.tobytes()
    given = iter(elements)
    parts = (NULL if vector is None else next(given).tobytes() for vector in vectors)
    return header + b"".join(parts)


def _elements(arrays: Sequence[np.ndarray], codec: Codec) -> np.ndarray:
    """One record a vector: its length in bytes, its dimensions, two unused bytes, its values."""
    dimensions = arrays[0].size
    values = np.dtype((codec.dtype.newbyteorder(">"), dimensions))
    record = np.dtype(
        [("length", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"), ("values", values)]
    )
    elements = np.zeros(len(arrays), record)
    elements["length"] = record.itemsize - record["length"].itemsize
    elements["dimensions"] = dimensions
    elements["values"] = arrays
    return elements
