"""Components that search a `DjangoDocumentStore`: by an embedding, by words, or by both."""

from __future__ import annotations

from typing import Any, ClassVar

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy, apply_filter_policy

from hybrid_store.contrib.haystack.store import DjangoDocumentStore

__all__ = ["DjangoEmbeddingRetriever", "DjangoHybridRetriever", "DjangoKeywordRetriever"]


class Retriever:
    """What all of them have: filters, how many documents are wanted, and a place in a file.

    Filters given to `run` replace these, or are joined with them, as `filter_policy` says.
    """

    saved: ClassVar[tuple[str, ...]] = ("document_store", "filters", "top_k", "return_embedding")

    def __init__(
        self,
        document_store: DjangoDocumentStore,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: FilterPolicy | str = FilterPolicy.REPLACE,
        return_embedding: bool = False,
    ) -> None:
        if not isinstance(document_store, DjangoDocumentStore):
            raise TypeError(f"{document_store!r:.60} is no DjangoDocumentStore.")
        self.document_store = document_store
        self.filters = filters
        self.top_k = _checked(top_k)
        self.filter_policy = (
            FilterPolicy.from_str(filter_policy)
            if isinstance(filter_policy, str)
            else filter_policy
        )
        self.return_embedding = return_embedding

    def to_dict(self) -> dict[str, Any]:
        saved = {name: getattr(self, name) for name in self.saved}
        return default_to_dict(self, **saved, filter_policy=self.filter_policy.value)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Any:
        return default_from_dict(cls, data)

    def _options(self, filters: dict[str, Any] | None, top_k: int | None) -> dict[str, Any]:
        """What `DjangoDocumentStore.retrieve` is asked with, besides the query."""
        return {
            "filters": apply_filter_policy(self.filter_policy, self.filters, filters),
            "top_k": self.top_k if top_k is None else _checked(top_k),
            "return_embedding": self.return_embedding,
        }


def _checked(top_k: int) -> int:
    if top_k < 1:
        raise ValueError(f"top_k has to be at least 1, not {top_k}.")
    return top_k


@component
class DjangoEmbeddingRetriever(Retriever):
    """The documents whose embeddings are nearest; the score is the similarity."""

    @component.output_types(documents=list[Document])
    def run(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        options = self._options(filters, top_k)
        return {"documents": self.document_store.retrieve(query_embedding, **options)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        options = self._options(filters, top_k)
        return {"documents": await self.document_store.retrieve_async(query_embedding, **options)}


@component
class DjangoKeywordRetriever(Retriever):
    """The documents that have the words; the score is BM25. Needs a `TextIndex`."""

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        options = self._options(filters, top_k)
        return {"documents": self.document_store.retrieve(None, query, **options)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        options = self._options(filters, top_k)
        return {"documents": await self.document_store.retrieve_async(None, query, **options)}


@component
class DjangoHybridRetriever(Retriever):
    """The best documents by words and by an embedding, fused; the score is that of the fusion.

    `alpha` is the share of the embedding, from 0 to 1. A query without an embedding is embedded
    by the field's own embedder.
    """

    saved: ClassVar[tuple[str, ...]] = (*Retriever.saved, "alpha")

    def __init__(
        self,
        document_store: DjangoDocumentStore,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: FilterPolicy | str = FilterPolicy.REPLACE,
        return_embedding: bool = False,
        alpha: float = 0.5,
    ) -> None:
        # Without super(): the decorator makes another class of this one.
        Retriever.__init__(self, document_store, filters, top_k, filter_policy, return_embedding)
        self.alpha = alpha

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        alpha: float | None = None,
    ) -> dict[str, list[Document]]:
        options = self._hybrid_options(query, query_embedding, alpha)
        options |= self._options(filters, top_k)
        return {"documents": self.document_store.retrieve(**options)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        query_embedding: list[float] | None = None,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        alpha: float | None = None,
    ) -> dict[str, list[Document]]:
        options = self._hybrid_options(query, query_embedding, alpha)
        options |= self._options(filters, top_k)
        return {"documents": await self.document_store.retrieve_async(**options)}

    def _hybrid_options(self, query: str, embedding: Any, alpha: float | None) -> dict[str, Any]:
        return {
            "query": query,
            "query_embedding": query if embedding is None else embedding,
            "alpha": self.alpha if alpha is None else alpha,
        }
