"""What a process keeps of a column of vectors: their codes, as of a position in the change log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.backends.sqlite.engine.bounds import upper_scores
from hybrid_store.backends.sqlite.engine.codes import Codes, encode
from hybrid_store.backends.sqlite.engine.kernels import Kernel, Query
from hybrid_store.backends.sqlite.engine.log import Position
from hybrid_store.backends.sqlite.engine.source import Source, quoted
from hybrid_store.vectors import FloatArray

__all__ = ["Keys", "Segment", "State", "gathered", "read_segments"]

Keys = NDArray[np.int64]

# Rows that are read and encoded at once, few enough for a processor's cache.
CHUNK = 1024
# Rows of a segment at most: while segments are joined, they are in memory twice.
MOST_ROWS = 1 << 16
# A segment of which more than one row in so many is gone is made anew.
GONE_SHARE = 4


@dataclass(frozen=True)
class Segment:
    """Codes of rows, in order of their keys."""

    keys: Keys
    codes: Codes

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.codes.nbytes

    def at(self, places: NDArray[np.int64]) -> Segment:
        """The rows at those places, in that order."""
        return Segment(self.keys[places], self.codes.at(places))

    def without(self, keys: Keys) -> Segment:
        """The same, but for the rows with those keys, which are in order."""
        gone = self._places(keys)
        return Segment(self.keys, self.codes.without(gone)) if len(gone) else self

    def part(self, keys: Keys) -> Segment:
        """The rows with those keys, which are in order, as far as they are still here."""
        places = self._places(keys)
        return self.at(places[~self.codes.are_gone[places]])

    def split(self, rows: int) -> Iterator[Segment]:
        """The rows that are still here, so many a segment."""
        there = np.flatnonzero(~self.codes.are_gone)
        for start in range(0, len(there), rows):
            yield self.at(there[start : start + rows])

    def _places(self, keys: Keys) -> NDArray[np.int64]:
        is_apart = not (len(self) and len(keys)) or (
            keys[0] > self.keys[-1] or keys[-1] < self.keys[0]
        )
        if is_apart:
            return np.empty(0, np.int64)
        places = np.searchsorted(self.keys, keys)
        places[places == len(self)] = 0
        found: NDArray[np.int64] = places[self.keys[places] == keys]
        return found

    @property
    def has_much_gone(self) -> bool:
        return int(self.codes.are_gone.sum()) > len(self) // GONE_SHARE

    @classmethod
    def gone(cls, keys: Keys, dimensions: int, *, directions: bool) -> Segment:
        """Rows that are not there any more."""
        vectors = np.zeros((len(keys), dimensions), np.float32)
        return cls(keys, encode(vectors, directions=directions)).without(keys)

    @classmethod
    def joined(cls, segments: Sequence[Segment]) -> Segment:
        """One segment of all rows that are still in the segments."""
        keys = np.concatenate([segment.keys for segment in segments])
        codes = Codes.joined([segment.codes for segment in segments])
        gone = codes.are_gone
        if (keys[1:] > keys[:-1]).all() and not gone.any():
            return cls(keys, codes)
        order = np.argsort(keys, kind="stable")
        order = order[~gone[order]]
        return cls(keys[order], codes.at(order))


def gathered(parts: Iterable[Segment]) -> list[Segment]:
    """Few segments made of many, in which later rows replace earlier ones with the same key."""
    found: list[Segment] = []
    waiting: list[Segment] = []
    for part in parts:
        found, waiting = ([it.without(part.keys) for it in before] for before in (found, waiting))
        waiting.append(part)
        if sum(map(len, waiting)) >= MOST_ROWS:
            found.append(Segment.joined(waiting))
            waiting = []
    return [*found, Segment.joined(waiting)] if waiting else found


def _merged(segments: Iterable[Segment]) -> list[Segment]:
    """The same rows in fewer segments: of two small ones, the first is twice as long or longer.

    So a row is copied a few times only, however often some are added.
    """
    found: list[Segment] = []
    for segment in segments:
        last = Segment.joined([segment]) if segment.has_much_gone else segment
        while found and len(found[-1]) < min(2 * len(last), MOST_ROWS - len(last)):
            last = Segment.joined([found.pop(), last])
        found.append(last)
    return [segment for segment in found if len(segment)]


@dataclass(frozen=True)
class State:
    """Segments as of a position; of a key that is in several, only the last counts.

    `schema` is the version of the schema in which the triggers were last seen in their place. Never
    changed, so that searches in other threads go on with the one they have.
    """

    position: Position
    schema: int
    segments: tuple[Segment, ...]

    @property
    def nbytes(self) -> int:
        return sum(segment.nbytes for segment in self.segments)

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    @cached_property
    def has_zeros(self) -> bool:
        """Are there all-zero vectors where directions are compared?"""
        return any(segment.codes.has_zeros for segment in self.segments)

    def upper_scores(self, metric: str, query: Query, kernel: Kernel) -> NDArray[Any]:
        """For every row, segment by segment, a score that it cannot exceed."""
        scores = [
            upper_scores(metric, segment.codes, query, kernel)
            for segment in self.segments
            if len(segment)
        ]
        return scores[0] if len(scores) == 1 else np.concatenate(scores or [np.empty(0)])

    def codes_at(self, places: NDArray[np.int64]) -> Codes:
        """The codes of one row or more, by their places in what `upper_scores` gives, in order."""
        return Codes.joined([segment.codes.at(own) for segment, own in self._owners(places)])

    def keys_at(self, places: NDArray[np.int64]) -> Keys:
        """The keys of such rows."""
        found = [segment.keys[own] for segment, own in self._owners(places)]
        return np.concatenate([np.empty(0, np.int64), *found])

    def _owners(self, places: NDArray[np.int64]) -> list[tuple[Segment, NDArray[np.int64]]]:
        """Every segment with the places that are its own, counted from its start."""
        starts = np.cumsum([0, *map(len, self.segments)])
        cuts = np.searchsorted(places, starts)
        return [
            (segment, places[begin:end] - start)
            for segment, start, begin, end in zip(
                self.segments, starts, cuts, cuts[1:], strict=False
            )
        ]

    def only(self, keys: Keys) -> State:
        """The state of no other rows than those with these keys, which are in order."""
        parts = (segment.part(keys) for segment in self.segments)
        return replace(self, segments=tuple(part for part in parts if len(part)))

    def split(self, rows: int) -> Iterator[Segment]:
        """All rows, so many a segment."""
        for segment in self.segments:
            yield from segment.split(rows)

    def absorbing(
        self, position: Position, schema: int, keys: Keys, segments: Sequence[Segment]
    ) -> State:
        """The state at a later position: what was known of `keys` is replaced by `segments`."""
        kept = [segment.without(keys) for segment in self.segments]
        return State(position, schema, tuple(_merged([*kept, *segments])))


def read_segments(raw: Any, source: Source, condition: str = "", *params: Any) -> Iterator[Segment]:
    """The rows of the table that have a vector, and fulfil a condition of SQL, encoded."""
    key, column = source.key, quoted(source.column)
    sql = (
        f"SELECT {key}, {column} FROM {quoted(source.table)} "  # noqa: S608
        f"WHERE {column} IS NOT NULL {condition} ORDER BY {key}"
    )
    cursor = raw.execute(sql, params)
    while rows := cursor.fetchmany(CHUNK):
        keys, blobs = zip(*rows, strict=True)
        matrix = _matrix(source, blobs)
        yield Segment(np.array(keys, np.int64), encode(matrix, directions=source.has_directions))


def _matrix(source: Source, blobs: Sequence[bytes]) -> FloatArray:
    """Stored vectors, one a row; raises `ValueError` where one has another length than the field.

    Only a table without the CHECK on its column can hold such.
    """
    if {*map(len, blobs)} != {source.codec.size(source.dimensions)}:
        raise ValueError(f"{source.table}.{source.column} holds vectors of several lengths")
    vectors = np.frombuffer(b"".join(blobs), source.codec.dtype)
    return vectors.reshape(len(blobs), -1).astype(np.float32, copy=False)
