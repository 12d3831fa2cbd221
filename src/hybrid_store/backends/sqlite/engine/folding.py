"""Moving what a process knows into the table of codes, and what was moved out of the log."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

import numpy as np

from hybrid_store.backends.sqlite.engine import log, store
from hybrid_store.backends.sqlite.engine.source import Source
from hybrid_store.backends.sqlite.engine.state import Segment, State

__all__ = ["fold", "fold_all"]

# Rows of a segment, and rows in the log from which on some are folded.
SEGMENT = 4096
LEAST = 1024
# An edition with more rows than this for every one that there is, is written anew.
MOST_ROWS_OF_ONE = 2
# Rows of the log that are kept where they are not folded.
LONG = 1 << 17
# Bytes that are written in one transaction; what others wait for between two of them.
STEP = 8 << 20
PAUSE = 0.005
# The most bytes that a search writes; how long it waits for a lock, in milliseconds; and how long
# it leaves an unfinished edition, in seconds: another process may be writing it.
MOST_BY_SEARCH = 64 << 20
WAIT = 250
PATIENCE = 60


def fold_all(raw: Any, source: Source, state: State) -> bool:
    """Write all codes anew, in small steps; False where the state is of another past."""
    number, written = time.time_ns(), 0
    parts = state.split(SEGMENT)
    while step := [*islice(parts, _step(source))]:
        with _writing(raw):
            store.append(raw, source, number, step)
        written += len(step)
        time.sleep(PAUSE)
    is_done = _finish(raw, source, state, number, written)
    _clear_up(raw, source)
    return is_done


def fold(raw: Any, source: Source, state: State, *, lasts: bool) -> None:
    """Move the oldest rows of a long log into the codes; write all where there are none of use.

    `lasts` is whether codes are of use later. If not, as for large or small tables, the log is
    only kept from growing. Does nothing where another connection writes, or none may.
    """
    with suppress(sqlite3.OperationalError):
        with _writing(raw):
            is_usable = lasts and _fold_some(raw, source, state)
            if not is_usable:
                log.prune(raw, source, state.position, kept=LONG)
            begun = store.unfinished(raw, source)
        # A clock may be put back.
        if begun is not None and abs(time.time_ns() - begun) < PATIENCE * 10**9:
            return
        if lasts and not is_usable and len(state) >= LEAST and state.nbytes <= MOST_BY_SEARCH:
            raw.execute(f"PRAGMA busy_timeout = {WAIT}")
            fold_all(raw, source, state)
        elif begun is not None:
            _clear_up(raw, source)


def _fold_some(raw: Any, source: Source, state: State) -> bool:
    """Move the oldest rows of the log, if they are many; False where all had better be written."""
    edition = store.edition(raw, source)
    behind = None if edition is None else log.read(raw, source, edition.position, SEGMENT)
    if edition is None or behind is None:
        return False
    end, keys = behind
    is_known = log.read(raw, source, state.position, 0) is not None
    if len(keys) < LEAST or end.number > state.position.number or not is_known:
        return True
    store.append(raw, source, edition.number, _changes(source, state, keys))
    store.mark(raw, source, edition.number, end)
    log.prune(raw, source, end)
    return store.rows(raw, source, edition.number) <= MOST_ROWS_OF_ONE * len(state) + SEGMENT


def _changes(source: Source, state: State, keys: Sequence[int]) -> list[Segment]:
    """What is known of rows that have changed, also of those that are gone."""
    changed = np.unique(np.array(keys, np.int64))
    parts = state.only(changed).segments
    there = np.concatenate([np.empty(0, np.int64), *(part.keys for part in parts)])
    gone = np.setdiff1d(changed, there)
    return [*parts, Segment.gone(gone, source.dimensions, directions=source.has_directions)]


def _finish(raw: Any, source: Source, state: State, number: int, written: int) -> bool:
    """Mark an edition, if nobody has deleted a part of it."""
    with _writing(raw):
        is_whole = store.segments(raw, source, number) == written
        is_known = log.read(raw, source, state.position, 0) is not None
        if is_whole and is_known:
            store.mark(raw, source, number, state.position)
            log.prune(raw, source, state.position)
        return is_whole and is_known


def _clear_up(raw: Any, source: Source) -> None:
    """Delete other editions, the large rows of which are many pages."""
    is_left = True
    while is_left:
        with _writing(raw):
            is_left = store.drop_others(raw, source, _step(source))
        time.sleep(PAUSE)


def _step(source: Source) -> int:
    """How many segments are written in one transaction."""
    return max(1, STEP // (SEGMENT * source.bytes_of_row))


@contextmanager
def _writing(raw: Any) -> Iterator[None]:
    """A transaction, which is begun as one that writes."""
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise
