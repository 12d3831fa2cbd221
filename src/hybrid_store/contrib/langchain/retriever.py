"""`DjangoRetriever`: a store as a retriever that finds by words and by meaning."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from hybrid_store.contrib.langchain.store import DjangoVectorStore

__all__ = ["DjangoRetriever"]


class DjangoRetriever(BaseRetriever):
    """Finds `k` documents in `store`; `filter`, `mode` and `alpha` are those of its searches.

    The model needs a `TextIndex`, unless `mode` is "vector". `invoke` takes the same options.
    """

    store: DjangoVectorStore
    k: int = 4
    filter: dict[str, Any] | None = None
    mode: str = "hybrid"
    alpha: float = 0.5

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return self.store.similarity_search(query, **{**self._options, **options})

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return await self.store.asimilarity_search(query, **{**self._options, **options})

    @property
    def _options(self) -> dict[str, Any]:
        return {"k": self.k, "filter": self.filter, "mode": self.mode, "alpha": self.alpha}
