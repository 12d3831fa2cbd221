"""How vectors travel between Python and PostgreSQL.

Reading: the SELECT list asks for `vector_send(column)` and the like, the type's own binary form,
which any driver delivers as bytes; NumPy reads those in place. Parsing the text form would take
ten times as long. Writing: text, made by orjson where it is installed, because Django binds
parameters on the client.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_store.backends.blocks import joined
from hybrid_store.vectors import (
    BIT,
    HALF,
    SINGLE,
    SPARSE,
    BaseVector,
    BitVector,
    Codec,
    FloatArray,
    FloatCodec,
    SparseVector,
    Vector,
)

if TYPE_CHECKING:
    from hybrid_store.backends.base import LateVector

__all__ = ["LateText", "read", "read_all", "register_late_text", "write"]


def read(codec: Codec, value: Any, dimensions: int) -> BaseVector:
    """A vector from its binary form, its text, or what other adapters on the connection gave."""
    if isinstance(value, bytes | memoryview):
        return READERS[codec.name](value)
    vector: BaseVector = codec.parse(value, dimensions)
    return vector


def read_all(codec: FloatCodec, values: Sequence[Any], dimensions: int) -> FloatArray | None:
    """Vectors from their binary forms, as an array with one a row; None from other forms."""
    floats = np.dtype((codec.dtype.newbyteorder(">"), dimensions))
    records = joined(values, np.dtype([("head", "V4"), ("floats", floats)]))
    return None if records is None else records["floats"].astype(np.float32)


def _reader_of_floats(codec: FloatCodec) -> Callable[[bytes | memoryview], Vector]:
    """vector_send and halfvec_send: int16 dimensions, int16 unused, then big-endian floats.

    Source: pgvector, src/vector.c and src/halfvec.c.
    """
    dtype, wrap = codec.dtype.newbyteorder(">"), codec.wrap
    return lambda data: wrap(np.frombuffer(data, dtype, offset=4))


def _read_bits(data: bytes | memoryview) -> BitVector:
    """bit_send: int32 length, then bytes. Source: PostgreSQL, src/backend/utils/adt/varbit.c."""
    return BIT.decode(bytes(data[4:]), int.from_bytes(data[:4], "big"))


def _read_sparse(data: bytes | memoryview) -> SparseVector:
    """sparsevec_send: int32 dimensions, count, 0; int32 places from 0; as many big-endian floats.

    Source: pgvector, src/sparsevec.c.
    """
    dimensions, count, _ = np.frombuffer(data, ">i4", 3).tolist()
    places = np.frombuffer(data, ">i4", count, offset=12)
    return SPARSE.wrap(dimensions, places, np.frombuffer(data, ">f4", offset=12 + places.nbytes))


READERS: dict[str, Callable[[bytes | memoryview], BaseVector]] = {
    SINGLE.name: _reader_of_floats(SINGLE),
    HALF.name: _reader_of_floats(HALF),
    BIT.name: _read_bits,
    SPARSE.name: _read_sparse,
}


@functools.cache
def _writer() -> Callable[[FloatArray], str]:
    try:
        import orjson
    except ImportError:
        return lambda array: json.dumps(array.tolist(), separators=(",", ":"))
    return lambda array: orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def write(vector: BaseVector) -> str:
    """The text that PostgreSQL reads back to the same values."""
    return _writer()(vector.to_numpy()) if isinstance(vector, Vector) else vector.to_text()


class LateText:
    """A text parameter whose vector is computed when the driver binds it."""

    def __init__(self, codec: Codec, late: LateVector) -> None:
        self.codec = codec
        self.late = late

    def text(self) -> str:
        return write(self.codec.rounded(self.late.vector()))

    def __conform__(self, protocol: object) -> Any:
        """Called by psycopg2 to bind the parameter."""
        from psycopg2.extensions import QuotedString

        return QuotedString(self.text())

    def __repr__(self) -> str:
        return repr(self.late)


@functools.cache
def _late_text_dumper() -> type[Any]:
    from psycopg.adapt import Dumper

    class LateTextDumper(Dumper):
        def dump(self, obj: LateText) -> bytes:
            return obj.text().encode()

    return LateTextDumper


def register_late_text(raw: Any) -> None:
    """Let an open psycopg 3 connection bind `LateText`; psycopg2 asks the object itself."""
    if hasattr(raw, "adapters"):
        raw.adapters.register_dumper(LateText, _late_text_dumper())
