"""`DjangoEmbeddings`: an embedder of the settings, for whatever in LangChain takes embeddings."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from hybrid_store.contrib.retrieval.threads import in_any_thread
from hybrid_store.embedders import embedders

__all__ = ["DjangoEmbeddings"]


class DjangoEmbeddings(Embeddings):
    """The embedder that `HYBRID_STORE["EMBEDDERS"]` has under `alias`.

    Raises `InvalidEmbedderError` for an alias that is not configured, and subclasses of
    `EmbedderError` where the embedder does not deliver, such as for a blank text.
    """

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        _ = embedders[alias]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = embedders[self.alias].embed(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        vector: list[float] = embedders[self.alias].embed_query(text).tolist()
        return vector

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await in_any_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await in_any_thread(self.embed_query, text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.alias!r})"
