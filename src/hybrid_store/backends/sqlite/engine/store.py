"""Codes in a table of the database itself, so that a new process need not make them again.

Every row of the table holds a segment, and a position in the change log: what the log has up to
there is in this segment or in one before it. Of a key that is in several, the last one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from hybrid_store.backends.sqlite.engine.codes import Codes
from hybrid_store.backends.sqlite.engine.log import Position
from hybrid_store.backends.sqlite.engine.source import Source, quoted
from hybrid_store.backends.sqlite.engine.state import Segment

__all__ = ["append", "clear", "load", "position"]

KEY, CODE, NUMBER = np.dtype("<i8"), np.dtype("i1"), np.dtype("<f4")


def position(raw: Any, source: Source) -> Position | None:
    """Up to where the log is in the segments; None where there is none."""
    sql = f"SELECT number, stamp FROM {quoted(source.codes)} ORDER BY id DESC LIMIT 1"  # noqa: S608
    found = raw.execute(sql).fetchone()
    return found and Position(*found)


def load(raw: Any, source: Source) -> Iterator[Segment]:
    """All segments, in which later rows replace earlier ones with the same key.

    Raises `ValueError` where bytes are no codes of the source.
    """
    sql = f"SELECT keys, codes FROM {quoted(source.codes)} ORDER BY id"  # noqa: S608
    for keys, codes in raw.execute(sql):
        if keys:
            yield _unpacked(source, keys, codes)


def append(raw: Any, source: Source, segments: Iterable[Segment], at: Position) -> None:
    """Write segments, with which what the log has up to a position is there."""
    sql = (
        f"INSERT INTO {quoted(source.codes)} (number, stamp, keys, codes) "  # noqa: S608
        "VALUES (?, ?, ?, ?)"
    )
    # The last row tells the position, also where no row of the table has a vector any more.
    packed = chain(map(_packed, segments), [(b"", b"")])
    raw.executemany(sql, ((at.number, at.stamp, *segment) for segment in packed))


def clear(raw: Any, source: Source) -> None:
    raw.execute(f"DELETE FROM {quoted(source.codes)}")  # noqa: S608


def _packed(segment: Segment) -> tuple[bytes, bytes]:
    codes = segment.codes
    numbers = (codes.scales, codes.errors, codes.lengths)
    parts = [codes.values.tobytes(), *(array.astype(NUMBER).tobytes() for array in numbers)]
    return segment.keys.astype(KEY).tobytes(), b"".join(parts)


def _unpacked(source: Source, keys: bytes, codes: bytes) -> Segment:
    """Raises `ValueError` for bytes that are no segment of the source."""
    rows, dimensions = len(keys) // KEY.itemsize, source.dimensions
    values = np.frombuffer(codes, CODE, rows * dimensions).reshape(rows, dimensions)
    numbers = np.frombuffer(codes, NUMBER, offset=values.nbytes)
    scales, errors, *lengths = numbers.reshape(2 if source.has_directions else 3, rows)
    codes_of = Codes(values, scales, errors, lengths[0] if lengths else scales[:0])
    return Segment(np.frombuffer(keys, KEY), codes_of)
