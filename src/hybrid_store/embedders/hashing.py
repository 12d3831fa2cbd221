"""`HashingEmbedder`: vectors of spelling, for tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.embedders.base import BaseEmbedder

__all__ = ["HashingEmbedder"]

# Bounded, because what is cached of a word is as long as the word.
WORD = re.compile(r"\w{1,64}")
MARKS = re.compile(r"\S{1,64}")
NGRAM = 3
CACHED_WORDS = 1 << 16


class HashingEmbedder(BaseEmbedder):
    """Lexical: it compares words and their spelling, and knows no meaning. For tests only.

    Each word of the lowercased text, and each run of three characters of a word, is hashed to one
    of the dimensions and to a sign (Weinberger et al., "Feature Hashing for Large Scale Multitask
    Learning", 2009); the sum is brought to length 1. A text gives the same vector in every
    process, and never zero. Any MODEL and any DIMENSIONS will do; another MODEL hashes
    differently, so its vectors are no more comparable than those of real models.
    """

    lexical = True

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"MODEL": "hashing", "DIMENSIONS": 384, "BATCH_SIZE": 1024}

    def embed_batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        features = [self._hashes(text) for text in texts]
        hashes = np.concatenate(features)
        # The lowest bit is the sign, the others choose the dimension.
        signs = (hashes & 1) * 2.0 - 1
        places = (hashes >> 1) % self.dimensions
        sizes = [len(feature) for feature in features]
        rows = np.repeat(np.arange(len(texts)), sizes)
        sums = np.bincount(
            rows * self.dimensions + places,
            weights=signs,
            minlength=len(texts) * self.dimensions,
        ).reshape(len(texts), self.dimensions)
        # Where features of opposite signs have cancelled out, the first one alone stays.
        zero = ~sums.any(axis=1)
        sums[zero, places[np.cumsum(sizes) - sizes][zero]] = 1
        norms: NDArray[np.float64] = np.linalg.norm(sums, axis=1, keepdims=True)
        return sums / norms

    def _hashes(self, text: str) -> NDArray[np.int64]:
        lowered = text.lower()
        # Text of punctuation only has no words, but still something to compare.
        words = WORD.findall(lowered) or MARKS.findall(lowered)
        return np.concatenate([hashes_of(word, self.model) for word in words])


@lru_cache(maxsize=CACHED_WORDS)
def hashes_of(word: str, model: str) -> NDArray[np.int64]:
    """One hash for the word and one for each of its n-grams, the ends of the word included."""
    marked = f"<{word}>"
    ngrams = [marked[start : start + NGRAM] for start in range(len(marked) - NGRAM + 1)]
    digests = (
        blake2b(f"{model} {feature}".encode(), digest_size=8).digest()
        for feature in (marked, *ngrams)
    )
    # One bit less makes them positive as signed numbers, which NumPy adds without going to float.
    unsigned = np.frombuffer(b"".join(digests), dtype="<u8")
    return (unsigned >> np.uint64(1)).astype(np.int64)
