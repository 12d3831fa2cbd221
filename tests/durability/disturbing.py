"""Making the default database fail: for a moment, or for as long as a test likes.

Everything is done to the real database, from another connection or in the session under test.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from typing import Any

from django.db import connection, connections

from tests.durability.watching import before_statement

__all__ = [
    "BrokenError",
    "Killed",
    "broken_at_statement",
    "disturb",
    "disturb_now_and_then",
    "impatient",
    "killed_at_statement",
    "locked_sqlite",
    "out_of_reach",
    "own_session",
    "with_options",
]

BRIEFLY = 0.15
"""Seconds: longer than the first wait of a `Patience`."""


@contextmanager
def own_session() -> Iterator[Any]:
    """A second connection to the default database."""
    with closing(connections.create_connection("default")) as other:
        yield other


@contextmanager
def with_options(**options: Any) -> Iterator[None]:
    """The sessions of the default database have further OPTIONS."""
    with changed_settings(OPTIONS={**connection.settings_dict["OPTIONS"], **options}):
        yield


@contextmanager
def changed_settings(**changes: Any) -> Iterator[None]:
    """New sessions of the default database are opened with other settings."""
    before = {name: connection.settings_dict[name] for name in changes}
    connection.close()
    connection.settings_dict.update(changes)
    try:
        yield
    finally:
        connection.settings_dict.update(before)
        with suppress(Exception):
            connection.close()


@contextmanager
def impatient() -> Iterator[None]:
    """SQLite waits for no lock: whoever meets one fails at once."""
    with with_options(**({"timeout": 0} if connection.vendor == "sqlite" else {})):
        yield


# Failures that pass


def disturb(session: Any = connection) -> None:
    """Make the next statement of a session fail."""
    {"sqlite": lock_briefly, "postgresql": cut}[connection.vendor](session)


def cut(session: Any) -> None:
    """End the session from another one, as an operator or a failover does."""
    pid = None
    with suppress(Exception):
        # Its own thread may close it meanwhile.
        pid = session.connection.info.backend_pid
    if pid is not None:
        with own_session() as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


def lock_briefly(session: Any) -> None:
    """Lock the SQLite file, also for readers.

    Nothing is done where somebody has begun to write: SQLite keeps others out then.
    """
    stack = ExitStack()
    with suppress(sqlite3.OperationalError):
        stack.enter_context(locked_sqlite())
    threading.Timer(BRIEFLY, stack.close).start()


@contextmanager
def locked_sqlite() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    # It may be closed by a timer's thread.
    with closing(sqlite3.connect(name, timeout=0, check_same_thread=False)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def disturb_now_and_then(seed: int, pause: float) -> Iterator[None]:
    """Disturb this thread's session meanwhile, from another thread, every 0 to `pause` seconds."""
    chance = random.Random(seed)  # noqa: S311
    ended, session = threading.Event(), connections["default"]

    def go() -> None:
        while not ended.wait(chance.uniform(0, pause)):
            disturb(session)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


# Failures that last


class BrokenError(Exception):
    """Something that nobody expects."""


def broken_at_statement(number: int) -> AbstractContextManager[None]:
    """Raise `BrokenError` instead of that statement."""

    def fail(at: int, sql: str) -> None:
        if at == number:
            raise BrokenError

    return before_statement(fail)


class Killed(BaseException):
    """The process is gone: nothing that it does reaches the database any more."""


def killed_at_statement(number: int) -> AbstractContextManager[None]:
    """Raise `Killed` instead of that statement and of all behind it."""

    def fail(at: int, sql: str) -> None:
        if at >= number:
            raise Killed

    return before_statement(fail)


def out_of_reach() -> ExitStack:
    """End the session and open no other until the stack that is returned is closed."""
    stack = ExitStack()
    if connection.vendor == "sqlite":
        stack.enter_context(locked_sqlite())
    else:
        cut(connection)
        before = connection.settings_dict["HOST"]
        connection.settings_dict["HOST"] = "/nowhere"
        stack.callback(connection.settings_dict.update, HOST=before)
    return stack
