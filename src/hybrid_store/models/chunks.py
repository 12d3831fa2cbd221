"""`Chunk` and `Chunking`: the text of a row in passages, each of which is a row of its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import index
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

from django.apps import apps
from django.core.checks import CheckMessage
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.backends.utils import truncate_name
from django.db.models import Model, Q, QuerySet
from django.db.models.signals import class_prepared
from django.dispatch import receiver

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.embedders.texts import estimated_tokens
from hybrid_store.exceptions import ChunkingError
from hybrid_store.models import chunk_checks
from hybrid_store.models.embedding import embedding_fields
from hybrid_store.models.fingerprint import MAX_LENGTH, space_prefix
from hybrid_store.models.freshness import is_blank
from hybrid_store.models.text_source import Source, TextSource
from hybrid_store.splitters import Splitter, TokenSplitter, whole

__all__ = ["PARENT", "Chunk", "Chunking", "Piece", "chunkings", "storable"]

OnSave: TypeAlias = Literal["now", "task"] | None

PARENT = "parent"
"""What the foreign key of a `Chunk` is called."""

SHOWN_CHARACTERS = 80
LONGEST_NAME = 63
"""Characters of a name that PostgreSQL keeps."""

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
REPLACEMENT = "\ufffd"


class Piece(NamedTuple):
    """A passage of a text, and its place there in characters: `whole[start:end] == text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class ParentText:
    """The text of a row that is kept in passages: a `TextSource`."""

    model: type[Model]
    label: str
    source: Source
    embed_if: Q | None = None

    @property
    def source_names(self) -> list[str]:
        return [] if callable(self.source) else list(self.source)

    @property
    def paths(self) -> list[str]:
        return self.source_names

    def __str__(self) -> str:
        return self.label


class Chunking:
    """How the text of a parent is kept in the rows of a `Chunk` model.

    `source` names columns of the parent, or is a callable that takes the parent and returns its
    text, as that of an `EmbeddingField`. With `tokens`, a passage has at most so many and begins
    with up to `overlap` tokens of the one before; they are counted by the embedders of the chunks,
    with their prefixes, else estimated. `splitter` is a callable of your own that takes a text and
    gives (start, end) of every passage, in characters; a `version` that it has is part of its
    name. With neither, every text is one passage. With `on_save="now"` a parent is split and its
    passages embedded when its `save()` is committed, with `on_save="task"` by a task that is
    enqueued then, else by `generate_embeddings`.

    As an attribute of its model it knows `model` and `parent`, the foreign key.
    """

    model: type[Chunk]

    def __init__(
        self,
        source: Source,
        *,
        tokens: int | None = None,
        overlap: int = 0,
        splitter: Splitter | None = None,
        on_save: OnSave = None,
    ) -> None:
        self.source: Source = [source] if isinstance(source, str) else source
        self.tokens = tokens
        self.overlap = overlap
        self.splitter = splitter
        self.on_save = on_save

    def of(self, model: type[Chunk]) -> Self:
        """The same for another model."""
        bound = copy.copy(self)
        bound.model = model
        return bound

    @property
    def label(self) -> str:
        """`app.Model.chunking` for messages."""
        model = getattr(self, "model", None)
        return f"{model._meta.label}.chunking" if model else "a Chunking"

    def __str__(self) -> str:
        return self.label

    @property
    def parent(self) -> Any:
        """The foreign key to the parent; raises `FieldDoesNotExist`."""
        return self.model._meta.get_field(PARENT)

    @property
    def text(self) -> TextSource:
        """The text of the parents."""
        return ParentText(self.parent.related_model, self.label, self.source)

    @property
    def prefix(self) -> str:
        """What the fingerprints of passages begin with that are made as it is said here."""
        return space_prefix(f"passages by {self._way}")

    @property
    def _way(self) -> str:
        if self.splitter is not None:
            return name_of(self.splitter)
        return "the row" if self.tokens is None else f"{self.tokens}-{self.overlap} tokens"

    def passages(self, using: str) -> QuerySet[Any]:
        """All of them."""
        return self.model._base_manager.using(using)

    @property
    def embedders(self) -> list[BaseEmbedder]:
        """Those of the passages, each once."""
        fields = {field.embedder_alias: field for field in embedding_fields(self.model)}
        return [field.embedder for field in fields.values()]

    def count_tokens(self, text: str) -> int:
        """Tokens of a passage, with the prefix: the most that any of the embedders counts."""
        return self._counter()(text)

    def _counter(self) -> Callable[[str], int]:
        embedders = self.embedders
        if not embedders:
            return estimated_tokens
        return lambda text: max(embedder.count_tokens([text])[0] for embedder in embedders)

    def split(self, text: str) -> list[Piece]:
        """The passages of a text, in order; none where it is blank.

        The passages are of the `storable` text. A text of which the splitter makes nothing has one
        passage without text. Raises `ChunkingError` for passages that are not within the text, and
        `MissingExtraError`.
        """
        if is_blank(text):
            return []
        text = storable(text)
        pieces = (Piece(*span, text[slice(*span)]) for span in self._spans(text))
        return [piece for piece in pieces if not is_blank(piece.text)] or [Piece(0, 0, "")]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for span in self._splitter()(text):
            try:
                start, end = map(index, span)
            except (TypeError, ValueError):
                start, end = -1, -1
            if not 0 <= start <= end <= len(text):
                raise ChunkingError(
                    f"{self.label}: the splitter gives {span!r:.60} for a text of {len(text)} "
                    "characters: give (start, end) of every passage."
                )
            yield start, end

    def _splitter(self) -> Splitter:
        if self.splitter is not None:
            return self.splitter
        if self.tokens is None:
            return whole
        return TokenSplitter(self.tokens, self.overlap, self._counter())


def storable(text: str) -> str:
    """`text` without what some database or no encoding can hold, NUL and lone surrogates: each is
    replaced by one character."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def name_of(splitter: Callable[..., Any]) -> str:
    """What says that passages were made by this splitter and not by another."""
    named: Any = splitter if hasattr(splitter, "__qualname__") else type(splitter)
    version = getattr(splitter, "version", None)
    name = f"{named.__module__}.{named.__qualname__}"
    return name if version is None else f"{name} {version}"


class Chunk(models.Model):
    """A passage of the text of another row, its parent. Abstract.

    A model that inherits declares `parent`, a foreign key with CASCADE, and `chunking`, a
    `Chunking`. Its rows are made by `generate_embeddings`, and follow the parent's text; to be
    searched, they have an `EmbeddingField(source="text", ...)`.
    """

    number = models.PositiveIntegerField(editable=False, help_text="Its place, from 0.")
    total = models.PositiveIntegerField(editable=False, help_text="How many the parent has.")
    start = models.PositiveIntegerField(
        editable=False, help_text="The character of the parent's text that it begins with."
    )
    end = models.PositiveIntegerField(
        editable=False, help_text="The character of the parent's text behind its last one."
    )
    text = models.TextField(editable=False)
    source_fingerprint = models.CharField(
        max_length=MAX_LENGTH,
        editable=False,
        help_text="Of the parent's text that it was made of, and of how.",
    )

    chunking: ClassVar[Chunking]

    class Meta:
        abstract = True

    def __str__(self) -> str:
        text = " ".join(self.text.split())
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"

    @classmethod
    def check(cls, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(**kwargs), *chunk_checks.check_chunk(cls)]


@receiver(class_prepared)
def _complete(sender: type[Model], **kwargs: Any) -> None:
    """A model of passages is there: its chunking knows it, and no parent has two passages of one
    number, whoever makes them at the same time."""
    if not issubclass(sender, Chunk) or sender._meta.proxy:
        return
    try:
        is_own = sender._meta.get_field(PARENT) in sender._meta.local_fields
    except FieldDoesNotExist:
        return
    if not is_own:
        return
    if isinstance(getattr(sender, "chunking", None), Chunking):
        sender.chunking = sender.chunking.of(sender)
    meta: Any = sender._meta
    name = truncate_name(f"{meta.app_label}_{meta.model_name}_number", LONGEST_NAME)
    unique = models.UniqueConstraint(fields=[PARENT, "number"], name=name)
    meta.constraints = [*meta.constraints, unique]
    # Migrations write the constraints of models that have declared some.
    meta.original_attrs["constraints"] = meta.constraints


def chunkings(models: Iterable[type[Model]] | None = None) -> list[Chunking]:
    """Those of the `models` that keep passages, of all where none are given, each once."""
    found = (getattr(model, "chunking", None) for model in models or apps.get_models())
    known = (each for each in found if isinstance(each, Chunking) and hasattr(each, "model"))
    return list(dict.fromkeys(known))
