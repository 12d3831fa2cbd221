"""A server's own words, made fit to be shown."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

__all__ = ["keep_out_of_log", "redacted"]

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


def keep_out_of_log(logger: str, secrets: Iterable[str]) -> None:
    """Redact the secrets in what a provider's client logs by itself, in all of the process."""
    filters = logging.getLogger(logger).filters
    redacting = next((each for each in filters if isinstance(each, _Redacting)), None)
    if redacting is None:
        redacting = _Redacting()
        logging.getLogger(logger).addFilter(redacting)
    redacting.secrets.update(secrets)


class _Redacting(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        words = clean = record.getMessage()
        for secret in tuple(self.secrets):
            clean = _without(clean, secret)
        if clean != words:
            record.msg, record.args = clean, ()
        return True


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
