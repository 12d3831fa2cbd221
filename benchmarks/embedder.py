"""An embedder that costs nothing, so that only the engine around it is measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.vectors import FloatArray

__all__ = ["ConstantEmbedder"]


class ConstantEmbedder(BaseEmbedder):
    """Every text is the same vector."""

    def embed_batch(self, texts: Sequence[str]) -> FloatArray:
        return np.full((len(texts), self.dimensions), self.dimensions**-0.5, dtype=np.float32)
