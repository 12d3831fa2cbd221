"""How a text is divided: into words, and where words are not set apart, into grams.

A run of Han, kana or Hangul gives each of its characters and each pair of neighbours, in the order
of the text: "北京大" gives 北, 北京, 京, 京大, 大. Databases divide the texts they keep in the same
way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from unicodedata import normalize

from hybrid_store.texts.characters import UNSPACED, bare_letters, in_class, separators

__all__ = ["TOKENIZERS", "Piece", "Tokenizer", "bare", "pieces", "sequence", "telling"]

# Letters of a trigram.
GRAM = 3


@cache
def _runs() -> re.Pattern[str]:
    """Runs of an unspaced script, or of other letters."""
    unspaced = in_class(UNSPACED)
    return re.compile(rf"([{unspaced}]+)|[^{in_class(separators())}\x00{unspaced}]+")


@dataclass(frozen=True)
class Piece:
    """A word or a run of a text in small letters, and where it stands there."""

    word: str
    is_run: bool
    start: int
    end: int


def pieces(text: str) -> Iterator[Piece]:
    """The words and runs of a text, in order."""
    for found in _runs().finditer(text):
        yield Piece(found[0].lower(), found[1] is not None, found.start(), found.end())


def _divided(text: str) -> Iterator[Piece]:
    return pieces(normalize("NFC", text))


def sequence(text: str) -> list[str]:
    """All that an index keeps of a text, in order, but for stemming and diacritics."""
    return [
        part
        for piece in _divided(text)
        for part in (_grams(piece.word) if piece.is_run else [piece.word])
    ]


def telling(text: str) -> list[str]:
    """What rows are ranked by: of a run its pairs, as single characters are everywhere."""
    return [
        part
        for piece in _divided(text)
        for part in (piece.is_run and _pairs(piece.word)) or [piece.word]
    ]


def _whole_words(text: str) -> list[str]:
    """All words of a text; none where they are too short for a trigram."""
    found = [word.lower() for word in _separated().findall(normalize("NFC", text))]
    return found if len(" ".join(found)) >= GRAM else []


def _long_words(text: str) -> list[str]:
    return [word for word in _whole_words(text) if len(word) >= GRAM]


@cache
def _separated() -> re.Pattern[str]:
    return re.compile(rf"[^{in_class(separators())}\x00]+")


@dataclass(frozen=True)
class Tokenizer:
    """How a query is divided for an index: `sequence` for what stands one after the other,
    `telling` for what rows are ranked by."""

    sequence: Callable[[str], list[str]]
    telling: Callable[[str], list[str]]
    finds_parts: bool = False


TOKENIZERS: Mapping[str, Tokenizer] = {
    "words": Tokenizer(sequence, telling),
    "trigrams": Tokenizer(_whole_words, _long_words, finds_parts=True),
}
"""By the names that an index chooses them by."""


def _pairs(run: str) -> list[str]:
    return [first + second for first, second in pairwise(run)]


def _grams(run: str) -> list[str]:
    pairs = [*_pairs(run), ""]
    return [gram for pair in zip(run, pairs, strict=True) for gram in pair if gram]


def bare(word: str) -> str:
    """A word in small letters without diacritics over the letters from a to z."""
    if word.isascii():
        return word
    letters = bare_letters()
    return "".join(letters.get(letter, letter) for letter in normalize("NFC", word))
