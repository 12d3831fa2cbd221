"""How many documents a word is in, as far as it matters: remembered for a while by the process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

from hybrid_store.backends.sqlite.text.matching import any_of
from hybrid_store.backends.sqlite.text.source import WordTable

__all__ = ["telling_words"]

# In smaller tables it is not worth a question.
LARGE = 5_000
SECONDS = 60.0
MOST_KNOWN = 10_000

_known: dict[tuple[str, str, str], tuple[float, int]] = {}
_lock = Lock()


def telling_words(connection: Any, words: WordTable, query: Sequence[str]) -> list[str]:
    """The words that are in less than half of the documents; all of them, if none is.

    The others add next to nothing to a score (at most 2.2e-6 each: FTS5's documentation, "The
    bm25() function", has an idf of at least 1e-6), and their lists are the longest.
    """
    documents = _count(connection, words, "")
    if documents < LARGE or len(query) == 1:
        return [*query]
    telling = [word for word in query if _count(connection, words, word) < documents / 2]
    return telling or [*query]


def _count(connection: Any, words: WordTable, word: str) -> int:
    """How many documents have a word; "" stands for all documents."""
    database = str(connection.settings_dict["NAME"])
    key = (database, words.name, word)
    found = _known.get(key)
    if found is None or time.monotonic() - found[0] > SECONDS:
        found = time.monotonic(), _counted(connection, words, word)
        with _lock:
            if len(_known) >= MOST_KNOWN:
                _known.clear()
            _known[key] = found
    return found[1]


def _counted(connection: Any, words: WordTable, word: str) -> int:
    name = words.name
    has_word = f"{name} WHERE {name} MATCH %s"
    with connection.cursor() as cursor:
        if word:
            cursor.execute(f"SELECT count(*) FROM {has_word}", [any_of([word])])  # noqa: S608
        else:
            cursor.execute(f"SELECT count(*) FROM {words.sizes}")  # noqa: S608
        return int(cursor.fetchone()[0])
