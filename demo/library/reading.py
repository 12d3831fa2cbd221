"""Reading files: their text, where their pages begin, and a title."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import accumulate
from pathlib import PurePath

from django.conf import settings

from library.faults import UnreadableError
from library.pdf import pages_of

__all__ = ["MOST_CHARACTERS", "SUFFIXES", "Reading", "check_size", "checked", "read", "title_of"]

SUFFIXES = (".md", ".markdown", ".pdf", ".text", ".txt")
MOST_CHARACTERS = 2_000_000
LONGEST_TITLE = 200
PDF = b"%PDF-"
# Readers of PDFs look for its beginning in so many bytes.
JUNK = 1024
MB = 1_000_000
PAGE_BREAK = "\n\n"

BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What files of other kinds begin with.
OTHER_KINDS = {
    b"PK\x03\x04": "an office document or a ZIP file",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"{\\rtf": "a rich text file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "a compressed file",
}
HEADING = re.compile(r"\s*#[ \t]+(\S.*)")
SURROGATE = re.compile("[\ud800-\udfff]")
# Controls, also those of the direction of writing, and lone surrogates.
UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Reading:
    """What a file says. `pages` is where each page begins in the text, if it has pages."""

    title: str
    text: str
    pages: tuple[int, ...] = ()


def read(name: str, data: bytes) -> Reading:
    """The text of a file: Markdown, plain text, or a PDF.

    Raises `UnreadableError`; its sentence goes on after the file's name.
    """
    path = PurePath(name)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableError(f"is none of the kinds that can be read: {', '.join(SUFFIXES)}.")
    check_size(len(data))
    if data.startswith(PDF) or (suffix == ".pdf" and PDF in data[:JUNK]):
        return _read_pdf(path.stem, data)
    if suffix == ".pdf":
        raise UnreadableError("is no PDF, whatever its name says.")
    return _read_text(path.stem, data)


def check_size(size: int) -> None:
    """Raises `UnreadableError` for files of so many bytes that are not to be read."""
    most = settings.LIBRARY_UPLOAD_MB
    if not size:
        raise UnreadableError("is empty.")
    if size > most * MB:
        raise UnreadableError(f"has {size / MB:.1f} MB, at most {most} are read: divide it.")


def checked(text: str) -> str:
    r"""The text, its lines ended by "\n"; raises `UnreadableError` if no document can have it."""
    if "\0" in text:
        raise UnreadableError("has NUL characters: that is no plain text.")
    if SURROGATE.search(text):
        raise UnreadableError("has halves of characters (lone surrogates): save it in UTF-8.")
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"has more than {MOST_CHARACTERS:,} characters: divide it.")
    if not text.strip():
        raise UnreadableError("has no text.")
    return with_line_feeds(text)


def with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def title_of(*candidates: str) -> str:
    """The first that says something, on one line and not too long."""
    lines = (" ".join(UNPRINTABLE.sub(" ", text).split()) for text in candidates)
    return next((line[:LONGEST_TITLE] for line in lines if line), "Untitled")


def _read_text(stem: str, data: bytes) -> Reading:
    """The title is a heading that the text begins with, else the file's name."""
    for beginning, kind in OTHER_KINDS.items():
        if data.startswith(beginning):
            raise UnreadableError(f"is {kind}, whatever its name says.")
    text = checked(_decoded(data))
    heading = HEADING.match(text)
    return Reading(title_of(heading[1] if heading else "", stem), text)


def _decoded(data: bytes) -> str:
    encoding = next((name for bom, name in BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            "is not text in UTF-8, nor in UTF-16 with a byte order mark: save it in UTF-8."
        ) from error


def _read_pdf(stem: str, data: bytes) -> Reading:
    title, texts = pages_of(data, MOST_CHARACTERS)
    pages = [_storable(text) for text in texts]
    if not any(pages):
        raise UnreadableError("has no text: its pages are probably scanned. Recognise them first.")
    lengths = (len(page) + len(PAGE_BREAK) for page in pages[:-1])
    starts = tuple(accumulate(lengths, initial=0))
    return Reading(title_of(title, stem), checked(PAGE_BREAK.join(pages)), starts)


def _storable(text: str) -> str:
    """What fonts of a PDF say wrongly is dropped: NUL characters and lone surrogates."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return with_line_feeds(whole.replace("\0", "")).strip()
