"""The texts given to an embedder: which can be embedded at all."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_store.exceptions import TextRefusedError

__all__ = ["checked_texts"]


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
