"""`BaseEmbedder`: the class to inherit from to add an embedder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage, Error

from hybrid_store.embedders.answers import checked_answer
from hybrid_store.embedders.params import OptionTypes, checked_params, invalid
from hybrid_store.embedders.texts import checked_texts
from hybrid_store.exceptions import InvalidEmbedderError, MissingExtraError
from hybrid_store.vectors import FloatArray

__all__ = ["BaseEmbedder", "Kind"]


class Kind(StrEnum):
    """What a text is embedded as: something to be found, or something to find with."""

    DOCUMENT = "document"
    QUERY = "query"


class BaseEmbedder(ABC):
    """One configured embedder.

    A subclass implements `embed_batch`; everything else has a working default. Instances are made
    per thread and per asynchronous context, so what is expensive (weights, HTTP clients) belongs
    into a module-level `hybrid_store.embedders.shared.Shared`, filled when it is first needed.
    Making an instance loads no model, imports no provider and makes no call; it raises
    `InvalidEmbedderError` for settings that are not known or of no use.
    """

    option_types: ClassVar[OptionTypes] = {}
    """The OPTIONS that this embedder knows, each with its type or types."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Top-level modules that it needs beyond the package's own dependencies..."""
    extra: ClassVar[str] = ""
    """...and the extra of django-hybrid-store that installs them."""
    lexical: ClassVar[bool] = False
    """Does it compare spelling, without any notion of meaning?"""

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        self.alias = alias
        params = checked_params(alias, params, self.option_types)
        params = {"BATCH_SIZE": 64, **self.defaults(params), **params}
        for name in ("MODEL", "DIMENSIONS"):
            if name not in params:
                raise self.invalid(f"{name} is missing, and {type(self).__name__} cannot know it.")
        self.options: dict[str, Any] = params["OPTIONS"]
        self.model: str = params["MODEL"]
        self.dimensions: int = params["DIMENSIONS"]
        self.batch_size: int = params["BATCH_SIZE"]
        self.document_prefix: str = params.get("DOCUMENT_PREFIX", "")
        self.query_prefix: str = params.get("QUERY_PREFIX", "")
        self.space: str = params.get("SPACE", self.default_space)

    @abstractmethod
    def embed_batch(self, texts: Sequence[str]) -> Any:
        """One vector a text, in the order of the texts: anything that NumPy reads as an array of
        shape (len(texts), dimensions).

        There are between 1 and `batch_size` texts; none is blank, prefixes are already part of
        them. The answer need not be checked. Raise `EmbedderUnavailableError` for a failure that
        may pass, `EmbedderRefusedError` for one that will not, and `TextRefusedError` where the
        texts are at fault.
        """

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Any:
        """The same, for a provider that is told what the texts are by more than a prefix."""
        return self.embed_batch(texts)

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Settings that this embedder knows by itself, given those that are configured."""
        return {}

    def embed(self, texts: Sequence[str], kind: Kind = Kind.DOCUMENT) -> FloatArray:
        """The vectors of `texts`: float32 of shape (len(texts), dimensions), all of them finite
        and none of them zero.

        Raises `TypeError` or `TextRefusedError` for what cannot be embedded, before any call is
        made, `EmbedderAnswerError` for a bad answer, and whatever `embed_batch` raises.
        """
        texts = checked_texts(texts)
        kind = Kind(kind)
        prefix = self.query_prefix if kind is Kind.QUERY else self.document_prefix
        result = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), self.batch_size):
            batch = [prefix + text for text in texts[start : start + self.batch_size]]
            answer = self.embed_batch_as(batch, kind)
            result[start : start + len(batch)] = checked_answer(
                answer, len(batch), self.dimensions, str(self)
            )
        return result

    def embed_query(self, text: str) -> FloatArray:
        """The vector to search with: float32 of shape (dimensions,). Raises as `embed` does."""
        vector: FloatArray = self.embed([text], Kind.QUERY)[0]
        return vector

    async def aembed_query(self, text: str) -> FloatArray:
        # No database is touched, so the thread that Django reserves for that stays free.
        return await sync_to_async(self.embed_query, thread_sensitive=False)(text)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """System checks of this embedder; they load no model and make no call.

        hybrid_store.E101: a package that the embedder needs is not installed.
        """
        missing = self.missing_modules()
        if not missing:
            return []
        hint = f'Run: pip install "django-hybrid-store[{self.extra}]"' if self.extra else None
        return [
            Error(
                f"Packages that it needs are not installed: {', '.join(missing)}.",
                hint=hint,
                obj=self,
                id="hybrid_store.E101",
            )
        ]

    @property
    def default_space(self) -> str:
        """Names the model, not its provider: moving it elsewhere must not re-buy every vector."""
        space = f"{self.model}@{self.dimensions}"
        return f"{space}|{self.document_prefix}" if self.document_prefix else space

    def missing_modules(self) -> list[str]:
        return [module for module in self.requires if find_spec(module) is None]

    def require_extra(self) -> None:
        """Raise `MissingExtraError` unless all that this embedder imports is installed."""
        if self.missing_modules():
            raise MissingExtraError(type(self).__name__, self.extra)

    def invalid(self, fault: str) -> InvalidEmbedderError:
        """The error for settings that are of no use, saying whose they are."""
        return invalid(self.alias, fault)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias}: {self.space}>"

    def __str__(self) -> str:
        return f'The embedder "{self.alias}" ({self.model})'
