"""Looking at a database in use: without writing, and without end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["Deadline", "limited"]

# Instructions of SQLite's machine between two looks at the clock: some 10 microseconds.
STEPS = 1000
# Settings of a connection, which give back what they are: nothing is written, and a lock is waited
# for so many milliseconds.
QUERY_ONLY, BUSY_TIMEOUT = "query_only", "busy_timeout"


class Deadline:
    """Ends statements that take longer than so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._restart()

    def watch(self, raw: Any) -> None:
        """End what a connection of sqlite3 does from now on."""
        self._restart()
        raw.set_progress_handler(self._is_over, STEPS)

    def execute(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """A wrapper of statements: each has its own time."""
        self._restart()
        return execute(*arguments)

    def _restart(self) -> None:
        self._end = time.monotonic() + self.seconds

    def _is_over(self) -> bool:
        return time.monotonic() > self._end


@contextmanager
def limited(connection: BaseDatabaseWrapper, seconds: float) -> Iterator[Deadline]:
    """Let a connection write nothing, and no statement of it take longer than that."""
    connection.ensure_connection()
    raw, deadline = connection.connection, Deadline(seconds)
    with ExitStack() as stack:
        stack.enter_context(_setting(raw, QUERY_ONLY, 1))
        stack.enter_context(_setting(raw, BUSY_TIMEOUT, int(1000 * seconds)))
        deadline.watch(raw)
        stack.callback(raw.set_progress_handler, None, 0)
        stack.enter_context(connection.execute_wrapper(deadline.execute))
        yield deadline


@contextmanager
def _setting(raw: Any, name: str, value: int) -> Iterator[None]:
    [before] = raw.execute(f"PRAGMA {name}").fetchone()
    raw.execute(f"PRAGMA {name} = {value}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA {name} = {before}")
