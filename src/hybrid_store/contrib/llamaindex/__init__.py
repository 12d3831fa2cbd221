"""LlamaIndex over querysets: a vector store, a document store, and embedders both ways.

from hybrid_store.contrib.llamaindex import DjangoVectorStore

store = DjangoVectorStore(Article.objects.filter(owner=user), text="body")
index = VectorStoreIndex.from_vector_store(store)

As an app in `INSTALLED_APPS` it brings the table of `DjangoKVStore`; the vector store needs none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hybrid_store.exceptions import MissingExtraError

if TYPE_CHECKING:
    from hybrid_store.contrib.llamaindex.embedder import LlamaIndexEmbedder
    from hybrid_store.contrib.llamaindex.embedding import DjangoEmbedding
    from hybrid_store.contrib.llamaindex.kvstore import DjangoDocumentStore, DjangoKVStore
    from hybrid_store.contrib.llamaindex.store import DjangoVectorStore

__all__ = [
    "DjangoDocumentStore",
    "DjangoEmbedding",
    "DjangoKVStore",
    "DjangoVectorStore",
    "LlamaIndexEmbedder",
]

MODULES = {
    "DjangoDocumentStore": "kvstore",
    "DjangoEmbedding": "embedding",
    "DjangoKVStore": "kvstore",
    "DjangoVectorStore": "store",
    "LlamaIndexEmbedder": "embedder",
}


def __getattr__(name: str) -> Any:
    """Imported when they are used: Django imports an app before there can be models."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "llama_index":
            raise
        raise MissingExtraError(__name__, "llamaindex") from error
