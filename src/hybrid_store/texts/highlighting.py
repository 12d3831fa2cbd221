"""Texts in which the words searched for are marked, as HTML that is safe."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from hybrid_store.texts.words import pieces

__all__ = ["Marker", "words_in"]

ELLIPSIS = "…"

Span = tuple[int, int]


def words_in(text: str) -> set[str]:
    """The words of a text whose terms a `Marker` asks for."""
    return {piece.word for piece in pieces(text) if not piece.is_run}


@dataclass(frozen=True)
class Marker:
    """Marks the words whose term is one of `wanted`, and their pairs in unspaced scripts.

    `terms` says what an index keeps words as; with `finds_parts` the words themselves are marked
    wherever they stand. With `length` only so many characters are shown, where most of them are.
    """

    wanted: Collection[str]
    terms: Mapping[str, str]
    tag: str = "mark"
    length: int | None = None
    finds_parts: bool = False

    def marked(self, text: str) -> SafeString:
        """`text`, escaped and marked."""
        spans = list(_merged(self._spans(text)))
        start, end = self._window(text, spans)
        parts = [ELLIPSIS if start else ""]
        place = start
        for first, last in spans:
            if start <= first and last <= end:
                parts += [escape(text[place:first]), self._element(text[first:last])]
                place = last
        parts += [escape(text[place:end]), ELLIPSIS if end < len(text) else ""]
        return mark_safe("".join(parts))  # noqa: S308 - escaped part by part

    def _element(self, words: str) -> str:
        return f"<{self.tag}>{escape(words)}</{self.tag}>"

    def _spans(self, text: str) -> Iterator[Span]:
        """Where something is marked, in order; they may overlap."""
        if self.finds_parts:
            either = "|".join(map(re.escape, sorted(self.wanted, key=len, reverse=True)))
            found = re.finditer(either, text, re.IGNORECASE) if either else ()
            yield from (match.span() for match in found)
            return
        for piece in pieces(text):
            if not piece.is_run:
                if self.terms.get(piece.word) in self.wanted:
                    yield piece.start, piece.end
                continue
            for place in range(len(piece.word)):
                for size in (1, 2):
                    if piece.word[place : place + size] in self.wanted:
                        yield piece.start + place, piece.start + min(place + size, len(piece.word))

    def _window(self, text: str, spans: list[Span]) -> Span:
        """The part of a text that is shown: from a word on, as full of marks as can be."""
        if self.length is None or len(text) <= self.length:
            return 0, len(text)
        length = self.length
        firsts = [first for first, _ in spans] or [0]
        best = max(firsts, key=lambda first: sum(first <= f < first + length for f in firsts))
        # Some of what stands before it, too.
        start = max(0, min(best - length // 4, len(text) - length))
        return _at_word(text, start, forwards=True), _at_word(text, start + length, forwards=False)


def _at_word(text: str, place: int, *, forwards: bool) -> int:
    """The nearest place between words, if there is one near."""
    if place in (0, len(text)):
        return place
    near = range(place, min(place + 20, len(text))) if forwards else range(place, place - 20, -1)
    return next((p for p in near if text[p - 1].isspace() or text[p : p + 1].isspace()), place)


def _merged(spans: Iterator[Span]) -> Iterator[Span]:
    last: Span | None = None
    for span in spans:
        if last is not None and span[0] <= last[1]:
            last = last[0], max(last[1], span[1])
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
