"""The text of PDFs, by pypdf, within limits: a file may be made to do harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO

from pypdf import Configuration, PdfReader, apply_configuration
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

from library.faults import UnreadableError

__all__ = ["pages_of"]

MOST_PAGES = 1000
MOST_SECONDS = 20.0
# Of one stream, when it is unpacked.
MOST_BYTES = 16_000_000

# Narrower than pypdf's own: books have less.
LIMITS = Configuration(
    maximum_declared_stream_length=MOST_BYTES,
    array_based_stream_maximum_output_length=MOST_BYTES,
    lzw_maximum_output_length=MOST_BYTES,
    run_length_maximum_output_length=MOST_BYTES,
    zlib_maximum_output_length=MOST_BYTES,
    stream_decoding_work_maximum_length=3 * MOST_BYTES,
    stream_parsing_work_maximum_count=500_000,
    page_tree_maximum_entries=10 * MOST_PAGES,
    xform_maximum_invocations_per_extraction=500,
    # No program of this machine is called.
    jbig2dec_binary=None,
)

# The first that fits says what the fault is.
FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (FileNotDecryptedError, "is encrypted: save it without a password."),
    (DependencyError, "is encrypted or packed in a way that cannot be read here."),
    (LimitReachedError, "asks for more memory or work than a file may."),
    (MemoryError, "asks for more memory or work than a file may."),
    (Exception, "is broken: it cannot be read as a PDF."),
)


def pages_of(data: bytes, most_characters: int) -> tuple[str, list[str]]:
    """The title in a PDF's metadata, or "", and the text of each page.

    Ends after the page with which there are more than `most_characters`. Raises `UnreadableError`.
    """
    try:
        with apply_configuration(LIMITS):
            reader = PdfReader(BytesIO(data))
            return _title(reader), list(_texts(reader, most_characters))
    except UnreadableError:
        raise
    # pypdf raises whatever a broken file leads it to.
    except Exception as error:
        fault = next(said for kind, said in FAULTS if isinstance(error, kind))
        raise UnreadableError(fault) from error


def _title(reader: PdfReader) -> str:
    metadata = reader.metadata
    title = metadata.title if metadata else None
    return title if isinstance(title, str) else ""


def _texts(reader: PdfReader, most_characters: int) -> Iterator[str]:
    count, deadline = len(reader.pages), time.monotonic() + MOST_SECONDS
    if count > MOST_PAGES:
        raise UnreadableError(f"has {count:,} pages, at most {MOST_PAGES:,} are read: divide it.")
    for page in reader.pages:
        if time.monotonic() > deadline:
            raise UnreadableError("takes too long to read: divide it.")
        text = page.extract_text()
        yield text
        most_characters -= len(text)
        if most_characters < 0:
            return
