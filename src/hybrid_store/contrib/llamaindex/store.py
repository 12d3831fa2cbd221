"""`DjangoVectorStore`: a vector store of LlamaIndex over a queryset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from django.db.models import QuerySet
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from hybrid_store.contrib.llamaindex.filters import translated
from hybrid_store.contrib.llamaindex.nodes import node_of, record_of
from hybrid_store.contrib.llamaindex.questions import question_of
from hybrid_store.contrib.retrieval.collection import Collection, collection
from hybrid_store.contrib.retrieval.threads import in_database_thread
from hybrid_store.rerankers import as_reranker

__all__ = ["DjangoVectorStore"]


class DjangoVectorStore(BasePydanticVectorStore):
    """The rows of a queryset as nodes: no other row is found, changed or deleted.

    `names` are those of fields: `text`, `embedding`, `metadata`, `fields`, `key`, `source` (of the
    id of a node's document) and `payload`; those that a `Document` has are known. New rows get
    `defaults`. `embedded_by` is the alias of the embedder that the vectors of nodes come from,
    needed where they are written into an `EmbeddingField`. `reranker`, a `BaseReranker` or a
    function of a query and texts, orders the nodes that the mode "semantic_hybrid" finds.

    Raises `DocumentError` for what has no place in the model, `FilterError` for filters that ask
    for what is not there, other subclasses of `SearchError` for queries that cannot be answered.
    """

    stores_text: bool = True
    is_embedding_query: bool = True

    _collection: Collection = PrivateAttr()
    _reranker: Any = PrivateAttr()

    def __init__(
        self,
        queryset: QuerySet[Any],
        *,
        defaults: Mapping[str, Any] | None = None,
        embedded_by: str | None = None,
        reranker: Any = None,
        **names: Any,
    ) -> None:
        super().__init__(stores_text=True)
        self._reranker = None if reranker is None else as_reranker(reranker)
        # Without the rows that the caller may have fetched.
        rows = queryset.all()
        self._collection = collection(rows, defaults=defaults, embedded_by=embedded_by, **names)

    @classmethod
    def class_name(cls) -> str:
        return "DjangoVectorStore"

    @property
    def client(self) -> QuerySet[Any]:
        """The queryset."""
        return self._collection.queryset.all()

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "A DjangoVectorStore is not pickled, as its rows are not for everyone: make one from a "
            "queryset where it is needed."
        )

    # Write

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """The ids of the nodes, all written or none; those that are there are replaced.

        Nodes without a vector are stored, too: generation embeds them.
        """
        self._collection.write([record_of(node) for node in nodes])
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """All nodes of a document."""
        within = self._collection.within(sources=[ref_doc_id])
        within.delete(within.rows())

    def delete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        """Those with one of the ids for which the filters hold; none if neither is given."""
        given = translated(filters)
        if node_ids is not None or given is not None:
            within = self._collection.within(keys=node_ids)
            within.delete(within.rows(given))

    def clear(self) -> None:
        self._collection.delete(self._collection.rows())

    # Read

    def get_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """With their vectors, in the order of the ids, else by key; all if neither is given."""
        within = self._collection.within(keys=node_ids)
        rows = within.rows(translated(filters)).order_by(within.layout.key)
        found = {row.key: row for row in within.records(rows, with_embeddings=True)}
        keys = found if node_ids is None else dict.fromkeys(node_ids)
        return [node_of(found[key]) for key in keys if key in found]

    def query(
        self,
        query: VectorStoreQuery,
        *,
        mmr_threshold: float | None = None,
        mmr_prefetch_k: int | None = None,
        **kwargs: Any,
    ) -> VectorStoreQueryResult:
        """The best nodes, best first.

        No `doc_ids` find nothing if they are [], everything if they are None; no `node_ids` find
        everything, for that is how the retrievers of an index ask for it.

        `mmr_threshold` is the share of relevance, from 0 to 1, and `mmr_prefetch_k` the number of
        nodes to choose from; `vector_store_kwargs` of a retriever pass them on.
        """
        if kwargs:
            raise TypeError(f"A DjangoVectorStore knows no option {next(iter(kwargs))!r}.")
        question = question_of(query, mmr_threshold, mmr_prefetch_k, self._reranker)
        # A retriever of an index sends no node_ids as [], and no doc_ids as None.
        within = self._collection.within(keys=query.node_ids or None, sources=query.doc_ids)
        if query.embedding_field is not None:
            within = replace(within, layout=replace(within.layout, embedding=query.embedding_field))
        keys = query.output_fields
        with_embeddings = within.layout.embedding in (keys or ())
        hits = within.search(question, with_embeddings=with_embeddings)
        return VectorStoreQueryResult(
            nodes=[node_of(hit.record, keys=keys) for hit in hits],
            similarities=[hit.score for hit in hits],
            ids=[hit.record.key for hit in hits],
        )

    # Asynchronous: Django's connections belong to threads.

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        return await in_database_thread(self.add, nodes, **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        await in_database_thread(self.delete, ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        await in_database_thread(self.delete_nodes, node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        await in_database_thread(self.clear)

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        return await in_database_thread(self.get_nodes, node_ids, filters)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        return await in_database_thread(self.query, query, **kwargs)
