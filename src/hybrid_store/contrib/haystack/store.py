"""`DjangoDocumentStore`: the documents in a queryset, for Haystack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Manager, QuerySet
from haystack import Document, default_from_dict, default_to_dict
from haystack.core.errors import SerializationError
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from hybrid_store.contrib.haystack.documents import checked_documents, document_of, record_of
from hybrid_store.contrib.haystack.errors import translated_errors
from hybrid_store.contrib.haystack.filters import DocumentLayout, metadata_path, translated
from hybrid_store.contrib.haystack.metadata import ends, found_at, types, unique
from hybrid_store.contrib.haystack.rows import check_allowed, rows_by_name, serialized
from hybrid_store.contrib.retrieval.collection import Collection, Question, collection
from hybrid_store.contrib.retrieval.threads import twin
from hybrid_store.contrib.retrieval.writing import Conflict
from hybrid_store.exceptions import FilterError

__all__ = ["DjangoDocumentStore"]

CONFLICTS = {
    DuplicatePolicy.NONE: Conflict.FAIL,
    DuplicatePolicy.FAIL: Conflict.FAIL,
    DuplicatePolicy.SKIP: Conflict.SKIP,
    DuplicatePolicy.OVERWRITE: Conflict.REPLACE,
}


class DjangoDocumentStore:
    """The rows of a queryset as documents: none outside of it is read, changed or deleted.

    `queryset` is a queryset, a manager, or the dotted path of a function without arguments that
    gives one, which is called for every operation. Which field is what is said by name, else it
    is found: `text` (default: the field `text`, or the only source of the embedding), `embedding`
    (the only vector field), `metadata`, `payload` (JSON fields of these names), `source`, and
    `key`, which is the document's id. `fields` are further fields that are metadata.

    New rows get `defaults`. `embedded_by` is the alias of the embedder that makes the embeddings
    of documents, where an `EmbeddingField` keeps them.

    Each method has a twin that is awaited, whose name ends in `_async`; it leaves a transaction
    that the caller has begun. Filters raise Haystack's `FilterError`.
    """

    def __init__(
        self,
        queryset: QuerySet[Any] | Manager[Any] | str,
        *,
        text: str | None = None,
        embedding: str | None = None,
        metadata: str | None = None,
        fields: Iterable[str] | Mapping[str, str] = (),
        key: str = "pk",
        source: str | None = None,
        payload: str | None = None,
        defaults: Mapping[str, Any] | None = None,
        embedded_by: str | None = None,
    ) -> None:
        self.queryset = queryset if isinstance(queryset, str) else queryset.all()
        self.options: dict[str, Any] = {
            "text": text,
            "embedding": embedding,
            "metadata": metadata,
            "fields": dict(fields) if isinstance(fields, Mapping) else [*fields],
            "key": key,
            "source": source,
            "payload": payload,
            "defaults": dict(defaults or {}),
            "embedded_by": embedded_by,
        }
        if isinstance(self.queryset, str):
            self._rows = rows_by_name(self.queryset)
        else:
            self._rows = self.queryset.all
            _ = self.collection

    @property
    def collection(self) -> Collection:
        """Raises `DocumentError` for fields that the model does not have."""
        found = collection(self._rows(), **self.options)
        return replace(found, layout=DocumentLayout(**vars(found.layout)))

    # Serialize

    def to_dict(self) -> dict[str, Any]:
        """Raises `SerializationError` for a queryset that has no name, see `DjangoDocumentStore`,
        and for defaults that are no plain values."""
        try:
            json.dumps(self.options["defaults"])
        except TypeError as error:
            raise SerializationError(
                f"The defaults cannot be written to a file: {error}."
            ) from None
        queryset = self.queryset
        name = queryset if isinstance(queryset, str) else serialized(queryset)
        return default_to_dict(self, queryset=name, **self.options)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DjangoDocumentStore:
        """Raises `DeserializationError` for what Haystack was not told to trust."""
        check_allowed(data["init_parameters"]["queryset"])
        return default_from_dict(cls, data)

    # Read

    @translated_errors()
    def count_documents(self) -> int:
        return self.collection.rows().count()

    @translated_errors()
    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        return self.collection.rows(translated(filters)).count()

    @translated_errors()
    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        found = self.collection
        rows = found.rows(translated(filters))
        return [document_of(record) for record in found.records(rows, with_embeddings=True)]

    # Write

    @translated_errors()
    def write_documents(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """How many were written, all or none. Without a policy, an id that is there is an error."""
        given = checked_documents(documents)
        conflict = CONFLICTS[policy]
        found = self.collection
        chosen = _once(given, conflict)
        keys = found.write([record_of(one, found.layout) for one in chosen], conflict)
        return len(given) if conflict is Conflict.REPLACE else len(keys)

    @translated_errors()
    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """How many documents got metadata besides what they have."""
        found = self.collection
        return found.merge(found.rows(translated(_some(filters))), meta)

    @translated_errors()
    def delete_documents(self, document_ids: list[str]) -> None:
        found = self.collection
        found.delete(found.rows_by_key(document_ids))

    @translated_errors()
    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        found = self.collection
        return found.delete(found.rows(translated(_some(filters))))

    @translated_errors()
    def delete_all_documents(self) -> None:
        found = self.collection
        found.delete(found.rows())

    # Metadata

    @translated_errors()
    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        return {key: {"type": kind} for key, kind in types(self._metadata()).items()}

    @translated_errors()
    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        least, greatest = ends(found_at(self._metadata(), metadata_path(metadata_field)))
        return {"min": least, "max": greatest}

    @translated_errors()
    def count_unique_metadata_by_filter(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        paths = {".".join(path): path for path in map(metadata_path, metadata_fields)}
        metadata = [*self._metadata(filters)]
        return {name: len(unique(found_at(metadata, path))) for name, path in paths.items()}

    @translated_errors()
    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Some of the values that have the term in their text, in any case; and how many do."""
        values = unique(found_at(self._metadata(filters), metadata_path(metadata_field)))
        term = (search_term or "").lower()
        found = [value for value in values if term in str(value).lower()]
        return found[from_ : from_ + size], len(found)

    def _metadata(self, filters: dict[str, Any] | None = None) -> Iterable[dict[str, Any]]:
        found = self.collection
        return found.metadata(found.rows(translated(filters)))

    # Search

    @translated_errors()
    def retrieve(
        self,
        query_embedding: Any = None,
        query: str | None = None,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        alpha: float = 0.5,
        return_embedding: bool = False,
    ) -> list[Document]:
        """The best documents with their scores: by an embedding, by words, or by both.

        Where the embedding of both is a text, it is embedded by the field's own embedder.
        """
        question = Question(
            top_k, vector=query_embedding, text=query, filter=translated(filters), alpha=alpha
        )
        hits = self.collection.search(question, with_embeddings=return_embedding)
        return [document_of(hit.record, hit.score) for hit in hits]

    # Awaited

    count_documents_async = twin(count_documents)
    count_documents_by_filter_async = twin(count_documents_by_filter)
    filter_documents_async = twin(filter_documents)
    write_documents_async = twin(write_documents)
    update_by_filter_async = twin(update_by_filter)
    delete_documents_async = twin(delete_documents)
    delete_by_filter_async = twin(delete_by_filter)
    delete_all_documents_async = twin(delete_all_documents)
    get_metadata_fields_info_async = twin(get_metadata_fields_info)
    get_metadata_field_min_max_async = twin(get_metadata_field_min_max)
    count_unique_metadata_by_filter_async = twin(count_unique_metadata_by_filter)
    get_metadata_field_unique_values_async = twin(get_metadata_field_unique_values)
    retrieve_async = twin(retrieve)


def _once(documents: Iterable[Document], conflict: Conflict) -> list[Document]:
    """One of each id: the last, where it replaces; the first, where others are skipped."""
    found: dict[str, Document] = {}
    for document in documents:
        if document.id in found and conflict is Conflict.FAIL:
            raise DuplicateDocumentError(f"The id {document.id!r:.60} is given twice.")
        if document.id not in found or conflict is Conflict.REPLACE:
            found[document.id] = document
    return [*found.values()]


def _some(filters: dict[str, Any]) -> dict[str, Any]:
    """Nothing is changed or deleted for want of a filter."""
    if not filters:
        raise FilterError("There is no filter, and all documents would be meant: give one.")
    return filters
