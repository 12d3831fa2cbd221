"""`HaystackEmbedder`: any embedder that Haystack has, for fields of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.module_loading import import_string
from haystack import Document

from hybrid_store.embedders import BaseEmbedder, Kind
from hybrid_store.embedders.shared import Shared

__all__ = ["HaystackEmbedder"]

components: Shared[Any] = Shared()
"""Components that are warmed up, by their paths or identities."""


class HaystackEmbedder(BaseEmbedder):
    """Embeds by components of Haystack.

    OPTIONS: `documents` and `queries`, a document embedder and a text embedder; each is a
    component, the dotted path of one, or that of a function that makes one. They are warmed up
    when they are first needed, and are shared by threads.

    MODEL and DIMENSIONS have to be said. Prefixes are better left to the components; errors are
    those of the components.
    """

    option_types = {"documents": object, "queries": object}
    requires = ("haystack",)
    extra = "haystack"

    def __init__(self, alias: str, params: Any) -> None:
        super().__init__(alias, params)
        for name in self.option_types:
            given = self.options.get(name)
            if not isinstance(given, str) and not hasattr(given, "run"):
                raise self.invalid(f"OPTIONS lacks {name!r}: an embedder of Haystack, or its path.")

    def embed_batch(self, texts: Sequence[str]) -> Any:
        documents = [Document(id=str(place), content=text) for place, text in enumerate(texts)]
        found = self._component("documents").run(documents=documents)["documents"]
        return [document.embedding for document in found]

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        if kind is Kind.DOCUMENT:
            return self.embed_batch(texts)
        embedder = self._component("queries")
        return [embedder.run(text=text)["embedding"] for text in texts]

    def _component(self, name: str) -> Any:
        given = self.options[name]
        key = given if isinstance(given, str) else id(given)
        return components.get(key, lambda: _ready(given))


def _ready(given: Any) -> Any:
    found = import_string(given) if isinstance(given, str) else given
    component = found if hasattr(found, "run") and not isinstance(found, type) else found()
    if hasattr(component, "warm_up"):
        component.warm_up()
    return component
