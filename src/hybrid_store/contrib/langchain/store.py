"""`DjangoVectorStore`: the documents in a queryset as a vector store of LangChain."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from hybrid_store.contrib.langchain.embeddings import DjangoEmbeddings
from hybrid_store.contrib.langchain.filters import filter_of
from hybrid_store.contrib.langchain.questions import question
from hybrid_store.contrib.retrieval.collection import Collection, Hit, collection
from hybrid_store.contrib.retrieval.layout import Record
from hybrid_store.contrib.retrieval.modes import Mode, mode_of
from hybrid_store.contrib.retrieval.threads import in_database_thread
from hybrid_store.exceptions import DocumentError, SearchError
from hybrid_store.models.embedding import EmbeddingField

__all__ = ["DjangoVectorStore"]


class DjangoVectorStore(VectorStore):
    """Nothing in it leaves its queryset: other rows are neither found nor changed.

    `embedding` embeds documents and queries; without one the embedder of the vector field does.
    `field` is the vector field; `text`, `metadata`, `fields` and `key` are names of fields, and
    `defaults` and `embedded_by` are for rows that are written, all as for
    `hybrid_store.contrib.retrieval.collection.collection`.

    Searches take, besides `k`, a `filter`; a `mode`, which is "vector", "text" or "hybrid"; and
    `alpha`, the share of the vector in a hybrid search, from 0 to 1. Of scores the greater is the
    better: by vector the similarity, by text BM25, hybrid that of the fusion.

    Methods raise `FilterError` for filters, other subclasses of `SearchError` for searches, and
    `DocumentError` for documents that make no sense. Asynchronous ones use the connection of
    Django's own thread: a transaction of the caller's thread does not hold for them.
    """

    def __init__(
        self,
        queryset: QuerySet[Any],
        embedding: Embeddings | None = None,
        *,
        field: str | None = None,
        text: str | None = None,
        metadata: str | None = None,
        fields: Iterable[str] | Mapping[str, str] = (),
        key: str = "pk",
        defaults: Mapping[str, Any] | None = None,
        embedded_by: str | None = None,
    ) -> None:
        made = collection(
            queryset,
            defaults=defaults,
            embedding=field,
            text=text,
            metadata=metadata,
            fields=fields,
            key=key,
        )
        # Documents of LangChain have neither, so these columns keep what they hold.
        made = replace(made, layout=replace(made.layout, source=None, payload=None))
        self._own = _own_embeddings(made)
        self._embeddings = embedding or self._own
        self._collection = replace(made, embedded_by=embedded_by or self._origin(made))

    @property
    def embeddings(self) -> Embeddings | None:
        return self._embeddings

    # Write

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """The ids of the documents, which are written all or none of them.

        A document with an id that is there replaces that one. `kwargs` are not used: `index()`
        gives a `batch_size`.
        """
        records = _records(texts, metadatas, ids)
        filled = self._embedded(records)
        if self._embeddings and filled:
            vectors = self._embeddings.embed_documents([record.text for record in filled])
            _give(vectors, filled)
        self._collection.write(records)
        return [record.key for record in records]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        records = _records(texts, metadatas, ids)
        filled = self._embedded(records)
        if self._embeddings and filled:
            vectors = await self._embeddings.aembed_documents([record.text for record in filled])
            _give(vectors, filled)
        await in_database_thread(self._collection.write, records)
        return [record.key for record in records]

    def delete(
        self,
        ids: list[str] | None = None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> bool:
        """Delete the documents with these ids, for which the filter holds; without either all."""
        rows = self._collection.rows(filter_of(filter))
        if ids is not None:
            rows = rows.filter(pk__in=self._collection.rows_by_key(ids).values("pk"))
        self._collection.delete(rows)
        return True

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        return bool(await in_database_thread(self.delete, ids, **kwargs))

    # Read

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Those that are there, in the order of the ids."""
        found = self._collection.by_key(ids)
        return [_document(found[key]) for key in dict.fromkeys(ids) if key in found]

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        found: list[Document] = await in_database_thread(self.get_by_ids, ids)
        return found

    # Search by a text

    def similarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        return _documents(self._search(query, k, options))

    def similarity_search_with_score(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        return _scored(self._search(query, k, options))

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **options: Any
    ) -> list[Document]:
        """Documents that are unlike each other, of the `fetch_k` best ones."""
        diverse = {**options, "fetch_k": fetch_k, "lambda_mult": lambda_mult}
        return _documents(self._search(query, k, diverse))

    async def asimilarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        return _documents(await self._asearch(query, k, options))

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        return _scored(await self._asearch(query, k, options))

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **options: Any
    ) -> list[Document]:
        diverse = {**options, "fetch_k": fetch_k, "lambda_mult": lambda_mult}
        return _documents(await self._asearch(query, k, diverse))

    # Search by a vector

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **options: Any
    ) -> list[Document]:
        return _documents(self._found(None, embedding, k, options))

    def similarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        return _scored(self._found(None, embedding, k, options))

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **options: Any,
    ) -> list[Document]:
        diverse = {**options, "fetch_k": fetch_k, "lambda_mult": lambda_mult}
        return _documents(self._found(None, embedding, k, diverse))

    async def asimilarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **options: Any
    ) -> list[Document]:
        return _documents(await in_database_thread(self._found, None, embedding, k, options))

    async def asimilarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        return _scored(await in_database_thread(self._found, None, embedding, k, options))

    async def amax_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **options: Any,
    ) -> list[Document]:
        diverse = {**options, "fetch_k": fetch_k, "lambda_mult": lambda_mult}
        return _documents(await in_database_thread(self._found, None, embedding, k, diverse))

    # Relevance

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return mode_of("vector").relevance

    def _similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        return _relevant(self._search(query, k, options), options)

    async def _asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        return _relevant(await self._asearch(query, k, options), options)

    # Make

    @classmethod
    def from_texts(  # type: ignore[override]
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        queryset: QuerySet[Any],
        ids: list[str] | None = None,
        **options: Any,
    ) -> DjangoVectorStore:
        """A store of a queryset with these texts added; `options` are those of the class."""
        store = cls(queryset, embedding, **options)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(  # type: ignore[override]
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        queryset: QuerySet[Any],
        ids: list[str] | None = None,
        **options: Any,
    ) -> DjangoVectorStore:
        store = cls(queryset, embedding, **options)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    # How it is done

    @property
    def _has_own_embedder(self) -> bool:
        """Does the embedder of the vector field embed?"""
        own, chosen = self._own, self._embeddings
        is_ours = own is not None and isinstance(chosen, DjangoEmbeddings)
        return is_ours and chosen.alias == own.alias  # type: ignore[union-attr]

    def _origin(self, made: Collection) -> str | None:
        """Whose vectors are written, where that is known without being told."""
        if self._own is None or not self._has_own_embedder or not _is_of_text(made):
            return None
        return self._own.alias

    def _embedded(self, records: Sequence[Record]) -> list[Record]:
        """Those that get a vector when they are written. Where the text is not all that the field
        is the embedding of, generation has to give it."""
        if self._has_own_embedder and not _is_of_text(self._collection):
            return []
        return [record for record in records if record.text.strip()]

    def _search(self, query: str, k: int, options: Mapping[str, Any]) -> list[Hit]:
        asked = self._asked(options)
        vector: Any = asked.embed_query(query) if asked else query
        return self._found(query, vector, k, options)

    async def _asearch(self, query: str, k: int, options: Mapping[str, Any]) -> list[Hit]:
        asked = self._asked(options)
        vector: Any = await asked.aembed_query(query) if asked else query
        found: list[Hit] = await in_database_thread(self._found, query, vector, k, options)
        return found

    def _asked(self, options: Mapping[str, Any]) -> Embeddings | None:
        """What has to embed a query; the embedder of the vector field does when rows are fetched.

        Raises `SearchError` where there is none.
        """
        if self._has_own_embedder or not _mode(options).by_vector:
            return None
        if self._embeddings is None:
            label = self._collection.queryset.model._meta.label
            raise SearchError(
                f'{label} has no embedder: give the store an embedding=, or search by mode="text".'
            )
        return self._embeddings

    def _found(
        self, query: str | None, vector: Any, k: int, options: Mapping[str, Any]
    ) -> list[Hit]:
        return self._collection.search(question(query, vector, k, **options))


