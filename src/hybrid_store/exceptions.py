"""Every error this package raises, under one root."""

from __future__ import annotations

from django.core.exceptions import FieldDoesNotExist, FieldError, ImproperlyConfigured

__all__ = [
    "AdoptionError",
    "ChunkingError",
    "DocumentError",
    "DuplicateDocumentError",
    "EmbedderAnswerError",
    "EmbedderError",
    "EmbedderRefusedError",
    "EmbedderUnavailableError",
    "FilterError",
    "HybridStoreError",
    "IngestError",
    "InvalidEmbedderError",
    "InvalidIndexError",
    "InvalidTargetError",
    "MapError",
    "MissingExtraError",
    "RerankerError",
    "SearchError",
    "SpaceMismatchError",
    "SwitchError",
    "TextRefusedError",
    "UnknownFieldError",
    "VectorConversionError",
    "VectorValueError",
]


class HybridStoreError(Exception):
    """Root of all errors of this package."""


class VectorValueError(HybridStoreError, ValueError):
    """A value cannot be stored or compared as a vector; nothing was written."""


class VectorConversionError(HybridStoreError, ValueError):
    """A column cannot be converted to vectors; nothing was changed."""


class AdoptionError(HybridStoreError):
    """Vectors cannot be adopted as stated; nothing was changed."""


class ChunkingError(HybridStoreError, ValueError):
    """A splitter gives what are no passages of the text; nothing was written."""


class IngestError(HybridStoreError, ValueError):
    """Rows cannot be loaded as they are given; nothing was written."""


class DocumentError(HybridStoreError, ValueError):
    """A document of a framework has no place in a model; nothing was written."""


class DuplicateDocumentError(DocumentError):
    """A document has the key of one that is there; nothing was written."""


class SwitchError(HybridStoreError, ValueError):
    """Two embeddings cannot be switched in a migration; nothing was changed."""


class InvalidEmbedderError(HybridStoreError, ImproperlyConfigured):
    """`HYBRID_STORE["EMBEDDERS"]` does not describe a usable embedder."""


class InvalidIndexError(HybridStoreError, FieldError):
    """An index cannot be made as it is declared; system checks say so before."""


class MissingExtraError(HybridStoreError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, needed_for: str, extra: str) -> None:
        super().__init__(
            f"{needed_for} needs packages that are not installed: "
            f'pip install "django-hybrid-store[{extra}]".'
        )
        self.extra = extra


class EmbedderError(HybridStoreError):
    """An embedder did not deliver."""


class EmbedderAnswerError(EmbedderError):
    """An embedder answered, but not with one good vector a text."""


class EmbedderUnavailableError(EmbedderError):
    """A passing failure (timeout, rate limit, server error): the same call may succeed later.

    `retry_after` is the provider's own wish in seconds, None where it named none. `overloaded` says
    that it takes no calls for now, whatever their texts: no text is ever suspected then.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, overloaded: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.overloaded = overloaded


class EmbedderRefusedError(EmbedderError):
    """A lasting refusal (bad key, exhausted quota, unknown model): repeating is of no use."""


class TextRefusedError(EmbedderError):
    """The provider refused this input; another one may be accepted."""


class SearchError(HybridStoreError, ValueError):
    """A search cannot be run as it was asked for."""


class UnknownFieldError(SearchError, FieldDoesNotExist):
    """The model has no such vector field, or more than one to choose from."""


class FilterError(SearchError):
    """A filter asks for what cannot be asked for; nothing was searched."""


class InvalidTargetError(SearchError):
    """What the search should be near to has no usable vector."""


class SpaceMismatchError(SearchError):
    """Vectors of different embedding models would have been compared."""


class MapError(HybridStoreError, ValueError):
    """A map cannot be drawn as it was asked for."""


class RerankerError(HybridStoreError):
    """A reranker did not score what was found, or is none."""
