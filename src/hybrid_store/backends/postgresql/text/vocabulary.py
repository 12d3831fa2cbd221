"""Words of queries as an index has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from unicodedata import normalize

from django.db.backends.base.base import BaseDatabaseWrapper

from hybrid_store.backends.postgresql.quiet import quiet_cursor
from hybrid_store.backends.postgresql.text.lexemes import (
    GAP,
    lexemes_sql,
    number,
    numbers_of_trigrams,
)
from hybrid_store.backends.texts import TextSpec
from hybrid_store.texts.query import Clause

__all__ = ["Numbers", "Vocabulary", "dictionary", "lexemes", "place_of", "vocabulary"]

Numbers: TypeAlias = tuple[int, ...]
"""The numbers of what stands one after the other in a text."""

# How many words of a language are remembered.
KNOWN = 10_000
# What tells a database from others.
PLACE = ("HOST", "PORT", "NAME")

DICTIONARY = """
SELECT 1 FROM pg_ts_dict WHERE dictname = %s AND dictnamespace = 'pg_catalog'::regnamespace
"""


def place_of(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """What tells the database of a connection from others."""
    return tuple(str(connection.settings_dict.get(part, "")) for part in PLACE)


@lru_cache
def _known(*key: Any) -> dict[str, Any]:
    return {}


def dictionary(connection: BaseDatabaseWrapper, language: str | None) -> str | None:
    """The name of a language's stemmer, None where the database has none."""
    if language is None:
        return None
    known, name = _known(place_of(connection)), f"{language}_stem"
    if name not in known:
        with quiet_cursor(connection) as cursor:
            cursor.execute(DICTIONARY, [name])
            known[name] = cursor.fetchone() is not None
    return f"pg_catalog.{name}" if known[name] else None


def lexemes(
    connection: BaseDatabaseWrapper, spec: TextSpec, words: Collection[str]
) -> dict[str, str]:
    """Word -> what an index keeps it as, by the database's own stemmer."""
    stemmer = dictionary(connection, spec.language)
    known = _known(place_of(connection), stemmer)
    new = [word for word in dict.fromkeys(words) if word not in known]
    if new and len(known) + len(new) > KNOWN:
        known.clear()
        new = [*dict.fromkeys(words)]
    if new:
        known.update(_told(connection, stemmer, new))
    return {word: known[word] for word in words}


def _told(
    connection: BaseDatabaseWrapper, stemmer: str | None, words: list[str]
) -> Mapping[str, str]:
    # No text in a database has half a character; a question mark is no part of a word.
    sent = {word: normalize("NFC", word.encode(errors="replace").decode()) for word in words}
    with quiet_cursor(connection) as cursor:
        cursor.execute(lexemes_sql("unnest(%s::text[]) AS word", stemmer), [[*sent.values()]])
        told = dict(cursor.fetchall())
    return {word: told[as_sent] for word, as_sent in sent.items()}


@dataclass(frozen=True)
class Vocabulary:
    """The lexemes of the words of a query to an index."""

    spec: TextSpec
    lexemes: Mapping[str, str]

    def counted(self, words: Sequence[str]) -> Counter[int]:
        """What documents are ranked by, and how often it counts."""
        found = (one for word in words for one in self.numbers([word]))
        return Counter(one for one in found if one != GAP)

    def numbers(self, words: Sequence[str]) -> Numbers:
        """Words that stand one after the other; none where they are too short for trigrams."""
        found = [self.lexemes[word] for word in words]
        if self.spec.tokenizer == "words":
            return tuple(map(number, found))
        return tuple(numbers_of_trigrams(" ".join(found)))

    def clause(self, clause: Clause) -> list[Numbers]:
        """The terms of which a document has to have one."""
        found = (self.numbers(term.words) for term in clause.terms)
        return [numbers for numbers in found if any(numbers)]


def vocabulary(
    connection: BaseDatabaseWrapper,
    spec: TextSpec,
    clauses: Sequence[Clause],
    words: Sequence[str] = (),
) -> Vocabulary:
    """The lexemes of everything in a query."""
    of_clauses = [word for clause in clauses for term in clause.terms for word in term.words]
    return Vocabulary(spec, lexemes(connection, spec, [*words, *of_clauses]))
