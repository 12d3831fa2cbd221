"""Components that embed by an embedder of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from haystack import Document, component

from hybrid_store.contrib.haystack.documents import checked_documents
from hybrid_store.contrib.retrieval.threads import in_any_thread
from hybrid_store.embedders import embedders

__all__ = ["DjangoDocumentEmbedder", "DjangoTextEmbedder"]


@component
class DjangoTextEmbedder:
    """Embeds a query by the embedder of an alias."""

    def __init__(self, embedder: str = "default") -> None:
        self.embedder = embedder

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        return {"embedding": embedders[self.embedder].embed_query(text).tolist()}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str) -> dict[str, Any]:
        vector = await embedders[self.embedder].aembed_query(text)
        return {"embedding": vector.tolist()}


@component
class DjangoDocumentEmbedder:
    """Embeds the content of documents by the embedder of an alias.

    Values of `meta_fields_to_embed` stand before the content, with `embedding_separator` between
    them. Documents without any text are left without an embedding. Where an `EmbeddingField`
    keeps the embeddings, a store of the same documents has `embedded_by` with the same alias, and
    what is embedded has to be what the field's source gives, or it is embedded anew.
    """

    def __init__(
        self,
        embedder: str = "default",
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
    ) -> None:
        self.embedder = embedder
        self.meta_fields_to_embed = meta_fields_to_embed
        self.embedding_separator = embedding_separator

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        return {"documents": self._embedded(checked_documents(documents))}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, list[Document]]:
        found = await in_any_thread(self._embedded, checked_documents(documents))
        return {"documents": found}

    def _embedded(self, documents: Sequence[Document]) -> list[Document]:
        texts = [self._text(document) for document in documents]
        chosen = [position for position, text in enumerate(texts) if text.strip()]
        vectors = embedders[self.embedder].embed([texts[position] for position in chosen])
        found = [*documents]
        for position, vector in zip(chosen, vectors, strict=True):
            found[position] = replace(found[position], embedding=vector.tolist())
        return found

    def _text(self, document: Document) -> str:
        given = (document.meta.get(key) for key in self.meta_fields_to_embed or ())
        named = [str(value) for value in given if value is not None]
        return self.embedding_separator.join([*named, document.content or ""])
