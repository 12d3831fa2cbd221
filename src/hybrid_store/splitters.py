"""Long texts in passages: where each begins and ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from hybrid_store.embedders.texts import estimated_tokens
from hybrid_store.exceptions import MissingExtraError

__all__ = ["MODULE", "Span", "Splitter", "TokenSplitter", "whole"]

Span: TypeAlias = tuple[int, int]
"""Where a passage begins in its text, and where it ends, in characters as Python counts them."""
Splitter: TypeAlias = Callable[[str], Iterable[Span]]

MODULE = "semantic_text_splitter"
"""The library that splits, which the extra `passages` installs."""

CHARACTERS = 64
"""Most characters of a passage for every token of its size: some tokenizers make one token of a
word of any length."""
WINDOW = 16
"""How many passages, by an estimate, are split at a time. The library looks at all that is ahead
for every passage of a text without line breaks, so its time would grow with the square."""
ASCII_CHARACTERS = 4
"""Characters of a token in ASCII text, as estimated."""


def whole(text: str) -> list[Span]:
    """A text as its only passage."""
    return [(0, len(text))]


class TokenSplitter:
    """Splits texts at the ends of paragraphs, sentences or words, whichever the size allows.

    `count` gives the tokens of a text. A passage has at most `tokens` of them, unless a single
    character has more, and begins with up to `overlap` of the one before. No passage begins or ends
    with whitespace. A grapheme is cut only where it alone is too long, or within an overlap.

    By the library semantic-text-splitter: sentences, words and graphemes are those of Unicode
    (UAX 29). Raises `MissingExtraError`.
    """

    def __init__(self, tokens: int, overlap: int, count: Callable[[str], int]) -> None:
        try:
            from semantic_text_splitter import TextSplitter
        except ImportError as error:
            raise MissingExtraError("Chunking(tokens=...)", "passages") from error
        self.tokens = tokens
        self.count = count
        self._splitter: Any = TextSplitter.from_callback(self._size, tokens, overlap)

    def __call__(self, text: str) -> Iterator[Span]:
        start = 0
        while start < len(text):
            found, end = self._found(text, start)
            if end < len(text) and found:
                # The last one ends only because the window does: the next window begins with it.
                end = found.pop()[0]
            yield from found
            start = end

    def _found(self, text: str, start: int) -> tuple[list[Span], int]:
        """The passages of a window, and where it ends: several of them, unless the text ends there
        or nothing but whitespace is in it."""
        size = self._window(text, start)
        while True:
            end = min(start + size, len(text))
            parts = self._splitter.chunk_indices(text[start:end])
            found = [(start + place, start + place + len(part)) for place, part in parts]
            if len(found) != 1 or end == len(text):
                return found, end
            size *= 2

    def _window(self, text: str, start: int) -> int:
        """Characters that have about `WINDOW` times the tokens of a passage."""
        size = WINDOW * self.tokens * ASCII_CHARACTERS
        estimated = estimated_tokens(text[start : start + size])
        return max(1, min(size, size * WINDOW * self.tokens // estimated))

    def _size(self, passage: str) -> int:
        least = math.ceil(len(passage) / CHARACTERS)
        return least if least > self.tokens else max(least, self.count(passage))
