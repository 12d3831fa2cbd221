"""Haystack: a document store over a queryset, its retrievers, and embedders both ways.

from hybrid_store.contrib.haystack import DjangoDocumentStore

store = DjangoDocumentStore(Document.objects.filter(owner=user), defaults={"owner": user})
"""

from hybrid_store.exceptions import MissingExtraError

try:
    from hybrid_store.contrib.haystack.components import DjangoDocumentEmbedder, DjangoTextEmbedder
    from hybrid_store.contrib.haystack.embedder import HaystackEmbedder
    from hybrid_store.contrib.haystack.retrievers import (
        DjangoEmbeddingRetriever,
        DjangoHybridRetriever,
        DjangoKeywordRetriever,
    )
    from hybrid_store.contrib.haystack.store import DjangoDocumentStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "haystack":
        raise
    raise MissingExtraError("hybrid_store.contrib.haystack", "haystack") from error

__all__ = [
    "DjangoDocumentEmbedder",
    "DjangoDocumentStore",
    "DjangoEmbeddingRetriever",
    "DjangoHybridRetriever",
    "DjangoKeywordRetriever",
    "DjangoTextEmbedder",
    "HaystackEmbedder",
]
