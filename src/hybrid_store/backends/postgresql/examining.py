"""Looking at a database in use: without writing, and without making others wait."""

from __future__ import annotations

from math import ceil

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["limit", "reads_only"]

# For the rest of the transaction; of a savepoint, until that is rolled back. A standby allows it.
LIMIT = """
SELECT set_config('transaction_read_only', 'on', true), set_config('statement_timeout', %s, true)
"""
# Milliseconds; 0 would be no limit at all.
LEAST, MOST = 1, 2**31 - 1
# Outside of a transaction that was told to be: what the next one will be.
READS_ONLY = """
SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean
"""


def limit(connection: BaseDatabaseWrapper, seconds: float) -> None:
    """Let the transaction write nothing, and no statement of it take longer than that."""
    milliseconds = min(max(ceil(1000 * seconds), LEAST), MOST)
    with connection.cursor() as cursor:
        cursor.execute(LIMIT, [str(milliseconds)])


def reads_only(connection: BaseDatabaseWrapper) -> bool:
    """Is it a standby, or one whose sessions are told to write nothing?"""
    with connection.cursor() as cursor:
        cursor.execute(READS_ONLY)
        return bool(cursor.fetchone()[0])
