"""Codes in a table of the database itself, so that a new process need not make them again.

An edition is what one process has written of all rows, in several transactions. A row of the table
holds a segment of an edition, or is a mark: up to its position in the change log, all is in the
segments of its edition. The last mark says which edition counts. Of a key that is in several
segments of it, the last one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_store.backends.sqlite.engine.codes import Codes
from hybrid_store.backends.sqlite.engine.log import Position
from hybrid_store.backends.sqlite.engine.source import Source, quoted
from hybrid_store.backends.sqlite.engine.state import Segment

__all__ = [
    "Edition",
    "append",
    "drop_others",
    "edition",
    "load",
    "mark",
    "rows",
    "segments",
    "unfinished",
]

KEY, CODE, NUMBER = np.dtype("<i8"), np.dtype("i1"), np.dtype("<f4")


@dataclass(frozen=True)
class Edition:
    """That of the last mark; its number is the time when it was begun, in nanoseconds."""

    number: int
    position: Position


def edition(raw: Any, source: Source) -> Edition | None:
    """The edition that counts; None where there is none."""
    found = raw.execute(
        f"SELECT edition, number, stamp FROM {quoted(source.codes)} "  # noqa: S608
        "WHERE number IS NOT NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return found and Edition(found[0], Position(*found[1:]))


def unfinished(raw: Any, source: Source) -> int | None:
    """The number of the youngest edition without a mark."""
    sql = f"SELECT edition FROM {quoted(source.codes)} GROUP BY edition HAVING max(number) IS NULL"  # noqa: S608
    return max((number for (number,) in raw.execute(sql)), default=None)


def load(raw: Any, source: Source, number: int) -> Iterator[Segment]:
    """All segments of an edition, in which later rows replace earlier ones with the same key.

    Raises `ValueError` where bytes are no codes of the source.
    """
    sql = (
        f"SELECT keys, codes FROM {quoted(source.codes)} "  # noqa: S608
        "WHERE edition = ? AND number IS NULL ORDER BY id"
    )
    for keys, codes in raw.execute(sql, (number,)):
        yield _unpacked(source, keys, codes)


def segments(raw: Any, source: Source, number: int) -> int:
    """How many segments there are of an edition."""
    sql = f"SELECT count(*) FROM {quoted(source.codes)} WHERE edition = ? AND number IS NULL"  # noqa: S608
    [count] = raw.execute(sql, (number,)).fetchone()
    return int(count)


def rows(raw: Any, source: Source, number: int) -> int:
    """How many rows there are in the segments of an edition, with those that were replaced."""
    sql = f"SELECT total(length(keys)) FROM {quoted(source.codes)} WHERE edition = ?"  # noqa: S608
    [size] = raw.execute(sql, (number,)).fetchone()
    return int(size) // KEY.itemsize


def append(raw: Any, source: Source, number: int, parts: Iterable[Segment]) -> None:
    """Write segments of an edition."""
    sql = f"INSERT INTO {quoted(source.codes)} (edition, keys, codes) VALUES (?, ?, ?)"  # noqa: S608
    raw.executemany(sql, ((number, *_packed(part)) for part in parts))


def mark(raw: Any, source: Source, number: int, at: Position) -> None:
    """Say that the edition counts, and has all up to a position."""
    sql = f"INSERT INTO {quoted(source.codes)} (edition, number, stamp) VALUES (?, ?, ?)"  # noqa: S608
    raw.execute(sql, (number, at.number, at.stamp))


def drop_others(raw: Any, source: Source, rows: int) -> bool:
    """Delete so many rows of editions that do not count; were there any?"""
    current = edition(raw, source)
    table = quoted(source.codes)
    cursor = raw.execute(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE edition IS NOT ? LIMIT ?)",  # noqa: S608
        (current and current.number, rows),
    )
    return bool(cursor.rowcount)


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
