"""`override_embedder`: a project's own tests without a network, a key or a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.conf import settings
from django.test.utils import override_settings
from numpy.typing import NDArray

from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.embedders.handler import embedder_class
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import InvalidEmbedderError, VectorValueError
from hybrid_store.vectors import SINGLE, VectorLike

__all__ = ["StandInEmbedder", "override_embedder"]

# What a class that cannot be imported must be told by its settings.
NEEDED = ("DIMENSIONS", "MODEL")
KEPT = (*NEEDED, "SPACE", "DOCUMENT_PREFIX")


class StandInEmbedder(HashingEmbedder):
    """Gives the vectors of its option `vectors` to their texts, and hashes all others.

    A vector with fewer numbers than DIMENSIONS is filled up with zeros.
    """

    option_types = {"vectors": Mapping}

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        given: Mapping[str, VectorLike] = self.options.get("vectors", {})
        self.vectors = {text: self._filled_up(text, vector) for text, vector in given.items()}

    def _filled_up(self, text: str, given: VectorLike) -> NDArray[np.float32]:
        try:
            vector = SINGLE.parse(given).to_numpy()
        except VectorValueError as error:
            raise self.invalid(f"the vector of {text!r} is none: {error}.") from error
        if len(vector) > self.dimensions or not vector.any():
            raise self.invalid(
                f"the vector of {text!r} must have 1 to {self.dimensions} numbers, and not zeros "
                f"alone: {given!r:.60}"
            )
        return np.pad(vector, (0, self.dimensions - len(vector)))

    def embed_batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        vectors = super().embed_batch(texts)
        for row, text in enumerate(texts):
            if text in self.vectors:
                vectors[row] = self.vectors[text]
        return vectors


class override_embedder(override_settings):  # noqa: N801 - named as Django's own
    """Replace embedders by lexical stand-ins: no network, no key, the same vectors everywhere.

    A context manager, and a decorator of functions, coroutine functions and subclasses of
    `SimpleTestCase`. Without arguments all configured embedders are replaced, else those named:
    `override_embedder("default", "second")`. `vectors` gives exact vectors for exact texts; they
    may be shorter than DIMENSIONS. `override_embedder(default={"BACKEND": ...})` uses an embedder
    of your own.

    Each stand-in keeps MODEL, DIMENSIONS and SPACE, so stored vectors and system checks stay
    valid, and takes no prefixes. The query cache is off. Raises `InvalidEmbedderError` for an
    alias that is not configured, for an embedder that cannot tell its dimensions, and for bad
    vectors.
    """

    def __init__(
        self,
        *aliases: str,
        vectors: Mapping[str, VectorLike] | None = None,
        **replacements: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.aliases = aliases
        self.vectors = dict(vectors or {})
        self.replacements = replacements

    def enable(self) -> None:
        self.options = {"HYBRID_STORE": self._overridden(getattr(settings, "HYBRID_STORE", {}))}
        super().enable()

    def decorate_class(self, cls: Any) -> Any:
        # The settings of a class apply from `setUpClass` on, before anything is enabled.
        before = getattr(cls, "_overridden_settings", None) or {}
        given = before.get("HYBRID_STORE", getattr(settings, "HYBRID_STORE", {}))
        self.options = {"HYBRID_STORE": self._overridden(given)}
        return super().decorate_class(cls)

    def _overridden(self, given: Mapping[str, Any]) -> dict[str, Any]:
        configured: Mapping[str, Any] = given.get("EMBEDDERS", {})
        aliases = [*self.aliases, *self.replacements] or list(configured)
        stand_ins = {alias: self._stand_in(alias, configured) for alias in aliases}
        for alias, params in stand_ins.items():
            embedder_class(alias, params)(alias, params)
        return {**given, "EMBEDDERS": {**configured, **stand_ins}, "QUERY_CACHE": None}

    def _stand_in(self, alias: str, configured: Mapping[str, Any]) -> dict[str, Any]:
        if alias not in configured:
            known = ", ".join(f'"{name}"' for name in configured) or "none"
            raise InvalidEmbedderError(f'There is no embedder "{alias}"; configured: {known}.')
        real = _real(alias, configured[alias])
        kept = {"MODEL": real.model, "DIMENSIONS": real.dimensions, "SPACE": real.space}
        if alias in self.replacements:
            return {**kept, **self.replacements[alias]}
        backend = f"{StandInEmbedder.__module__}.{StandInEmbedder.__qualname__}"
        return {"BACKEND": backend, **kept, "OPTIONS": {"vectors": self.vectors}}


def _real(alias: str, params: Any) -> BaseEmbedder:
    """The embedder as configured; where its class cannot be had, one of the same settings."""
    try:
        return embedder_class(alias, params)(alias, params)
    except InvalidEmbedderError:
        if not (isinstance(params, Mapping) and all(name in params for name in NEEDED)):
            raise
        return HashingEmbedder(alias, {name: params[name] for name in KEPT if name in params})
