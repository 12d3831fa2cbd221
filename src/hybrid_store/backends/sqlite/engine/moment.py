"""One moment of a database for several statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["moment"]


@contextmanager
def moment(raw: Any) -> Iterator[None]:
    """All statements within, which only read, see the database as it is at the first of them.

    `raw` is a connection of sqlite3. A transaction that is open already does that.
    """
    if raw.in_transaction:
        yield
        return
    raw.execute("BEGIN")
    try:
        yield
    finally:
        # What a wrapper around the statements may have written is kept, as it would be without.
        # After some errors SQLite has ended the transaction by itself.
        if raw.in_transaction:
            raw.execute("COMMIT")
