"""Embedders that cost nothing, so that only the engine around them is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from zlib import crc32

import numpy as np

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.vectors import FloatArray

__all__ = ["ConstantEmbedder", "NearEmbedder"]


class ConstantEmbedder(BaseEmbedder):
    """Every text is the same vector."""

    def embed_batch(self, texts: Sequence[str]) -> FloatArray:
        return np.full((len(texts), self.dimensions), self.dimensions**-0.5, dtype=np.float32)


class NearEmbedder(BaseEmbedder):
    """Every text has one of some vectors, such as are near to documents."""

    vectors: ClassVar[FloatArray]

    def embed_batch(self, texts: Sequence[str]) -> FloatArray:
        return self.vectors[[crc32(text.encode()) % len(self.vectors) for text in texts]]
