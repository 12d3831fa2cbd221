"""Other ways to the database of the run: other options, other addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

__all__ = ["another_way"]


def is_in_memory(connection: Any) -> bool:
    return connection.vendor == "sqlite" and bool(connection.is_in_memory_db())


@contextmanager
def another_way(
    alias: str, options: dict[str, Any] | None = None, **settings: Any
) -> Iterator[Any]:
    """This thread's connection `alias` to the same database; `options` are added to OPTIONS.

    It is not in DATABASES: those that are may not be opened in tests that do not name them.
    """
    other: Any = connection.copy(alias)
    merged = {**connection.settings_dict["OPTIONS"], **(options or {})}
    other.settings_dict = {**connection.settings_dict, **settings, "OPTIONS": merged}
    connections[alias] = other
    try:
        yield other
    finally:
        memory = other.connection if is_in_memory(other) else None
        other.close()
        if memory is not None:
            # Django leaves it open.
            memory.close()
        del connections[alias]
