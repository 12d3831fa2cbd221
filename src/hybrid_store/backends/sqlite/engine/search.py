"""Proposals for one search on one connection."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.sqlite.engine import log
from hybrid_store.backends.sqlite.engine.cache import Cache, Key, files
from hybrid_store.backends.sqlite.engine.folding import fold, fold_all
from hybrid_store.backends.sqlite.engine.kernels import kernel
from hybrid_store.backends.sqlite.engine.moment import moment
from hybrid_store.backends.sqlite.engine.proposals import Proposals
from hybrid_store.backends.sqlite.engine.source import Source
from hybrid_store.backends.sqlite.engine.state import State
from hybrid_store.backends.sqlite.examining import Deadline
from hybrid_store.vectors import FloatArray

__all__ = ["Searcher"]

# Changed rows that are compared one by one in every search before they are encoded.
MOST_CHANGED = 256
# The share of all rows that may have changed, where they cannot be encoded.
SHARE = 4


class Searcher:
    """The searches of one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        # Of what is read by connections of its own, too.
        self.deadline: Deadline | None = None
        self._own = Cache()

    @property
    def _file(self) -> Path | None:
        """None for a database in memory. Tests change the name after the start."""
        if self.connection.is_in_memory_db():  # type: ignore[attr-defined]
            return None
        return _resolved(str(self.connection.settings_dict["NAME"]))

    @property
    def _cache(self) -> Cache:
        return self._own if self._file is None else files

    @contextmanager
    def proposals(self, source: Source, near: FloatArray) -> Iterator[Proposals | None]:
        """What may be near to a vector; all statements within see the database at one moment.

        None where that is not known, as before a migration has made the triggers.
        """
        self.connection.ensure_connection()
        raw = self.connection.connection
        query = kernel().query(near)
        key = (self._file, source)
        if not query.is_known or self._is_refused(key, raw):
            yield None
            return
        with moment(raw):
            known = _known(raw, source, self._cache.state(key))
            if known is not None and len(known[1]) <= MOST_CHANGED:
                yield Proposals(source, *known, query, kernel())
                return
        state = self._refreshed(source)
        with moment(raw):
            known = _known(raw, source, state)
            # What a transaction has written is compared row by row, and may be nearly all there is.
            few = known is not None and len(known[1]) <= max(MOST_CHANGED, len(known[0]) // SHARE)
            yield Proposals(source, *known, query, kernel()) if known and few else None

    def _is_refused(self, key: Key, raw: Any) -> bool:
        try:
            return self._cache.is_refused(key, log.schema_version(raw))
        except sqlite3.DatabaseError:
            # Locked, or no database: the statement itself will say so.
            return True

    def optimize(self, source: Source) -> int | None:
        """Write the codes of all rows into the database; how many rows there are.

        None where they would be of no use, as keys may change. Not to be called in a transaction.
        Raises `DatabaseError` where it cannot be done now.
        """
        self.connection.ensure_connection()
        with self.connection.wrap_database_errors, self._committed() as raw:
            if not log.has_lasting_keys(raw, source.table):
                return None
            if not log.is_kept(raw, source):
                raise DatabaseError(f"{source.table}: triggers are missing: run manage.py migrate.")
            state = self._cache.refresh((self._file, source), raw)
            if state is None:
                raise DatabaseError(f"{source.table}: the codes cannot be made: the log says why.")
            if not fold_all(raw, source, state):
                raise DatabaseError(f"{source.table}: codes were written by another process, too.")
            return len(state)

    def _refreshed(self, source: Source) -> State | None:
        """The state as of now, of what is committed."""
        if self._file is None and self.connection.connection.in_transaction:
            return None
        key = (self._file, source)
        try:
            # A lock that is held, perhaps by this very thread, is not waited for.
            with self._committed(timeout=0) as raw:
                state = self._cache.refresh(key, raw)
                if state is not None and not self.connection.connection.in_transaction:
                    lasts = self._file is not None and log.has_lasting_keys(raw, source.table)
                    fold(raw, source, state, lasts=lasts)
                return state
        except sqlite3.Error:
            # No connection can be opened, or prepared as the project wants it, for a lock perhaps.
            return self._cache.state(key)

    @contextmanager
    def _committed(self, **options: Any) -> Iterator[Any]:
        """A connection of sqlite3 that has no transaction, and sees what is committed."""
        if self._file is None:
            yield self.connection.connection
            return
        other = self.connection.copy()
        settings = other.settings_dict
        settings["OPTIONS"] = {**settings.get("OPTIONS", {}), **options}
        if not str(settings["NAME"]).startswith("file:"):
            # A file that was removed is not made anew.
            settings["NAME"] = f"{self._file.as_uri()}?mode=rw"
        try:
            other.connect()
            if self.deadline is not None:
                self.deadline.watch(other.connection)
            yield other.connection
        finally:
            other.close()


@functools.cache
def _resolved(name: str) -> Path:
    return Path(name).resolve()


def _known(raw: Any, source: Source, state: State | None) -> tuple[State, list[int]] | None:
    """A state with the keys of rows that it does not tell of; None if it is of another past."""
    if state is None:
        return None
    try:
        if log.schema_version(raw) != state.schema:
            return None
        changed = log.read(raw, source, state.position)
    except sqlite3.OperationalError:
        # There is no log (any more).
        return None
    return None if changed is None else (state, changed[1])
