"""The states that a process keeps: for each index of each database file, one, shared by threads.

What a state is made of is read by a connection of its own, which sees committed rows only. (Numbers
in the log are used again after a rollback, so what is not committed must not be kept.) A database
in memory has but one connection: it is used where no transaction is open.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.sqlite.engine import log, store
from hybrid_store.backends.sqlite.engine.moment import moment
from hybrid_store.backends.sqlite.engine.source import Source
from hybrid_store.backends.sqlite.engine.state import Keys, Segment, State, read_segments

__all__ = ["Cache", "cache_of"]


class Cache:
    """The states of one database."""

    def __init__(self) -> None:
        self._states: OrderedDict[Source, State] = OrderedDict()
        self._lock = Lock()

    def state(self, source: Source) -> State | None:
        """What is kept of a source; it may be of the past, or of another past."""
        return self._states.get(source)

    def refresh(self, source: Source, raw: Any) -> State | None:
        """The state as of now, of what is committed; None where it cannot be had.

        `raw` is a connection without a transaction. One thread makes a state; others that want the
        same one wait for it.
        """
        with self._lock:
            try:
                with moment(raw):
                    state = _current(raw, source, self._states.get(source))
            except (sqlite3.Error, ValueError):
                # A lock, perhaps: what is known is not lost.
                return self._states.get(source)
            if state is None:
                self._states.pop(source, None)
            else:
                self._states[source] = state
            return state


def _current(raw: Any, source: Source, state: State | None) -> State | None:
    if not log.is_kept(raw, source):
        return None
    position, schema = log.last_position(raw, source), log.schema_version(raw)
    if state is not None and state.schema != schema and not log.has_lasting_keys(raw, source):
        state = None
    changed = None if state is None else log.changed_since(raw, source, state.position)
    if state is None or changed is None:
        state, changed = _stored(raw, source, schema)
    if state is None:
        return State(position, schema, _joined(read_segments(raw, source)))
    keys = np.unique(np.array(changed, np.int64))
    return state.absorbing(position, schema, keys, _joined(_rows(raw, source, keys)))


def _stored(raw: Any, source: Source, schema: int) -> tuple[State | None, list[int]]:
    """A state made of the codes in the database, and the keys that were changed since."""
    begin = store.position(raw, source) if log.has_lasting_keys(raw, source) else None
    changed = None if begin is None else log.changed_since(raw, source, begin)
    if begin is None or changed is None:
        return None, []
    return State(begin, schema, _joined(store.load(raw, source))), changed


def _rows(raw: Any, source: Source, keys: Keys) -> Iterator[Segment]:
    if not len(keys):
        return iter(())
    condition = f"AND {source.key} IN (SELECT value FROM json_each(?))"  # noqa: S608
    return read_segments(raw, source, condition, str(keys.tolist()))


def _joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    found = [*segments]
    return (Segment.joined(found),) if found else ()


_caches: dict[Path, Cache] = {}


def cache_of(connection: BaseDatabaseWrapper) -> Cache | None:
    """The cache of the file that a connection is to; None for a database in memory."""
    if connection.is_in_memory_db():  # type: ignore[attr-defined]
        return None
    path = Path(connection.settings_dict["NAME"]).resolve()
    return _caches.setdefault(path, Cache())


# A child process would wait for locks that other threads of its parent have held.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_caches.clear)
