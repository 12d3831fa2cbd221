"""How SQLite would read the tables of a query, by the lines of EXPLAIN QUERY PLAN."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["is_by_index", "rows"]

# Lines of what reads a whole table or index, and of what also reads rows by an index.
READS_TABLE = re.compile("SCAN ")
READS_ROWS = re.compile("SCAN |SEARCH (?!.* USING (COVERING INDEX|INTEGER PRIMARY KEY) )")


def is_by_index(connection: Any, sql: str, params: Sequence[Any], *, covering: bool) -> bool:
    """Is every table of a query read by an index, with `covering` without a look at its rows?"""
    unserved = READS_ROWS if covering else READS_TABLE
    plan = rows(connection, f"EXPLAIN QUERY PLAN {sql}", params)
    return not any(unserved.match(row[-1]) for row in plan)


def rows(connection: Any, sql: str, params: Sequence[Any]) -> list[Any]:
    """All rows of a query, which is none of the project's: the query log does not show it."""
    connection.ensure_connection()
    cursor = connection.create_cursor()
    with connection.wrap_database_errors:
        cursor.execute(sql, params)
        found: list[Any] = cursor.fetchall()
        return found
