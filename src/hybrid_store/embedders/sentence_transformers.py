"""`SentenceTransformerEmbedder`: any sentence-transformers model, with torch."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from threading import Lock
from typing import Any

from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.embedders.shared import Shared
from hybrid_store.vectors import FloatArray

__all__ = ["SentenceTransformerEmbedder"]


class LockedModel:
    """A model that one thread at a time uses: its tokenizer raises "Already borrowed" otherwise."""

    def __init__(self, source: str, device: str | None) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(source, device=device)
        self._lock = Lock()

    def encode(self, texts: Sequence[str], normalize: bool) -> FloatArray:
        with self._lock:
            vectors: FloatArray = self._model.encode(
                list(texts),
                # An empty prompt keeps the library from adding one that the settings do not know.
                prompt="",
                batch_size=len(texts),
                normalize_embeddings=normalize,
                show_progress_bar=False,
            )
        return vectors


models: Shared[LockedModel] = Shared()
"""Loaded models by where they are from and the device that they are on."""


class SentenceTransformerEmbedder(BaseEmbedder):
    """A model of the sentence-transformers library, on a CPU or GPU.

    MODEL is a name that the library knows, which it may download at first use. Prompts that come
    with a model are not applied: DOCUMENT_PREFIX and QUERY_PREFIX are.

    OPTIONS: `path`, a local folder to load instead; `device`, such as "cpu" or "cuda" (default:
    the library's choice); `normalize`, bring vectors to length 1 (default: True).
    """

    option_types = {"path": (str, PathLike), "device": str, "normalize": bool}
    requires = ("sentence_transformers",)
    extra = "sentence-transformers"

    def embed_batch(self, texts: Sequence[str]) -> Any:
        source, device = str(self.options.get("path", self.model)), self.options.get("device")
        model = models.get((source, device), lambda: self._load(source, device))
        return model.encode(texts, self.options.get("normalize", True))

    def _load(self, source: str, device: str | None) -> LockedModel:
        self.require_extra()
        return LockedModel(source, device)
