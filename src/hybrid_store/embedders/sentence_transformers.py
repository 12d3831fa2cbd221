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

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that the model reads, its own left out; None: it has no limit."""
        length: int | None = self._model.max_seq_length
        return None if length is None else length - self._special_tokens

    @property
    def _special_tokens(self) -> int:
        added: int = self._model.tokenizer.num_special_tokens_to_add()
        return added

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, those that the model adds left out."""
        with self._lock:
            read = self._model.tokenizer(
                list(texts),
                add_special_tokens=False,
                truncation=False,
                padding=False,
                # The library would warn of every text that is longer than the model reads.
                verbose=False,
            )
        return [len(ids) for ids in read["input_ids"]]


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
    truncates = True

    @property
    def max_tokens(self) -> int | None:
        return self._model().max_tokens

    def embed_batch(self, texts: Sequence[str]) -> Any:
        return self._model().encode(texts, self.options.get("normalize", True))

    def count_batch(self, texts: Sequence[str]) -> list[int]:
        return self._model().counts(texts)

    def _model(self) -> LockedModel:
        source, device = str(self.options.get("path", self.model)), self.options.get("device")
        return models.get((source, device), lambda: self._load(source, device))

    def _load(self, source: str, device: str | None) -> LockedModel:
        self.require_extra()
        return LockedModel(source, device)
