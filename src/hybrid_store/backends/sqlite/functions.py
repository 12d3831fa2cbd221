"""The SQL functions that SQLite lacks.

A function takes two BLOBs of the same codec and returns a float, or NULL when either is NULL or the
distance does not exist (cosine of an all-zero vector).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sqlite3 import Connection
from typing import TypeAlias

from hybrid_store.backends.sqlite import bits, dense, sparse
from hybrid_store.vectors import BIT, HALF, SINGLE, SPARSE, Codec

__all__ = ["DISTANCES", "function_name", "register_functions"]

Blob: TypeAlias = bytes | None
Compare: TypeAlias = Callable[[bytes], float | None]
"""Takes a row's vector."""
Against: TypeAlias = Callable[[bytes], Compare]
"""Takes the vector that rows are compared with."""

DISTANCES: dict[Codec, Mapping[str, Against]] = {
    SINGLE: dense.distances(SINGLE),
    HALF: dense.distances(HALF),
    BIT: bits.DISTANCES,
    SPARSE: sparse.DISTANCES,
}


def function_name(metric: str, codec: Codec) -> str:
    return f"hybrid_store_{metric}_{codec.name}"


def register_functions(connection: Connection) -> None:
    """Create every function on an open connection; about ten microseconds."""
    for codec, distances in DISTANCES.items():
        for metric, against in distances.items():
            _create(connection, function_name(metric, codec), 2, _distance(against))
    _create(connection, "hybrid_store_half_to_single", 1, _half_to_single)
    _create(connection, "hybrid_store_single_to_half", 1, _single_to_half)


def _create(
    connection: Connection, name: str, arguments: int, function: Callable[..., Blob | float]
) -> None:
    connection.create_function(name, arguments, function, deterministic=True)


def _distance(against: Against) -> Callable[[Blob, Blob], float | None]:
    """The SQL function of a distance, for one connection.

    It runs once a row, so its state is in a closure, and is kept where that is cheaper than doing
    work again: the second vector is the same for every row, and a row's distance is asked for once
    a place that it stands in (WHERE, SELECT, ORDER BY).
    """
    last_row: Blob = None
    last_other: Blob = None
    last_distance: float | None = None
    compare: Compare

    def distance(row: Blob, other: Blob) -> float | None:
        nonlocal last_row, last_other, last_distance, compare
        if row == last_row and other == last_other:
            return last_distance
        if row is None or other is None:
            return None
        if other != last_other:
            compare, last_row, last_other = against(other), None, other
        # Before the row is kept: it may be refused.
        last_distance = compare(row)
        last_row = row
        return last_distance

    return distance


def _half_to_single(data: Blob) -> Blob:
    return None if data is None else SINGLE.encode(HALF.decode(data, 0))


def _single_to_half(data: Blob) -> Blob:
    return None if data is None else HALF.encode(HALF.rounded(SINGLE.decode(data, 0)))
