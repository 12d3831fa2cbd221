"""The tables and triggers that belong to an index of words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hybrid_store.backends.sqlite.engine.source import quoted
from hybrid_store.backends.texts import TextSpec

__all__ = ["PREFIX", "WordTable", "quoted"]

# What the names of tables and triggers begin with.
PREFIX = "hybrid_store_text_"
KEYS_PREFIX = "hybrid_store_keys_"
# Of what these modules make; another number has every index made anew.
VERSION = 1

# Marks are parts of words, as in Hindi.
UNICODE = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
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
            return "trigram"
        stemmer = STEMMERS.get(self.spec.language or "")
        return f"{stemmer} {UNICODE}" if stemmer else UNICODE

    @property
    def rank(self) -> str:
        return f"bm25({', '.join(map(str, self.spec.weights))})"

    @property
    def mark(self) -> str:
        """What its triggers are known by, with the columns told by the triggers themselves."""
        told = f"{VERSION} {len(self.spec.columns)} {self.spec.keys} {self.tokenizer} {self.rank}"
        return hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()
