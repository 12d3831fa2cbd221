"""Which failures of PostgreSQL pass by themselves."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, OperationalError

__all__ = ["is_passing"]

# Source: PostgreSQL, appendix A, "Error Codes".
PASSING_CLASSES = (
    "08",  # the connection broke or was refused
    "40",  # serialization failure, deadlock
    "57P",  # the server is shut down, crashed or starting
)
PASSING_CODES = (
    "53300",  # too many connections
    "55P03",  # a lock was not available in time
)


def is_passing(error: Exception) -> bool:
    """A connection that broke gives no code at all: the server had no time to say why."""
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if not isinstance(error, (OperationalError, InterfaceError)):
        # All that psycopg2 says of a connection that breaks while a statement is sent.
        return type(error) is DatabaseError and hasattr(cause, "pgcode") and code is None
    return code is None or code.startswith(PASSING_CLASSES) or code in PASSING_CODES
