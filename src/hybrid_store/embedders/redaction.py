"""A server's own words, made fit to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["redacted"]

QUOTED = 200
"""Characters of a server's words that are quoted at most."""
READ = 1000
"""Characters of them that are looked at; the rest is not quoted anyway."""
SHORT = 5
"""What is shorter than this is found in any words: no secret, and no text that matters."""
COMMON = 24
"""So many characters in a row that are in a text as well are quoted from it."""
GAP = "..."


def redacted(words: str, secrets: Iterable[str], texts: Sequence[str]) -> str:
    """The beginning of `words`, without any of the secrets and without what they repeat of the
    texts, be it whole or in part."""
    for secret in secrets:
        words = _without(words, secret)
    words = words[:READ]
    for text in texts:
        words = _without(words, text)
    words = _without_parts(words, texts)
    return words if len(words) <= QUOTED else f"{words[:QUOTED]}{GAP}"


def _without(words: str, part: str) -> str:
    return words.replace(part, GAP) if len(part) >= SHORT else words


def _without_parts(words: str, texts: Sequence[str]) -> str:
    kept: list[str] = []
    end = 0
    for start in range(len(words)):
        part = words[start : start + COMMON]
        if len(part) == COMMON and any(part in text for text in texts):
            kept += [] if start < end else [GAP]
            end = start + COMMON
        elif start >= end:
            kept.append(words[start])
    return "".join(kept)
