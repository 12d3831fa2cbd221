"""The query language: words, "phrases", -not, or.

Every text is a query; there are no syntax errors. Rows with all words come first, then those with
any. A phrase in quotes must be there, word for word, and what a minus stands before must not. `or`
between two of them makes one do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from hybrid_store.texts.stop_words import stop_words
from hybrid_store.texts.words import TOKENIZERS, Tokenizer

__all__ = ["MOST_WORDS", "Clause", "Term", "TextQuery", "parse"]

FoundT = TypeVar("FoundT", str, "Clause")

MOST_WORDS = 64
"""How many different words of a query count, from the first one."""

# What stands between white space, or between a quotation mark and the next one.
PIECE = re.compile(r'(?P<minus>-)?"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+)')


@dataclass(frozen=True)
class Term:
    """Words that stand one after the other, as `sequence` divides them; never empty."""

    words: tuple[str, ...]
    is_quoted: bool = False


@dataclass(frozen=True)
class Clause:
    """Terms of which one is to be there; never empty."""

    terms: tuple[Term, ...]

    @property
    def is_required(self) -> bool:
        return all(term.is_quoted for term in self.terms)


@dataclass(frozen=True)
class TextQuery:
    """A parsed query.

    `words` is what rows are ranked by, each once. `meaning` is the text without what it excludes
    and without quotation marks, for an embedder.
    """

    clauses: tuple[Clause, ...]
    excluded: tuple[Term, ...]
    words: tuple[str, ...]
    meaning: str

    @cached_property
    def required(self) -> tuple[Clause, ...]:
        """Clauses that hold for every row that is found."""
        return tuple(clause for clause in self.clauses if clause.is_required)


def parse(text: str, tokenizer: str = "words", language: str | None = None) -> TextQuery:
    """Read what a user has written, for an index with that tokenizer; any text will do.

    Stop words of the language do not count beside other words, unless in quotation marks.
    """
    pieces = list(_pieces(text, TOKENIZERS[tokenizer]))
    groups = list(_groups([piece for piece in pieces if not piece.is_excluded]))
    stops = stop_words(language)
    clauses = [clause for group in groups for clause in _clauses(group)]
    words = [word for group in groups for piece in group for word in piece.telling]
    excluded = [Term(piece.sequence, True) for piece in pieces if piece.is_excluded]
    return TextQuery(
        clauses=_limited([c for c in clauses if not _is_stop(c, stops)] or clauses),
        excluded=tuple(excluded[:MOST_WORDS]),
        words=_limited([word for word in words if word not in stops] or words),
        meaning=_meaning(text, pieces),
    )


def _is_stop(clause: Clause, stops: Collection[str]) -> bool:
    words = [word for term in clause.terms for word in term.words]
    return not clause.is_required and all(word in stops for word in words)


def _meaning(text: str, pieces: list[_Piece]) -> str:
    if not any(piece.is_quoted or piece.is_excluded for piece in pieces):
        return text
    return " ".join(piece.text for piece in pieces if not piece.is_excluded)


@dataclass(frozen=True)
class _Piece:
    text: str
    is_quoted: bool
    is_excluded: bool
    sequence: tuple[str, ...]
    telling: tuple[str, ...]

    @property
    def is_or(self) -> bool:
        return not self.is_quoted and self.text.lower() == "or"

    @property
    def term(self) -> Term:
        return Term(self.sequence, self.is_quoted)


def _pieces(text: str, tokenizer: Tokenizer) -> Iterator[_Piece]:
    for found in PIECE.finditer(text):
        quoted, plain = found["quoted"], found["plain"]
        if plain == "-":
            continue
        sign, told = found["minus"], quoted
        if quoted is None:
            sign, told = plain[:1] == "-", plain.removeprefix("-")
        parts = tuple(tokenizer.sequence(told)), tuple(tokenizer.telling(told))
        piece = _Piece(told, quoted is not None, bool(sign), *parts)
        # A sign alone is part of the meaning, if any, and excludes nothing.
        if piece.sequence or not (piece.is_quoted or piece.is_excluded):
            yield piece


def _groups(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces with `or` between them, together; `or` at an end is a word."""
    group: list[_Piece] = []
    is_joined = False
    for place, piece in enumerate(pieces):
        if piece.is_or and group and not is_joined and place + 1 < len(pieces):
            is_joined = True
            continue
        if group and not is_joined:
            yield group
            group = []
        group.append(piece)
        is_joined = False
    if group:
        yield group


def _clauses(group: list[_Piece]) -> list[Clause]:
    """One for alternatives and for a quotation, else one for every word."""
    if len(group) > 1 or group[0].is_quoted:
        terms = tuple(piece.term for piece in group if piece.sequence)
        return [Clause(terms)] if terms else []
    return [Clause((Term((word,)),)) for word in group[0].telling]


def _limited(found: list[FoundT]) -> tuple[FoundT, ...]:
    return tuple(dict.fromkeys(found))[:MOST_WORDS]
