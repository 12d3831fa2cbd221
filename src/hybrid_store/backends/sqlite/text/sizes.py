"""What an index of words takes of the file."""

from __future__ import annotations

from typing import Any

from hybrid_store.backends.sqlite.text.source import KEYS_PREFIX, PREFIX, WordTable

__all__ = ["size"]

HAS_DBSTAT = "SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')"
# FTS5 keeps a table in others, whose names begin with its own (its documentation, "Shadow Tables").
SHADOWS = ("data", "idx", "content", "docsize", "config")
SIZE = """
SELECT sum(pages.pgsize) FROM sqlite_master kept JOIN dbstat pages ON pages.name = kept.name
WHERE pages.aggregate = 1 AND kept.tbl_name IN ({names})
"""


def size(raw: Any, words: WordTable) -> int | None:
    """Bytes, unused ones of its pages included. Reads all of these pages; None where SQLite was
    built without the table that tells of them."""
    [is_told] = raw.execute(HAS_DBSTAT).fetchone()
    if not is_told:
        return None
    name = words.spec.name
    names = [*(f"{PREFIX}{name}_{shadow}" for shadow in SHADOWS), f"{KEYS_PREFIX}{name}"]
    [size] = raw.execute(SIZE.format(names=", ".join("?" * len(names))), names).fetchone()
    return None if size is None else int(size)
