"""Indexes of words, as models ask for them, databases keep them, and searches use them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from django.db import NotSupportedError

from hybrid_store.texts.query import Clause, TextQuery

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["BaseTextOperations", "Ranked", "TextSpec"]


@dataclass(frozen=True)
class TextSpec:
    """What a `TextIndex` asks a database for. Names are not quoted.

    `columns` are those of the texts, each with a weight; `keys` those of the primary key. None is a
    language without stemming. `tokenizer` is "words", or "trigrams" of words.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    weights: tuple[float, ...]
    language: str | None
    tokenizer: str
    # Is the primary key one column of whole numbers?
    has_integer_key: bool = True


@dataclass(frozen=True)
class Ranked:
    """SQL of a table of documents that match a query, for a FROM clause, in parentheses.

    Its columns are `key0`, `key1` and so on, which are the primary key; `strict`, which is 1 for a
    document that fulfils all clauses of the query and 0 for others; and `score`, its BM25, greater
    is better, never negative. `is_complete` is False where documents were left out that others
    certainly or most probably surpass.
    """

    sql: str
    params: Sequence[Any]
    is_complete: bool = True


class BaseTextOperations:
    """Per-database operations on indexes of words; the base class is a database without any."""

    # Does TextIndex make an index here?
    supports_text_index = False
    # Are documents ranked among given ones, rather than by the share that those are of all?
    ranks_among = False

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    # Made and kept

    def creation(self, spec: TextSpec, table: str) -> list[str]:
        """The statements that make an index and fill it, in place of one that is there.

        `table` is the SQL of the name of the table it is over, or a mark for that. There are no
        percent signs in them but those of the mark.
        """
        return []

    def removal(self, spec: TextSpec) -> list[str]:
        """The statements that remove all of an index, if it is there."""
        return []

    def complete(self, specs: Collection[TextSpec]) -> None:
        """After migrations: make those that are missing or made in another way, remove what tables
        have left that are gone. `specs` are all that models declare."""

    def is_kept(self, spec: TextSpec) -> bool:
        """Is the index there, as it is asked for?"""
        return True

    def size(self, spec: TextSpec) -> int | None:
        """The bytes that all of an index takes, a copy of the texts included where it has one;
        None where they are not known, or there is none."""
        return None

    def optimize(self, spec: TextSpec) -> int | None:
        """Do now what makes later searches faster or better; how many documents there are.

        None where nothing is to be done.
        """
        return None

    def stems_language(self, language: str) -> bool:
        """Does the database know the forms of words of a language?"""
        return False

    # Searched

    def _unsupported(self) -> NoReturn:
        raise NotSupportedError(
            f'{self.connection.display_name} does not support searches by words: use mode="vector".'
        )

    def ranked(
        self,
        spec: TextSpec,
        query: TextQuery,
        *,
        wanted: int | None = None,
        share: float = 1.0,
        among: tuple[str, Sequence[Any]] | None = None,
    ) -> Ranked:
        """The documents with any of the words, those among them that must be there included.

        With `wanted`, only so many are looked at as most probably have the so many best of those
        that matter: `share` is about their part of all documents, or `among`, where the database
        `ranks_among`, a SELECT of their keys with its parameters. May read statistics.
        `query.words` is not empty.
        """
        self._unsupported()

    def matching(self, spec: TextSpec, clauses: Sequence[Clause]) -> tuple[str, Sequence[Any]]:
        """SELECT of the keys (`key0` and so on) of documents that fulfil all clauses, and its
        parameters; `clauses` are not empty."""
        self._unsupported()

    def terms(self, spec: TextSpec, words: Collection[str]) -> Mapping[str, str]:
        """What an index keeps words as, stemmed and without diacritics: alike for forms that match
        each other. `words` are divided already, and in small letters."""
        return {word: word for word in words}
