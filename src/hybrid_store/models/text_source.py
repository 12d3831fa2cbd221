"""What a text is made of: columns of a row and of rows related to it, or a callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from django.db.models import Model, Q

__all__ = ["Source", "TextSource"]

Source: TypeAlias = Sequence[str] | str | Callable[[Any], str]


class TextSource(Protocol):
    """The text of every row of a model, such as the one that an `EmbeddingField` embeds."""

    @property
    def model(self) -> type[Model]: ...

    @property
    def label(self) -> str:
        """Names it in messages."""

    @property
    def source(self) -> Source: ...

    @property
    def source_names(self) -> list[str]:
        """The source columns; empty where the source is a callable."""

    @property
    def embed_if(self) -> Q | None:
        """Rows for which it does not hold have no text."""

    @property
    def paths(self) -> list[str]:
        """The source columns, and what `embed_if` names with its lookups."""
