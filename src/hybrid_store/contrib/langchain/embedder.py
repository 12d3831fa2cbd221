"""`LangChainEmbedder`: embeddings of LangChain as an embedder of the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.module_loading import import_string

from hybrid_store.embedders.base import BaseEmbedder, Kind
from hybrid_store.embedders.shared import Shared
from hybrid_store.exceptions import EmbedderRefusedError

__all__ = ["LangChainEmbedder"]

made: Shared[Any] = Shared()
"""Embeddings by the path that names them."""


class LangChainEmbedder(BaseEmbedder):
    """Whatever LangChain can embed with.

    OPTIONS: `embeddings`, an object with LangChain's `embed_documents` and `embed_query`, the
    dotted path of one, or that of a class or function that makes one. MODEL and DIMENSIONS say
    what it is: its vectors are never compared with those of another model.

    What repeats requests is LangChain's: a failure that gets here is a lasting one.
    """

    option_types = {"embeddings": object}
    requires = ("langchain_core",)
    extra = "langchain"

    def embed_batch(self, texts: Sequence[str]) -> Any:
        return self.embed_batch_as(texts, Kind.DOCUMENT)

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        embeddings = self._embeddings()
        if kind is Kind.QUERY:
            return self._asked(lambda: [embeddings.embed_query(text) for text in texts])
        return self._asked(lambda: embeddings.embed_documents([*texts]))

    def _asked(self, embed: Callable[[], Any]) -> Any:
        try:
            return embed()
        except Exception as error:  # noqa: BLE001
            # It is of an unknown client, and may have a key or a text in it.
            fault = type(error).__name__
        raise EmbedderRefusedError(f"{self} cannot be asked: {fault} of the embeddings.")

    def _embeddings(self) -> Any:
        given: Any = self.options.get("embeddings")
        if isinstance(given, str):
            path = given
            given = made.get(path, lambda: self._made(path))
        if not all(hasattr(given, name) for name in ("embed_documents", "embed_query")):
            raise self.invalid(
                'OPTIONS["embeddings"] must be an object with embed_documents and embed_query, or '
                "the dotted path of one, or of what makes one."
            )
        return given

    def _made(self, path: str) -> Any:
        self.require_extra()
        try:
            found = import_string(path)
        except ImportError as error:
            raise self.invalid(f'"{path}" cannot be imported: {error}') from error
        return found() if isinstance(found, type) or not hasattr(found, "embed_query") else found
