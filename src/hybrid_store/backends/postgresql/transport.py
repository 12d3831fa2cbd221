"""How vectors travel between Python and PostgreSQL.

Reading: the SELECT list asks for `vector_send(column)`, the type's own binary form, which any
driver delivers as bytes; NumPy reads those in place. Parsing the text form would take ten times
as long. Writing: text, made by orjson where it is installed, because Django binds parameters on
the client.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_store.vectors import Codec, FloatArray, Vector

if TYPE_CHECKING:
    from hybrid_store.backends.base import LateVector

__all__ = ["LateText", "read", "register_late_text", "write"]

# vector_send and halfvec_send: int16 dimensions, int16 unused, then big-endian floats.
# Source: pgvector, src/vector.c and src/halfvec.c.
HEADER_BYTES = 4


def read(codec: Codec, value: Any) -> Vector:
    """A vector from its binary form, its text, or what other adapters on the connection gave."""
    if isinstance(value, bytes | memoryview):
        array = np.frombuffer(value, dtype=codec.dtype.newbyteorder(">"), offset=HEADER_BYTES)
        return codec.wrap(array)
    return codec.parse(value)


@functools.cache
def _writer() -> Callable[[FloatArray], str]:
    try:
        import orjson
    except ImportError:
        return lambda array: json.dumps(array.tolist(), separators=(",", ":"))
    return lambda array: orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def write(vector: Vector) -> str:
    """The text that PostgreSQL reads back to the same float32 values."""
    return _writer()(vector.to_numpy())


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
