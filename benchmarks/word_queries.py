"""Queries of rare words and of common ones, which stand together in a text as those of users do."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["KINDS", "QUERIES", "Stem", "word_queries"]

SEED = 20_260_103
QUERIES = 20
"""Of each kind."""
# In what share of the texts a word is: from, and below.
BANDS = {"rare": (0.0, 0.01), "medium": (0.01, 0.1), "common": (0.2, 0.9)}
OF_BANDS = {**{name: (name, name, name) for name in BANDS}, "mixed": tuple(BANDS)}
SENTENCE = 12
KINDS = (*OF_BANDS, "sentence")
ATTEMPTS = 10_000

WORD = re.compile("[a-z]+")

Stem = Callable[[Collection[str]], Mapping[str, str]]
"""Gives words with what an index keeps them as."""


def word_queries(texts: Sequence[str], stem: Stem) -> dict[str, list[str]]:
    """Kind -> queries of two words and of three, mixed ones of three, sentences of twelve."""
    stems = stem({word for text in texts for word in _words(text)})
    having = Counter(kept for text in texts for kept in {stems[word] for word in _words(text)})
    shares = {kept: count / len(texts) for kept, count in having.items()}
    draw = _Draw(texts, stems, shares, random.Random(SEED))  # noqa: S311
    found = {
        kind: [draw.query(bands[: 3 if kind == "mixed" else 2 + n % 2]) for n in range(QUERIES)]
        for kind, bands in OF_BANDS.items()
    }
    return {**found, "sentence": [draw.sentence() for _ in range(QUERIES)]}


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


@dataclass(frozen=True)
class _Draw:
    texts: Sequence[str]
    stems: Mapping[str, str]
    shares: Mapping[str, float]
    random: random.Random

    def query(self, bands: Sequence[str]) -> str:
        """Words of one text, each of a band."""
        for _ in range(ATTEMPTS):
            words = self._of(self.random.choice(self.texts), bands)
            if len(words) == len(bands):
                return " ".join(words)
        raise SystemExit(f"The texts have no words that are {', '.join(bands)}: take more of them.")

    def sentence(self) -> str:
        words: list[str] = []
        while len(words) < SENTENCE:
            words = _words(self.random.choice(self.texts))
        first = self.random.randrange(len(words) - SENTENCE + 1)
        return " ".join(words[first : first + SENTENCE])

    def _of(self, text: str, bands: Sequence[str]) -> list[str]:
        by_stem = {self.stems[word]: word for word in _words(text)}
        found: list[str] = []
        for band in bands:
            low, high = BANDS[band]
            fitting = [stem for stem in by_stem if low <= self.shares[stem] < high]
            if fitting:
                found.append(by_stem.pop(self.random.choice(fitting)))
        return found
