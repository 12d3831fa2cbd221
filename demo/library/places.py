"""Where a passage is: its page, and its place in the text as a page of the site shows it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from library.models import Document, Passage

__all__ = ["Part", "Sheet", "place", "sheets"]


@dataclass(frozen=True)
class Part:
    """Characters that are marked, or not. The `first` that are can be linked to."""

    text: str
    marked: bool = False
    first: bool = False


@dataclass(frozen=True)
class Sheet:
    """A page of a document; one that has no pages is a sheet without a number."""

    number: int | None
    parts: tuple[Part, ...]


def place(pages: Sequence[int], start: int, end: int) -> str:
    """The pages that text from `start` to `end` stands on: "Page 3", "Pages 3 to 4", or ""."""
    if not pages:
        return ""
    first, last = bisect_right(pages, start), bisect_right(pages, max(start, end - 1))
    return f"Page {first}" if first == last else f"Pages {first} to {last}"


def sheets(document: Document, passage: Passage | None = None) -> Iterator[Sheet]:
    """The whole text of a document, sheet by sheet, with one passage marked."""
    starts = list(document.pages) or [0]
    ends = [*starts[1:], len(document.text)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
        parts = tuple(_parts(document.text, start, end, passage))
        yield Sheet(number if document.pages else None, parts)


def _parts(text: str, start: int, end: int, passage: Passage | None) -> Iterator[Part]:
    if passage is None or passage.end <= start or end <= passage.start:
        yield Part(text[start:end])
        return
    begin, stop = max(start, passage.start), min(end, passage.end)
    if start < begin:
        yield Part(text[start:begin])
    yield Part(text[begin:stop], marked=True, first=begin == passage.start)
    if stop < end:
        yield Part(text[stop:end])
