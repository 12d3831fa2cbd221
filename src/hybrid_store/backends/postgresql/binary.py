"""Values of a column in PostgreSQL's binary form, each with its length before it.

Only for types and values of which that form is known; the server would take other bytes for
another value. Numbers and texts are written here, the rest by psycopg's own dumpers. Source of the
formats: PostgreSQL, the receive functions in src/backend/utils/adt.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias
from uuid import UUID

from hybrid_store.backends.inserts import Values, Vectors, cut
from hybrid_store.backends.postgresql.arrays import (
    NULL,
    array_of_values,
    vector_records,
    with_length,
)
from hybrid_store.vectors import HALF, SINGLE

__all__ = ["encode"]

Write: TypeAlias = Callable[[Any], bytes]

# What a type of numbers is made of.
NUMBERS = {
    "bool": (bool, "?"),
    "int2": (int, "h"),
    "int4": (int, "i"),
    "int8": (int, "q"),
    "float4": (float, "f"),
    "float8": (float, "d"),
}
TEXTS = ("text", "varchar", "bpchar")
VECTORS = {"vector": SINGLE, "halfvec": HALF}
# The name of an array's type is that of its elements behind this.
ARRAY_OF = "_"


@functools.cache
def _accepted() -> Mapping[str, tuple[type, ...]]:
    """The Python types whose values psycopg dumps rightly for a type of PostgreSQL."""
    from psycopg import Binary
    from psycopg.types.json import Json, Jsonb

    return {
        **{name: (kind,) for name, (kind, _) in NUMBERS.items()},
        **dict.fromkeys(TEXTS, (str,)),
        "bytea": (bytes, bytearray, memoryview, Binary),
        "uuid": (UUID,),
        "date": (date,),
        "time": (time,),
        "timestamp": (datetime,),
        "timestamptz": (datetime,),
        "interval": (timedelta,),
        "numeric": (Decimal, int),
        "json": (Json, Jsonb),
        "jsonb": (Json, Jsonb),
        "inet": (IPv4Address, IPv6Address),
    }


def encode(raw: Any, type_name: str, values: Values) -> list[bytes] | None:
    """The values for a column of that type; None where their binary form is not known.

    `raw` is psycopg's connection. A number that is too large, and the like, is left to the text
    form: the server says what is wrong with it.
    """
    if isinstance(values, Vectors):
        return _vectors(values) if VECTORS.get(type_name) == values.codec else None
    if not any(value is not None for value in values):
        return [NULL] * len(values)
    base = type_name.removeprefix(ARRAY_OF)
    single = values if base == type_name else _flat(values)
    if single is None or not _are_accepted(base, single):
        return None
    write = _writer(raw, base)
    if base != type_name:
        write = functools.partial(_array, write, raw.adapters.types[base].oid)
    try:
        return [NULL if value is None else write(value) for value in values]
    except (struct.error, OverflowError, TypeError, ValueError):
        return None


def _vectors(vectors: Vectors) -> list[bytes]:
    if not len(vectors.array):
        return [NULL] * len(vectors)
    records = vector_records(vectors.array, vectors.codec)
    return vectors.spread(cut(records.tobytes(), records.itemsize), NULL)


def _flat(lists: Sequence[Any]) -> list[Any] | None:
    """The elements of lists, None where a value is no list."""
    if not {*map(type, lists)} <= {list, type(None)}:
        return None
    return [element for values in lists if values is not None for element in values]


def _array(write: Write, element_oid: int, values: Sequence[Any]) -> bytes:
    return with_length(array_of_values(write, element_oid, values))


def _are_accepted(type_name: str, values: Sequence[Any]) -> bool:
    accepted = _accepted().get(type_name)
    kinds = {*map(type, values)} - {type(None)}
    return accepted is not None and all(issubclass(kind, accepted) for kind in kinds)


def _writer(raw: Any, type_name: str) -> Write:
    """Writes a value of a type with its length before it."""
    if type_name in NUMBERS:
        code = NUMBERS[type_name][1]
        return functools.partial(struct.Struct(f"!i{code}").pack, struct.calcsize(f"!{code}"))
    if type_name in TEXTS:
        return lambda text: with_length(text.encode())
    from psycopg.pq import Format

    oid = raw.adapters.types[type_name].oid
    dump = raw.adapters.get_dumper_by_oid(oid, Format.BINARY)(object, raw).dump
    return lambda value: with_length(dump(value))
