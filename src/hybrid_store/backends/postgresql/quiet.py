"""Questions to the database that are no queries of the project, whose number tests may count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["quiet_cursor"]


@contextmanager
def quiet_cursor(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """The driver's own cursor, seen by neither the query log nor wrappers; errors are Django's."""
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    raw: Any = connection.connection
    with connection.wrap_database_errors, raw.cursor() as cursor:
        yield cursor
