"""LangChain over querysets: a vector store, a retriever, a record manager, embedders both ways.

from hybrid_store.contrib.langchain import DjangoVectorStore

store = DjangoVectorStore(Document.objects.filter(owner=user), defaults={"owner": user})

The record manager needs a table: "hybrid_store.contrib.langchain" in INSTALLED_APPS makes it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hybrid_store.exceptions import MissingExtraError

if TYPE_CHECKING:
    from hybrid_store.contrib.langchain.embedder import LangChainEmbedder
    from hybrid_store.contrib.langchain.embeddings import DjangoEmbeddings
    from hybrid_store.contrib.langchain.records import DjangoRecordManager
    from hybrid_store.contrib.langchain.retriever import DjangoRetriever
    from hybrid_store.contrib.langchain.store import DjangoVectorStore

__all__ = [
    "DjangoEmbeddings",
    "DjangoRecordManager",
    "DjangoRetriever",
    "DjangoVectorStore",
    "LangChainEmbedder",
]

# Imported when they are asked for: as an app, the package is imported before models can be.
MODULES = {
    "DjangoEmbeddings": "embeddings",
    "DjangoRecordManager": "records",
    "DjangoRetriever": "retriever",
    "DjangoVectorStore": "store",
    "LangChainEmbedder": "embedder",
}


def __getattr__(name: str) -> Any:
    """Raises `MissingExtraError` where LangChain is not installed."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "langchain_core":
            raise
        raise MissingExtraError(__name__, "langchain") from error
