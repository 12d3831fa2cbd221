"""The query language: words, "phrases", -not, or.

Every text is a query; there are no syntax errors. Rows with all words come first, then those with
any. A phrase in quotes must be there, word for word, and what a minus stands before must not. `or`
between two of them makes one do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from hybrid_store.texts.words import sequence, telling

__all__ = ["MOST_WORDS", "Clause", "Term", "TextQuery", "parse"]

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


def parse(text: str) -> TextQuery:
    """Read what a user has written; any text will do."""
    pieces = list(_pieces(text))
    groups = list(_groups([piece for piece in pieces if not piece.is_excluded]))
    clauses = _limited([clause for group in groups for clause in _clauses(group)])
    words = [word for group in groups for piece in group for word in telling(piece.text)]
    return TextQuery(
        clauses=clauses,
        excluded=tuple(
            Term(tuple(sequence(piece.text)), True) for piece in pieces if piece.is_excluded
        )[:MOST_WORDS],
        words=tuple(dict.fromkeys(words))[:MOST_WORDS],
        meaning=_meaning(text, pieces),
    )


def _meaning(text: str, pieces: list[_Piece]) -> str:
    if not any(piece.is_quoted or piece.is_excluded for piece in pieces):
        return text
    return " ".join(piece.text for piece in pieces if not piece.is_excluded)


@dataclass(frozen=True)
class _Piece:
    text: str
    is_quoted: bool
    is_excluded: bool

    @property
    def is_or(self) -> bool:
        return not self.is_quoted and self.text.lower() == "or"

    @property
    def term(self) -> Term:
        return Term(tuple(sequence(self.text)), self.is_quoted)


def _pieces(text: str) -> Iterator[_Piece]:
    for found in PIECE.finditer(text):
        quoted, plain = found["quoted"], found["plain"]
        if quoted is not None:
            piece = _Piece(quoted, True, found["minus"] is not None)
        elif plain == "-":
            continue
        else:
            piece = _Piece(plain.removeprefix("-"), False, plain.startswith("-"))
        # A sign alone is part of the meaning, if any, and excludes nothing.
        if sequence(piece.text) or not (piece.is_quoted or piece.is_excluded):
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
        terms = tuple(piece.term for piece in group if piece.term.words)
        return [Clause(terms)] if terms else []
    return [Clause((Term((word,)),)) for word in telling(group[0].text)]


def _limited(clauses: list[Clause]) -> tuple[Clause, ...]:
    return tuple(dict.fromkeys(clauses))[:MOST_WORDS]
