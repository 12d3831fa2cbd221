"""What SQLite itself refuses: CHECK constraints on columns that hold vectors."""

from __future__ import annotations

from hybrid_store.vectors import BIT, SPARSE, Codec
from hybrid_store.vectors.sparse import MAX_NON_ZERO

__all__ = ["column_check"]

HEXADECIMAL = "0123456789ABCDEF"


def column_check(codec: Codec, dimensions: int, column: str, allows_zero: bool) -> str:
    """SQL of what holds for every value of the quoted `column`: vectors of another length or type
    are refused.

    The length stands in a BLOB's header, and the comparison with zeros ends at the first value
    that is none, so the check costs next to nothing.
    """
    size = codec.size(dimensions)
    right_size = _sparse_size(dimensions, column) if size is None else f"length({column}) = {size}"
    checks = [f"typeof({column}) IN ('blob', 'null')", right_size]
    if codec is BIT and dimensions % 8:
        checks.append(_zero_padding(dimensions, column))
    if not allows_zero:
        checks.append(f"{column} <> zeroblob({size})")
    return " AND ".join(checks)


def _zero_padding(length: int, column: str) -> str:
    """The last byte, in hexadecimal, ends in so many zero bits."""
    padding = -length % 8
    high, low = (HEXADECIMAL[:: 1 << max(0, padding - 4)], HEXADECIMAL[:: 1 << min(4, padding)])
    # hex(NULL) is no NULL but an empty text.
    return f"({column} IS NULL OR hex(substr({column}, -1)) GLOB '[{high}][{low}]')"


def _sparse_size(dimensions: int, column: str) -> str:
    """The dimensions in front, then whole pairs of a place and a value, not too many."""
    none = SPARSE.encode(SPARSE.parse({}, dimensions))
    most = len(none) + 8 * MAX_NON_ZERO
    return (
        f"substr({column}, 1, {len(none)}) = x'{none.hex()}' "
        f"AND length({column}) % 8 = {len(none)} AND length({column}) <= {most}"
    )
