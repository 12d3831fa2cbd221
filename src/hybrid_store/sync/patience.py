"""Going on after the database was away for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connections

from hybrid_store.backends import vector_ops

__all__ = ["DATABASE_PATIENCE", "Patience"]

logger = logging.getLogger("hybrid_store.generation")

T = TypeVar("T")

DATABASE_PATIENCE = 60.0
"""Seconds: a restart of a server or a failover is over by then."""
FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0


class Patience:
    """Calls actions that may be repeated as a whole, on a new connection where the old one broke.

    What was paid for is still at hand then. Inside of a transaction of the caller's nothing can be
    repeated, and a failure that does not pass by itself is raised at once.
    """

    def __init__(self, using: str, seconds: float = DATABASE_PATIENCE) -> None:
        self.connection = connections[using]
        self.seconds = seconds

    def __call__(self, action: Callable[[], T]) -> T:
        deadline, wait = time.monotonic() + self.seconds, FIRST_WAIT
        while True:
            try:
                return action()
            except (DatabaseError, InterfaceError) as error:
                if not self._may_repeat(error) or time.monotonic() + wait > deadline:
                    raise
                logger.warning("The database failed, trying again in %.1f s: %s", wait, error)
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _may_repeat(self, error: Exception) -> bool:
        if self.connection.in_atomic_block or not vector_ops(self.connection).is_passing(error):
            return False
        self.connection.close()
        return True
