"""What failures of PostgreSQL mean."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, OperationalError

__all__ = ["is_passing", "is_read_only", "is_timeout"]

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
READ_ONLY = "25006"  # a standby, or a transaction that may not write
CANCELED = "57014"  # by `statement_timeout`, or by somebody


def is_passing(error: Exception) -> bool:
    """A connection that broke gives no code at all: the server had no time to say why."""
    code = _code(error)
    if not isinstance(error, (OperationalError, InterfaceError)):
        # All that psycopg2 says of a connection that breaks while a statement is sent.
        is_bare = type(error) is DatabaseError and hasattr(error.__cause__, "pgcode")
        return is_bare and code is None
    return code is None or code.startswith(PASSING_CLASSES) or code in PASSING_CODES


def is_read_only(error: Exception) -> bool:
    return _code(error) == READ_ONLY


def is_timeout(error: Exception) -> bool:
    return _code(error) == CANCELED


def _code(error: Exception) -> str | None:
    """As psycopg 3 or psycopg2 gives it."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
