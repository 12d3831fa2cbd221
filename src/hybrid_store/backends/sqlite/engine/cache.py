"""The states that a process keeps: for each index of each database file, one, shared by threads.

What a state is made of is read by a connection of its own, which sees committed rows only. (Numbers
in the log are used again after a rollback, so what is not committed must not be kept.) A database
in memory has but one connection: it is used where no transaction is open.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from django.conf import settings

from hybrid_store.backends.sqlite.engine import log, store
from hybrid_store.backends.sqlite.engine.moment import moment
from hybrid_store.backends.sqlite.engine.source import Source, quoted
from hybrid_store.backends.sqlite.engine.state import (
    Keys,
    Segment,
    State,
    gathered,
    read_segments,
)

__all__ = ["DEFAULT_MEMORY", "Cache", "Key", "files"]

logger = logging.getLogger("hybrid_store")

DEFAULT_MEMORY = 1 << 30
Key: TypeAlias = tuple[Path | None, Source]
"""The file of a database, none for one in memory, and what is kept of it."""
CROWDED_OUT = (
    "%s.%s: the codes of index %s have made room for those of another one, and will be made again "
    "when they are searched: the %d bytes of INDEX_MEMORY are too few for all that is in use."
)
NOT_USED = "%s.%s: the index %s %s: searches read the table."


class Cache:
    """States of any number of sources, within so many bytes of memory."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._states: OrderedDict[Key, State] = OrderedDict()
        self._refused: dict[Key, int] = {}
        self._lock = Lock()

    def state(self, key: Key) -> State | None:
        """What is kept; it may be of the past, or of another past."""
        return self._states.get(key)

    def is_refused(self, key: Key, schema: int) -> bool:
        """Is it known that there can be no state before the schema changes?"""
        return self._refused.get(key) == schema

    def refresh(self, key: Key, raw: Any) -> State | None:
        """The state as of now, of what is committed; None where it cannot be had.

        `raw` is a connection without a transaction. One thread makes a state; others that want one
        wait for it.
        """
        with self._lock:
            try:
                with moment(raw):
                    state = self._made(key, raw)
            except sqlite3.Error:
                # A lock, perhaps: what is known is not lost.
                return self._states.get(key)
            self._keep(key, state)
            return state

    def _made(self, key: Key, raw: Any) -> State | None:
        source, state = key[1], self._states.get(key)
        reason = None
        if log.is_kept(raw, source):
            try:
                if _fits(raw, source, state):
                    return _current(raw, source, state)
                reason = f"needs more memory than the {most_bytes()} bytes of INDEX_MEMORY"
            except ValueError as error:
                reason = f"cannot be used, as {error}"
        self._refused[key] = log.schema_version(raw)
        if reason:
            logger.warning(NOT_USED, source.table, source.column, source.index, reason)
        return None

    def _keep(self, key: Key, state: State | None) -> None:
        """The least recently made states make room for others."""
        self._states.pop(key, None)
        if state is not None:
            self._states[key] = state
        while len(self._states) > 1 and self._bytes() > most_bytes():
            (_, source), _ = self._states.popitem(last=False)
            logger.warning(CROWDED_OUT, source.table, source.column, source.index, most_bytes())

    def _bytes(self) -> int:
        return sum(state.nbytes for state in self._states.values())


def most_bytes() -> int:
    """`HYBRID_STORE["INDEX_MEMORY"]`."""
    return int(getattr(settings, "HYBRID_STORE", {}).get("INDEX_MEMORY", DEFAULT_MEMORY))


def _fits(raw: Any, source: Source, state: State | None) -> bool:
    """Can the codes of all rows be kept? Rows are not counted where keys tell that."""
    if state is not None:
        return state.nbytes <= most_bytes()
    table, most = quoted(source.table), most_bytes() // source.bytes_of_row
    questions = (f"SELECT max({source.key}) FROM {table}", f"SELECT count(*) FROM {table}")  # noqa: S608
    return any((raw.execute(sql).fetchone()[0] or 0) <= most for sql in questions)


def _current(raw: Any, source: Source, state: State | None) -> State:
    position, schema = log.last_position(raw, source), log.schema_version(raw)
    if state is not None and state.schema != schema and not log.has_lasting_keys(raw, source.table):
        state = None
    changed = None if state is None else log.read(raw, source, state.position)
    if state is None or changed is None:
        state = _stored(raw, source, schema)
        changed = None if state is None else log.read(raw, source, state.position)
    if state is None or changed is None:
        return State(position, schema, tuple(gathered(read_segments(raw, source))))
    keys = np.unique(np.array(changed[1], np.int64))
    return state.absorbing(position, schema, keys, gathered(_rows(raw, source, keys)))


def _stored(raw: Any, source: Source, schema: int) -> State | None:
    """A state made of the codes in the database; None where there are none to be believed."""
    edition = store.edition(raw, source) if log.has_lasting_keys(raw, source.table) else None
    if edition is None:
        return None
    try:
        segments = gathered(store.load(raw, source, edition.number))
    except ValueError:
        return None
    return State(edition.position, schema, tuple(segments))


def _rows(raw: Any, source: Source, keys: Keys) -> Iterator[Segment]:
    if not len(keys):
        return iter(())
    condition = f"AND {source.key} IN (SELECT value FROM json_each(?))"  # noqa: S608
    return read_segments(raw, source, condition, str(keys.tolist()))


files = Cache()
"""The states of database files."""


# A child process would wait for locks that other threads of its parent have held.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=files.clear)
