"""Moving what a process knows into the table of codes, and what was moved out of the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from hybrid_store.backends.sqlite.engine import log, store
from hybrid_store.backends.sqlite.engine.source import Source
from hybrid_store.backends.sqlite.engine.state import State

__all__ = ["fold", "fold_all"]

# Rows of a segment, and rows in the log from which on some are folded.
SEGMENT = 4096
LEAST = 1024


def fold_all(raw: Any, source: Source, state: State) -> bool:
    """Write all codes anew; False where the state is of another past."""
    with _writing(raw):
        return _write_all(raw, source, state)


def fold(raw: Any, source: Source, state: State) -> None:
    """Move the oldest rows of a long log into the codes; write all where there are none of use.

    Does nothing for few rows, and where another connection writes, or none may.
    """
    if len(state) < LEAST or not log.has_lasting_keys(raw, source):
        return
    with suppress(sqlite3.OperationalError), _writing(raw):
        begin = store.position(raw, source)
        behind = None if begin is None else log.read(raw, source, begin, SEGMENT)
        if behind is None:
            _write_all(raw, source, state)
            return
        end, keys = behind
        if len(keys) >= LEAST and end.number <= state.position.number:
            changed = state.only(np.unique(np.array(keys, np.int64)))
            store.append(raw, source, changed.segments, end)
            log.prune(raw, source, end)


def _write_all(raw: Any, source: Source, state: State) -> bool:
    if log.read(raw, source, state.position, rows=1) is None:
        return False
    store.clear(raw, source)
    store.append(raw, source, state.split(SEGMENT), state.position)
    log.prune(raw, source, state.position)
    return True


@contextmanager
def _writing(raw: Any) -> Iterator[None]:
    """A transaction, which is begun as one that writes."""
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        raw.execute("ROLLBACK")
        raise
    raw.execute("COMMIT")
