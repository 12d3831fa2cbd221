"""Making the default database fail: for a moment, from a statement on, or for good.

Everything here is done to a real database from a second connection, or in the session under test.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from django.db import connection, connections

__all__ = ["cut_connection", "disturb", "own_session", "with_options"]

BRIEFLY = 0.15
"""Seconds: longer than the first wait of a `Patience`."""


def disturb() -> None:
    """Make the next statement of this thread's connection fail, once."""
    {"sqlite": lock_briefly, "postgresql": cut_connection}[connection.vendor]()


def cut_connection() -> None:
    """End this thread's session from another one, as an operator or a failover does."""
    if connection.connection is not None:
        with own_session() as other, other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]
            )


@contextmanager
def own_session() -> Iterator[Any]:
    """A second connection to the default database."""
    with closing(connections.create_connection("default")) as other:
        yield other


def lock_briefly() -> None:
    """Lock the SQLite file, readers included, for longer than the session under test waits.

    Nothing is done where that session has begun to write: SQLite keeps others out then.
    """
    holder = sqlite3.connect(
        connection.settings_dict["NAME"], timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        holder.close()
        return
    threading.Timer(BRIEFLY, holder.close).start()


@contextmanager
def with_options(**options: Any) -> Iterator[None]:
    """Sessions of the default database with further OPTIONS."""
    before = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.settings_dict["OPTIONS"] = {**before, **options}
    try:
        yield
    finally:
        with suppress(Exception):
            connection.close()
        connection.settings_dict["OPTIONS"] = before
