"""`DjangoVectorStore`: a vector store of LlamaIndex over a queryset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from hybrid_store.contrib.llamaindex.filters import translated
from hybrid_store.contrib.llamaindex.nodes import node_of, record_of
from hybrid_store.contrib.retrieval.collection import Collection, Question, collection
from hybrid_store.exceptions import SearchError

__all__ = ["DjangoVectorStore"]

DEFAULT_ALPHA, DEFAULT_MMR_THRESHOLD = 0.5, 0.5


@dataclass(frozen=True)
class Mode:
    """What a query in a mode is answered by."""

    vector: bool = False
    text: bool = False
    diverse: bool = False


MODES = {
    VectorStoreQueryMode.DEFAULT: Mode(vector=True),
    VectorStoreQueryMode.SPARSE: Mode(text=True),
    VectorStoreQueryMode.TEXT_SEARCH: Mode(text=True),
    VectorStoreQueryMode.HYBRID: Mode(vector=True, text=True),
    VectorStoreQueryMode.SEMANTIC_HYBRID: Mode(vector=True, text=True),
    VectorStoreQueryMode.MMR: Mode(vector=True, diverse=True),
}


class DjangoVectorStore(BasePydanticVectorStore):
    """The rows of a queryset as nodes: no other row is found, changed or deleted.

    `names` are those of fields: `text`, `embedding`, `metadata`, `fields`, `key`, `source` (of the
    id of a node's document) and `payload`; those that a `Document` has are known. New rows get
    `defaults`. `embedded_by` is the alias of the embedder that the vectors of nodes come from,
    needed where they are written into an `EmbeddingField`.

    Raises `DocumentError` for what has no place in the model, `FilterError` for filters that ask
    for what is not there, other subclasses of `SearchError` for queries that cannot be answered.
    """

    stores_text: bool = True
    is_embedding_query: bool = True

    _collection: Collection = PrivateAttr()

    def __init__(
        self,
        queryset: QuerySet[Any],
        *,
        defaults: Mapping[str, Any] | None = None,
        embedded_by: str | None = None,
        **names: Any,
    ) -> None:
        super().__init__(stores_text=True)
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
        question = self._question(query)
        if _mode(query).diverse:
            shares = (query.mmr_threshold, mmr_threshold, DEFAULT_MMR_THRESHOLD)
            question = replace(question, lambda_=_first(*shares), choice=mmr_prefetch_k)
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

    def _question(self, query: VectorStoreQuery) -> Question:
        mode = _mode(query)
        for is_needed, name in ((mode.vector, "query_embedding"), (mode.text, "query_str")):
            if is_needed and getattr(query, name) is None:
                raise SearchError(f"A query in the mode {query.mode.value!r} needs its {name}.")
        count, choice = query.similarity_top_k, None
        if mode.text and not mode.vector:
            count = _first(query.sparse_top_k, count)
        elif mode.text:
            count = _first(query.hybrid_top_k, count)
            if query.sparse_top_k is not None:
                choice = max(query.similarity_top_k, query.sparse_top_k, 1)
        return Question(
            count,
            vector=query.query_embedding if mode.vector else None,
            text=query.query_str if mode.text else None,
            filter=translated(query.filters),
            alpha=_first(query.alpha, DEFAULT_ALPHA),
            choice=choice,
        )

    # Asynchronous: Django's connections belong to threads.

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        return await sync_to_async(self.add)(nodes, **kwargs)

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        await sync_to_async(self.delete)(ref_doc_id, **delete_kwargs)

    async def adelete_nodes(
        self,
        node_ids: list[str] | None = None,
        filters: MetadataFilters | None = None,
        **delete_kwargs: Any,
    ) -> None:
        await sync_to_async(self.delete_nodes)(node_ids, filters, **delete_kwargs)

    async def aclear(self) -> None:
        await sync_to_async(self.clear)()

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        return await sync_to_async(self.get_nodes)(node_ids, filters)

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        return await sync_to_async(self.query)(query, **kwargs)


def _mode(query: VectorStoreQuery) -> Mode:
    if query.mode not in MODES:
        known = ", ".join(mode.value for mode in MODES)
        raise SearchError(
            f"A DjangoVectorStore has no mode {getattr(query.mode, 'value', query.mode)!r}; "
            f"use one of: {known}."
        )
    return MODES[query.mode]


def _first(*values: Any) -> Any:
    """That is given."""
    return next(value for value in values if value is not None)
