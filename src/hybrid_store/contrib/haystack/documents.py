"""Haystack's documents as records, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding

from hybrid_store.contrib.retrieval.layout import Layout, Record
from hybrid_store.exceptions import DocumentError

__all__ = ["checked_documents", "document_of", "record_of"]


def checked_documents(documents: Any) -> Sequence[Document]:
    """Raises `ValueError` for what is no list of documents."""
    if not isinstance(documents, list | tuple):
        raise ValueError(f"{documents!r:.60} is no list of documents: give one.")  # noqa: TRY004
    for document in documents:
        if not isinstance(document, Document):
            raise ValueError(f"{document!r:.60} is no Document of Haystack.")  # noqa: TRY004
    return documents


def record_of(document: Document, layout: Layout) -> Record:
    """Raises `DocumentError` where a model has no place for it."""
    payload = _payload(document)
    if payload and layout.payload is None:
        raise DocumentError(
            f"{layout.model._meta.label} has no field for the {', '.join(payload)} of the document "
            f"{document.id!r:.60}: name a JSONField by payload=."
        )
    return Record(
        key=document.id,
        text=document.content or "",
        metadata=document.meta,
        embedding=document.embedding,
        payload=payload,
    )


def _payload(document: Document) -> dict[str, Any]:
    """What a row has no column for."""
    payload: dict[str, Any] = {}
    if document.content is None:
        payload["missing content"] = True
    if (blob := document.blob) is not None:
        data = b64encode(blob.data).decode("ascii")
        payload["blob"] = {"data": data, "meta": blob.meta, "mime_type": blob.mime_type}
    if document.sparse_embedding is not None:
        payload["sparse embedding"] = document.sparse_embedding.to_dict()
    return payload


def document_of(record: Record, score: float | None = None) -> Document:
    payload = record.payload or {}
    blob, sparse = payload.get("blob"), payload.get("sparse embedding")
    is_missing = payload.get("missing content") and not record.text
    return Document(
        id=record.key,
        content=None if is_missing else record.text,
        blob=ByteStream(**{**blob, "data": b64decode(blob["data"])}) if blob else None,
        meta=record.metadata,
        score=score,
        embedding=record.embedding,
        sparse_embedding=SparseEmbedding.from_dict(sparse) if sparse else None,
    )