def _own_embeddings(made: Collection) -> DjangoEmbeddings | None:
    """Of the vector field, if it has an embedder."""
    vector = made.layout.vector if made.layout.embedding else None
    return DjangoEmbeddings(vector.embedder_alias) if isinstance(vector, EmbeddingField) else None


def _is_of_text(made: Collection) -> bool:
    """Is the vector that of the text of a document, and of nothing else?"""
    vector = made.layout.vector
    return isinstance(vector, EmbeddingField) and vector.source_names == [made.layout.text]


def _mode(options: Mapping[str, Any]) -> Mode:
    return mode_of(options.get("mode", "vector"))


def _records(
    texts: Iterable[str],
    metadatas: Sequence[dict[str, Any]] | None,
    ids: Sequence[str | None] | None,
) -> list[Record]:
    """Raises `DocumentError` unless there is one of each for every text."""
    given = [*texts]
    for name, values in (("metadatas", metadatas), ("ids", ids)):
        if values is not None and len(values) != len(given):
            raise DocumentError(f"There are {len(given)} texts, but {len(values)} {name}.")
    return [
        Record(key or str(uuid.uuid4()), text, dict(metadata or {}))
        for text, metadata, key in zip(
            given, metadatas or [{}] * len(given), ids or [None] * len(given), strict=True
        )
    ]


def _give(vectors: Sequence[Any], records: Sequence[Record]) -> None:
    if len(vectors) != len(records):
        raise DocumentError(f"{len(records)} texts were embedded by {len(vectors)} vectors.")
    for record, vector in zip(records, vectors, strict=True):
        record.embedding = vector


def _document(record: Record) -> Document:
    return Document(id=record.key, page_content=record.text, metadata=record.metadata)


def _documents(hits: Iterable[Hit]) -> list[Document]:
    return [_document(hit.record) for hit in hits]


def _scored(hits: Iterable[Hit]) -> list[tuple[Document, float]]:
    return [(_document(hit.record), hit.score) for hit in hits]


def _relevant(hits: Iterable[Hit], options: Mapping[str, Any]) -> list[tuple[Document, float]]:
    relevance = _mode(options).relevance
    return [(_document(hit.record), relevance(hit.score)) for hit in hits]
