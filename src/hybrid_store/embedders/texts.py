"""The texts given to an embedder: which can be embedded at all, and how long they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hybrid_store.exceptions import TextRefusedError

__all__ = ["byte_length", "checked_texts", "encodable", "estimated_tokens"]

ASCII_BYTES = 4
"""Bytes of a token in ASCII text: OpenAI's rule of thumb for English ("What are tokens and how to
count them?")."""
OTHER_BYTES = 2
"""Bytes of a token in other text, where a character is two to four bytes and a token one or two
characters: chosen so that counts come out too high rather than too low."""


def checked_texts(texts: Sequence[str]) -> list[str]:
    """`texts` as a list.

    Raises `TypeError` where one is no str, and `TextRefusedError` naming the position of a text
    that is blank or that no encoding can express.
    """
    if isinstance(texts, str | bytes):
        raise TypeError("expected a list of texts, got a single one: put it into a list")
    texts = list(texts)
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{position}] is a {type(text).__name__}, not a str")
        fault = _fault_of(text)
        if fault:
            raise TextRefusedError(f"texts[{position}] {fault}")
    return texts


def _fault_of(text: str) -> str | None:
    if not text or text.isspace():
        return "is blank, and blank text has no meaning to embed"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"has a lone surrogate at character {error.start}, which UTF-8 cannot express"
    return None


def encodable(text: str) -> str:
    """`text` with a question mark for each lone surrogate: for counting, never for embedding."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def byte_length(text: str) -> int:
    """Bytes of `text` in UTF-8. A token is at least one of them, so it has no more tokens."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def estimated_tokens(text: str) -> int:
    """About as many tokens as a model of today makes of `text`, at least 1.

    The vocabularies of providers are not at hand, so bytes of UTF-8 are counted: `ASCII_BYTES` a
    token of ASCII, `OTHER_BYTES` a token of anything else.
    """
    ascii_bytes = len(text) if text.isascii() else len(text.encode("ascii", errors="ignore"))
    other_bytes = byte_length(text) - ascii_bytes
    return max(1, math.ceil(ascii_bytes / ASCII_BYTES + other_bytes / OTHER_BYTES))
