"""MiniLM whose vectors are kept between runs: what is measured is not how fast it is."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hybrid_store.embedders import Answer
from hybrid_store.embedders.minilm import MiniLMEmbedder

__all__ = ["KeptMiniLMEmbedder"]

FOLDER = Path(tempfile.gettempdir()) / "hybrid_store_benchmarks"


class KeptMiniLMEmbedder(MiniLMEmbedder):
    """A vector is computed once for a text, and then read from a file that has its hash as name.

    That a text is cut off is not told: it is so in every run.
    """

    def embed_batch(self, texts: Sequence[str]) -> Answer:
        files = [self._file(text) for text in texts]
        unknown = [place for place, file in enumerate(files) if not file.exists()]
        if unknown:
            FOLDER.mkdir(exist_ok=True)
            computed = super().embed_batch([texts[place] for place in unknown]).vectors
            for place, vector in zip(unknown, computed, strict=True):
                np.save(files[place], vector)
        return Answer(np.stack([np.load(file) for file in files]), truncated=())

    def _file(self, text: str) -> Path:
        digest = hashlib.sha256(f"{self.space}\n{text}".encode()).hexdigest()
        return FOLDER / f"{digest}.npy"
