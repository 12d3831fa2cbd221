"""Moving what a process knows into the table of codes, and what was moved out of the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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
        if log.read(raw, source, state.position) is None:
            return False
        store.clear(raw, source)
        store.append(raw, source, state.split(SEGMENT), state.position)
        log.prune(raw, source, state.position)
    return True


def fold(raw: Any, source: Source, state: State) -> None:
    """Move the oldest rows of a long log, if there are codes already.

    Does nothing where another connection writes, or none may.
    """
    try:
        with _writing(raw):
            begin = store.position(raw, source)
            if begin is None or state.position.number - begin.number < LEAST:
                return
            changed = log.read(raw, source, begin, SEGMENT)
            if changed is None or changed[0].number > state.position.number:
                return
            end, keys = changed
            store.append(raw, source, [state.part(np.unique(keys))], end)
            log.prune(raw, source, end)
    except sqlite3.OperationalError:
        return


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
