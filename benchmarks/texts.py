"""Texts of some 84 words: real ones, or made ones that are like English to a search by words.

Made texts have the frequencies of Zipf's law with Mandelbrot's offset, topics that favour some
words, words that come again, and endings that stemmers take away.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TEXT_FIELDS", "VOCABULARY", "forms", "made_texts", "real_texts"]

SEED = 20_260_102
SHORTEST, LONGEST = 42, 126
"""Words of a text; every length between is as frequent."""

VOCABULARY = 37_000
# Zipf's law: the share of a word is in inverse proportion to its rank, and this more.
OFFSET = 0.2
TOPICS = 50
# How much the shares of a word differ between topics, as the deviation of their logarithms: those
# of the first words, which stand for "the" and "of", little.
FIRST, SPREAD_OF_FIRST, SPREAD = 50, 0.3, 2.0
# The share of words that the text has had before.
AGAIN = 0.15

ONSETS = [*"bcdfghjklmnprstvwz", "br", "ch", "dr", "fl", "gr", "kr", "pl", "pr", "sh", "st", "tr"]
VOWELS = [*"aeiou", "ai", "ea", "ee", "oa", "ou"]
# Stemmers leave words on two consonants as they are, but for a few ends that are not among these.
CODAS = ["ft", "mp", "nd", "nk", "sk"] + [first + second for first in "lr" for second in "dkmp"]
# How many words have so many syllables, as parts of all.
SYLLABLES = {1: 0.05, 2: 0.4, 3: 0.4, 4: 0.15}
ENDINGS = {"": 0.7, "s": 0.15, "ed": 0.08, "ing": 0.07}

TEXT_FIELDS = ("text", "extract", "abstract", "body")
SENTENCE = re.compile(r"(?<=[.!?])\s+")


def made_texts(rows: int) -> list[str]:
    """The same for the same number of rows."""
    generator = np.random.default_rng(SEED)
    words = forms()
    shares = _cumulative_shares(generator)
    topics = generator.integers(TOPICS, size=rows)
    texts = [""] * rows
    for topic in range(TOPICS):
        places = np.flatnonzero(topics == topic)
        numbers = np.searchsorted(shares[topic], generator.random((len(places), LONGEST)))
        endings = generator.choice(len(ENDINGS), p=[*ENDINGS.values()], size=numbers.shape)
        lengths = generator.integers(SHORTEST, LONGEST + 1, size=len(places))
        written = words[_with_words_again(numbers, generator), endings]
        for place, row, length in zip(places, written, lengths, strict=True):
            texts[place] = " ".join(row[:length])
    return texts


def forms() -> NDArray[Any]:
    """The words with each ending, the most frequent ones first: shape (VOCABULARY, endings)."""
    source = random.Random(SEED)  # noqa: S311
    roots: dict[str, None] = {}
    while len(roots) < VOCABULARY:
        [count] = source.choices([*SYLLABLES], [*SYLLABLES.values()])
        syllables = (source.choice(ONSETS) + source.choice(VOWELS) for _ in range(count))
        roots["".join(syllables) + source.choice(CODAS)] = None
    # Frequent words are short.
    ordered = sorted(roots, key=len)
    return np.array([[root + ending for ending in ENDINGS] for root in ordered], dtype=object)


def _cumulative_shares(generator: np.random.Generator) -> NDArray[np.float64]:
    """Of the words in the texts of each topic: shape (TOPICS, VOCABULARY)."""
    ranks = np.arange(1, VOCABULARY + 1)
    spread = np.where(ranks <= FIRST, SPREAD_OF_FIRST, SPREAD)
    favour = generator.lognormal(0.0, spread, size=(TOPICS, VOCABULARY))
    shares = favour / favour.mean(axis=0) / (ranks + OFFSET)
    cumulative: NDArray[np.float64] = shares.cumsum(axis=1)
    return cumulative / cumulative[:, -1:]


def _with_words_again(
    numbers: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Some words of each row in the place of later ones."""
    earlier = (generator.random(numbers.shape) * np.arange(LONGEST)).astype(np.int64)
    again = np.take_along_axis(numbers, earlier, axis=1)
    return np.where(generator.random(numbers.shape) < AGAIN, again, numbers)


def real_texts(folder: Path, rows: int) -> list[str]:
    """Texts of sentences, drawn at random from those of the files in a folder."""
    sentences = [sentence for text in _read(folder) for sentence in SENTENCE.split(text)]
    if not sentences:
        raise SystemExit(
            f"There are no texts in {folder}: name a folder of .json or .jsonl files whose objects "
            f"have a text in one of {', '.join(TEXT_FIELDS)}."
        )
    source = random.Random(SEED)  # noqa: S311
    return [_recombined(sentences, source) for _ in range(rows)]


def _recombined(sentences: list[str], source: random.Random) -> str:
    words: list[str] = []
    length = source.randint(SHORTEST, LONGEST)
    while len(words) < length:
        words += source.choice(sentences).split()
    return " ".join(words[:length])


def _read(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.json*")):
        for found in _objects(file):
            text = next((found[name] for name in TEXT_FIELDS if found.get(name)), None)
            if isinstance(text, str):
                yield text


def _objects(file: Path) -> Iterable[dict[str, Any]]:
    """Those of a JSON array, or of lines that are each an object."""
    content = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        found: list[dict[str, Any]] = json.loads(content)
        return found
    return (json.loads(line) for line in content.splitlines() if line.strip())
