"""`LlamaIndexEmbedder`: an embedding model of LlamaIndex, for the settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from hybrid_store.embedders.base import BaseEmbedder, Kind

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

__all__ = ["LlamaIndexEmbedder"]


class LlamaIndexEmbedder(BaseEmbedder):
    """A model with LlamaIndex's embedding interface. MODEL is the name by which spaces tell it
    from others; DIMENSIONS are the model's.

    OPTIONS: `embeddings`, the model, or the dotted path of one or of a function that makes it,
    which is called for every thread that embeds.
    """

    option_types = {"embeddings": object}
    requires = ("llama_index.core",)
    extra = "llamaindex"

    def embed_batch(self, texts: Sequence[str]) -> Any:
        return self._embeddings().get_text_embedding_batch([*texts])

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        if kind is Kind.QUERY:
            return [self._embeddings().get_query_embedding(text) for text in texts]
        return self.embed_batch(texts)

    def _embeddings(self) -> BaseEmbedding:
        self.require_extra()
        return self._model

    @cached_property
    def _model(self) -> BaseEmbedding:
        from llama_index.core.base.embeddings.base import BaseEmbedding

        given = self.options.get("embeddings")
        if given is None:
            raise self.invalid("OPTIONS lack embeddings, a model of LlamaIndex or its dotted path.")
        found = self._imported(given) if isinstance(given, str) else given
        if callable(found) and not isinstance(found, BaseEmbedding):
            found = found()
        if not isinstance(found, BaseEmbedding):
            raise self.invalid(f"OPTIONS: embeddings is {found!r:.60}, no BaseEmbedding.")
        return found

    def _imported(self, path: str) -> Any:
        try:
            return import_string(path)
        except ImportError as error:
            raise self.invalid(f"OPTIONS: embeddings cannot be imported: {error}") from error
