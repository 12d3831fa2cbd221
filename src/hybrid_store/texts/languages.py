"""The languages a text can be said to be in."""

from __future__ import annotations

__all__ = ["LANGUAGES", "UNSTEMMED"]

# Those that Snowball stems (snowballstem.org), by the names that PostgreSQL has for them.
STEMMED = frozenset(
    {
        *("arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "estonian"),
        *("finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish"),
        *("italian", "lithuanian", "nepali", "norwegian", "portuguese", "romanian", "russian"),
        *("serbian", "spanish", "swedish", "tamil", "turkish", "yiddish"),
    }
)
UNSTEMMED = frozenset({"chinese", "japanese", "korean"})
"""Languages that need no stemmer: their words are found by pairs of characters."""

LANGUAGES = STEMMED | UNSTEMMED
"""All that are known by name."""
