"""`Extractive`: the best sentences of the passages, for want of a language model."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Sequence
from itertools import pairwise
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chat.answerers.base import BaseAnswerer, Question
from chat.texts import sentences, shortened, tells_something, words
from hybrid_store.embedders.base import BaseEmbedder, Kind
from hybrid_store.exceptions import HybridStoreError
from library.models import Passage

__all__ = ["Extractive"]

logger = logging.getLogger(__name__)

QUOTES = 3
"""Most quotes of an answer, each from another passage."""
LONGEST = 320
"""Characters of a quote."""
LEAST = 0.45
"""What a quote has to have of the question, by meaning and by words together, each up to 1..."""
BESIDE = 0.7
"""...and beside the best one, of what that has."""


class Quote(NamedTuple):
    relevance: float
    number: int
    text: str


class Extractive(BaseAnswerer):
    """Quotes what has most of the question in each passage, of the best of them.

    A sentence, with the one behind it, counts by how near it is to the question in meaning, by the
    embedder of the passages, and by the share of the question's words that it has, of which rare
    ones weigh more. So it works in languages that the embedder does not know, and without an
    embedder, by the words.
    """

    def answer(self, question: Question) -> Generator[str]:
        for place, quote in enumerate(best_quotes(question)):
            separator = "\n\n" if place else ""
            yield f"{separator}“{shortened(quote.text, LONGEST)}” [{quote.number}]"


def best_quotes(question: Question) -> list[Quote]:
    """One of each passage at most, best first."""
    found = [
        (number, text)
        for number, passage in enumerate(question.passages, 1)
        for text in windows(passage.text)
    ]
    texts = [text for _, text in found]
    # Where a question only makes sense with the one before it, both count.
    asked = question.text if tells_something(question.text) else question.sought
    scores = similarities(asked, texts) + shares(asked, texts)
    quotes = [Quote(score, *each) for score, each in zip(scores.tolist(), found, strict=True)]
    quotes.sort(key=lambda quote: (-quote.relevance, quote.number))
    least = max(LEAST, BESIDE * quotes[0].relevance) if quotes else LEAST
    chosen: dict[int, Quote] = {}
    for quote in quotes:
        # Passages overlap: a sentence may be in two of them.
        is_new = all(quote.text != other.text for other in chosen.values())
        if quote.relevance >= least and is_new:
            chosen.setdefault(quote.number, quote)
    return list(chosen.values())[:QUOTES]


def windows(text: str) -> list[str]:
    """Each sentence with the one behind it, as far as there is room: the subject of a statement
    often stands in the sentence before it."""
    found = [shortened(sentence, LONGEST) for sentence in sentences(text)]
    pairs = [" ".join(pair) for pair in pairwise(found)] or found
    return [
        pair if len(pair) <= LONGEST else alone for pair, alone in zip(pairs, found, strict=False)
    ]


def similarities(question: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """The cosine similarity of each text to the question, 0 where it is below; all 0 where the
    embedder does not deliver."""
    embedder: BaseEmbedder = Passage._meta.get_field("embedding").embedder
    try:
        vectors = embedder.embed(texts).astype(np.float64)
        near = embedder.embed([question], Kind.QUERY)[0].astype(np.float64)
    except HybridStoreError as error:
        logger.warning("Sentences could not be compared by meaning: %s", error)
        return np.zeros(len(texts))
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(near)
    found: NDArray[np.float64] = np.maximum(vectors @ near / lengths, 0.0)
    return found


def shares(question: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """The share of the question's words in each text, weighted by how rare they are among them."""
    asked = words(question)
    held = [words(text) & asked for text in texts]
    counts = Counter(word for each in held for word in each)
    weights = {word: log(1 + len(texts) / max(1, counts[word])) for word in asked}
    whole = sum(weights.values()) or 1.0
    return np.array([sum(weights[word] for word in each) / whole for each in held])
