"""`HaystackEmbedder`: any embedder that Haystack has, for fields of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.module_loading import import_string
from haystack import Document

from hybrid_store.embedders import BaseEmbedder, Kind
from hybrid_store.embedders.remote import OVERLOADED_STATUSES, behind, http_errors, is_passing
from hybrid_store.embedders.shared import Shared
from hybrid_store.exceptions import (
    EmbedderError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
)

__all__ = ["HaystackEmbedder"]

COMPONENTS = ("documents", "queries")

components: Shared[Any] = Shared()
"""Components that are warmed up, by their paths or identities."""


class HaystackEmbedder(BaseEmbedder):
    """Embeds by components of Haystack.

    OPTIONS: `documents` and `queries`, a document embedder and a text embedder; each is a
    component, the dotted path of one, or that of a function that makes one. They are warmed up
    when they are first needed, and are shared by threads.

    MODEL and DIMENSIONS have to be said. Prefixes are better left to the components.

    With `remote`, which says that the components ask a server, calls are made side by side, and
    repeated `max_retries` times (default: 2) after a failure that may pass; others are lasting
    refusals. Then the errors name the kind of a component's error alone, as its words may hold a
    key or a text. Without it errors are those of the components.
    """

    option_types = {"documents": object, "queries": object, "remote": bool, "max_retries": int}
    requires = ("haystack",)
    extra = "haystack"

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        self.remote = (params.get("OPTIONS") or {}).get("remote") is True
        super().__init__(alias, params)
        for name in COMPONENTS:
            given = self.options.get(name)
            if not isinstance(given, str) and not hasattr(given, "run"):
                raise self.invalid(f"OPTIONS lacks {name!r}: an embedder of Haystack, or its path.")

    def embed_batch(self, texts: Sequence[str]) -> Any:
        documents = [Document(id=str(place), content=text) for place, text in enumerate(texts)]
        embedder = self._component("documents")
        found = self._asked(lambda: embedder.run(documents=documents)["documents"])
        return [document.embedding for document in found]

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        if kind is Kind.DOCUMENT:
            return self.embed_batch(texts)
        embedder = self._component("queries")
        return self._asked(lambda: [embedder.run(text=text)["embedding"] for text in texts])

    def _asked(self, ask: Callable[[], Any]) -> Any:
        if not self.remote:
            return ask()
        try:
            return ask()
        except Exception as error:  # noqa: BLE001
            failure = self._failure_of(error)
        # Raised here, where it does not drag the component's error along.
        raise failure

    def _failure_of(self, error: Exception) -> EmbedderError:
        known = [*behind(error)]
        message = f"{self} cannot be asked: {type(error).__name__} of the component."
        statuses = [one.status_code for one in known if hasattr(one, "status_code")]
        if any(is_passing(status) for status in statuses):
            overloaded = any(status in OVERLOADED_STATUSES for status in statuses)
            return EmbedderUnavailableError(message, overloaded=overloaded)
        if not statuses and any(isinstance(one, (OSError, *http_errors())) for one in known):
            return EmbedderUnavailableError(message)
        return EmbedderRefusedError(message)

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
