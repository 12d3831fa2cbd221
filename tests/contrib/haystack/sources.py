"""What stores and embedders are made from by dotted paths."""

from __future__ import annotations

from typing import Any

from haystack.components.embedders import MockDocumentEmbedder, MockTextEmbedder

from tests.contrib.models import Paper

__all__ = ["document_embedder", "mine", "text_embedder"]


def mine() -> Any:
    return Paper.objects.filter(owner="me")


def document_embedder() -> MockDocumentEmbedder:
    return MockDocumentEmbedder(dimension=384)


text_embedder = MockTextEmbedder(dimension=384)
