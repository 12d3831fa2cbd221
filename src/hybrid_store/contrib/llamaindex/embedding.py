"""`DjangoEmbedding`: an embedder of the settings, for LlamaIndex."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding

from hybrid_store.contrib.retrieval.threads import in_any_thread
from hybrid_store.embedders import embedders
from hybrid_store.embedders.base import BaseEmbedder

__all__ = ["DjangoEmbedding"]

MOST_TEXTS = 2048
"""Texts of a batch that LlamaIndex allows. The embedder divides them into its own requests."""


class DjangoEmbedding(BaseEmbedding):
    """The embedder with an alias in `HYBRID_STORE["EMBEDDERS"]`.

    Raises as `BaseEmbedder.embed` does; `InvalidEmbedderError` for an alias that is not configured.
    """

    alias: str = "default"

    def __init__(self, alias: str = "default", **options: Any) -> None:
        model = embedders[alias].model
        super().__init__(
            **{"model_name": model, "embed_batch_size": MOST_TEXTS, **options, "alias": alias}
        )

    @classmethod
    def class_name(cls) -> str:
        return "DjangoEmbedding"

    @property
    def _embedder(self) -> BaseEmbedder:
        return embedders[self.alias]

    def _get_query_embedding(self, query: str) -> Embedding:
        return [*map(float, self._embedder.embed_query(query))]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        vectors: list[Embedding] = self._embedder.embed(texts).tolist()
        return vectors

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await in_any_thread(self._get_query_embedding, query)

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return await in_any_thread(self._get_text_embedding, text)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await in_any_thread(self._get_text_embeddings, texts)
