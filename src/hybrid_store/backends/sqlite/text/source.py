"""The tables and triggers that belong to an index of words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from sqlite3 import sqlite_version_info

from hybrid_store.backends.sqlite.engine.source import quoted
from hybrid_store.backends.sqlite.text.dividing import divided_sql
from hybrid_store.backends.texts import TextSpec

__all__ = ["PREFIX", "WordTable", "quoted"]

# What the names of tables and triggers begin with.
PREFIX = "hybrid_store_text_"
KEYS_PREFIX = "hybrid_store_keys_"
# Of what these modules make; another number has every index made anew.
VERSION = 1

# Marks are parts of words, as in Hindi.
UNICODE = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
# SQLite 3.45 was the first to take diacritics from trigrams.
TRIGRAM = "trigram remove_diacritics 1" if sqlite_version_info >= (3, 45) else "trigram"
STEMMERS = {"english": "porter"}


@dataclass(frozen=True)
class WordTable:
    """An FTS5 table with a copy of the texts: what is deleted from it is what was put in, whatever
    has happened to the row since. Its rows have the key of the row as `rowid`, if that is a whole
    number, else a number that a second table gives."""

    spec: TextSpec

    @property
    def name(self) -> str:
        return quoted(f"{PREFIX}{self.spec.name}")

    @property
    def sizes(self) -> str:
        """A table that FTS5 keeps, with a short row for each document (its documentation, "The
        Document Sizes Table")."""
        return quoted(f"{PREFIX}{self.spec.name}_docsize")

    @property
    def keys(self) -> str:
        return quoted(f"{KEYS_PREFIX}{self.spec.name}")

    def trigger(self, event: str) -> str:
        return f"{PREFIX}{self.spec.name}_{event}"

    @property
    def columns(self) -> list[str]:
        return [f"c{place}" for place in range(len(self.spec.columns))]

    @property
    def key_columns(self) -> list[str]:
        return [f"key{place}" for place in range(len(self.spec.keys))]

    @property
    def tokenizer(self) -> str:
        if self.spec.tokenizer == "trigrams":
            return TRIGRAM
        stemmer = STEMMERS.get(self.spec.language or "")
        return f"{stemmer} {UNICODE}" if stemmer else UNICODE

    def text_sql(self, column: str) -> str:
        """SQL of a text as it is given to FTS5."""
        return divided_sql(column) if self.spec.tokenizer == "words" else column

    @property
    def rank(self) -> str:
        return f"bm25({', '.join(map(str, self.spec.weights))})"

    @property
    def mark(self) -> str:
        """What its triggers are known by, with the columns told by the triggers themselves."""
        told = f"{VERSION} {len(self.spec.columns)} {self.spec.keys} {self.tokenizer} {self.rank}"
        return hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()
