"""Searches over approximate indexes: one statement that brings its own settings.

`set_config(..., true)` holds for the transaction, so in autocommit mode for the statement alone.
The settings stand beside the query vector, in a subquery that is computed before any index is
scanned, because the scan needs the vector. No round trip is spent on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.indexes import MOST_EFFORT, IndexSpec, Scan
from hybrid_store.backends.postgresql.quiet import quiet_cursor

__all__ = ["NEAR_SQL", "scan_sql", "settings_kept"]

NEAR = "hybrid_store_near"
NEAR_SQL = f"(SELECT vector FROM {NEAR})"  # noqa: S608

# pgvector's own number of lists, where an index does not say (src/ivfflat.h).
DEFAULT_LISTS = 100
# How many rows a scan that resumes looks at, at most: pgvector's default is 20,000.
SCANNED_ROWS = 200_000
SETTINGS = (
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "hnsw.max_scan_tuples",
    "ivfflat.probes",
    "ivfflat.iterative_scan",
)


def scan_sql(sql: str, near: str, scan: Scan, index: IndexSpec | None) -> str:
    """`sql`, in which `NEAR_SQL` is the vector `near`, with the settings for the scan."""
    settings = _settings(scan, index)
    parts = (f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"WITH {NEAR} AS MATERIALIZED (SELECT {near} AS vector, {', '.join(parts)}) {sql}"


def _settings(scan: Scan, index: IndexSpec | None) -> dict[str, Any]:
    if index is not None and index.method == "ivfflat":
        lists = index.options.get("lists", DEFAULT_LISTS)
        return {
            "ivfflat.probes": ceil(lists * scan.effort / MOST_EFFORT),
            "ivfflat.iterative_scan": "relaxed_order" if scan.resumes else "off",
        }
    settings = {
        "hnsw.ef_search": scan.effort,
        "hnsw.iterative_scan": "relaxed_order" if scan.resumes else "off",
    }
    return {**settings, "hnsw.max_scan_tuples": SCANNED_ROWS} if scan.resumes else settings


@contextmanager
def settings_kept(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """In a transaction, give the settings their values back."""
    if not connection.in_atomic_block:
        yield
        return
    before = _values(connection)
    try:
        yield
    except DatabaseError:
        # The transaction is to be rolled back, and the settings with it.
        raise
    except BaseException:
        _set(connection, before)
        raise
    else:
        _set(connection, before)


def _values(connection: BaseDatabaseWrapper) -> list[str | None]:
    columns = ", ".join(f"current_setting('{name}', true)" for name in SETTINGS)
    with quiet_cursor(connection) as cursor:
        cursor.execute(f"SELECT {columns}")
        return list(cursor.fetchone())


def _set(connection: BaseDatabaseWrapper, values: list[str | None]) -> None:
    columns = ", ".join(f"set_config('{name}', %s, true)" for name in SETTINGS)
    with quiet_cursor(connection) as cursor:
        # NULL is the value that the session began with.
        cursor.execute(f"SELECT {columns}", values)
