"""Texts in sentences and words."""

from __future__ import annotations

import re
from functools import cache

from django.utils.safestring import SafeString

from hybrid_store.texts.highlighting import Marker, words_in
from hybrid_store.texts.languages import LANGUAGES
from hybrid_store.texts.stop_words import stop_words
from hybrid_store.texts.words import bare, telling

__all__ = ["marked", "sentences", "shortened", "tells_something", "words"]

SHORTEST = 8
"""What has fewer characters is no sentence, but an abbreviation or the like: "Dr."."""
# A full stop with the quotation marks and brackets that it closes; those of scripts without spaces
# need none behind them. Or an empty line, or the next item of a list.
SENTENCE = re.compile(
    r".+?(?:"
    r"[.!?\u2026]+[\"'\u2019\u201d\u00bb)\]]*(?=\s|$)"
    r"|[\u3002\uff01\uff1f]+[\u300d\u300f\uff09\u201d]*"
    r"|\n\s*\n|\n(?=[-*#\u2022])|$)",
    re.DOTALL,
)
HEADING = "#"
MORE = "…"


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line, without the headings of Markdown."""
    found: list[str] = []
    for part in SENTENCE.findall(text):
        line = " ".join(part.split())
        if line.startswith(HEADING):
            continue
        if found and len(found[-1]) < SHORTEST:
            line = f"{found.pop()} {line}".strip()
        found += [line] if line else []
    return found


def words(text: str) -> set[str]:
    """The words of a text as an index without a stemmer knows them; in scripts without spaces, and
    in Korean, pairs of characters. Words that tell nothing do not count beside others."""
    found = {bare(word) for word in telling(text)}
    return found - _telling_nothing() or found


def tells_something(question: str) -> bool:
    """Is there a word in it that tells what it is about? "And when was that?" has none."""
    return not words(question) <= _telling_nothing()


def marked(text: str, asked: str) -> SafeString:
    """A text as HTML, the words of `asked` marked."""
    terms = {word: bare(word) for word in words_in(text)}
    return Marker(words(asked), terms).marked(text)


def shortened(text: str, length: int) -> str:
    """A text on one line, at most about so many characters of it, to the end of a word."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return f"{line[:length].rsplit(maxsplit=1)[0]}{MORE}"


@cache
def _telling_nothing() -> frozenset[str]:
    """Words such as "the" and "of", of all languages: which one a question is in is not known."""
    return frozenset(word for language in LANGUAGES for word in stop_words(language))
