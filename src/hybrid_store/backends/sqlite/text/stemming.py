"""What FTS5 makes of words, asked of an FTS5 table in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from functools import lru_cache

from hybrid_store.backends.sqlite.text.source import quoted

__all__ = ["terms"]

KNOWN = 10_000


def terms(tokenizer: str, words: Collection[str]) -> Mapping[str, str]:
    """Word -> its form in an index with that tokenizer."""
    known = _known(tokenizer)
    new = [word for word in dict.fromkeys(words) if word not in known]
    if new:
        if len(known) + len(new) > KNOWN:
            known.clear()
        known |= _told(tokenizer, [word for word in dict.fromkeys(words) if word not in known])
    return {word: known[word] for word in words}


@lru_cache
def _known(tokenizer: str) -> dict[str, str]:
    return {}


def _told(tokenizer: str, words: list[str]) -> dict[str, str]:
    """A word of which nothing is kept stays as it is."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, tokenize={quoted(tokenizer)})")
        memory.execute("CREATE VIRTUAL TABLE told USING fts5vocab(words, instance)")
        memory.executemany("INSERT INTO words (rowid, word) VALUES (?, ?)", list(enumerate(words)))
        found = memory.execute("SELECT doc, term FROM told").fetchall()
    return dict(zip(words, words, strict=True)) | {words[place]: term for place, term in found}
