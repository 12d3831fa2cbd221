"""What the rows that an admin lists can be searched by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from hybrid_store.models.chunks import chunkings
from hybrid_store.models.embedding import EmbeddingField, embedding_field, embedding_fields
from hybrid_store.models.fields import BaseVectorField, vector_field, vector_fields
from hybrid_store.models.fused_search import search
from hybrid_store.models.passage_search import search_by_passage
from hybrid_store.models.text_index import TextIndex, text_index, text_indexes

__all__ = ["SCORE", "SearchMode", "Searched", "embedding_of", "vector_of"]

SCORE = "_hybrid_store_score"
# Names that no field of a model has.
OTHERS = {
    f"{name}_as": f"_hybrid_store_{name}" for name in ("distance", "vector_rank", "text_rank")
}


class SearchMode(TextChoices):
    """As the function `search` calls them, and as people do."""

    TEXT = "text", _("Words")
    VECTOR = "vector", _("Meaning")
    HYBRID = "hybrid", _("Both")


def vector_of(model: type[Model], name: str | None = None) -> BaseVectorField | None:
    """The vector field `name` of a model, else its only embedding, else its only vector field.

    None where it has none; raises `UnknownFieldError` where there are several to choose from.
    """
    if not vector_fields(model):
        return None
    if name is None and embedding_fields(model):
        return embedding_field(model)
    return vector_field(model, name)


def embedding_of(model: type[Model], name: str | None = None) -> EmbeddingField | None:
    """The same where it is an embedding, else None."""
    field = vector_of(model, name)
    return field if isinstance(field, EmbeddingField) else None


@dataclass(frozen=True)
class Searched:
    """The columns that a search looks at: those of the rows, or those of their passages."""

    find: Callable[..., QuerySet[Any]]
    embedding: EmbeddingField | None
    index: TextIndex | None
    names: Sequence[str]
    """Where the texts are in the rows, for a search as Django's; empty where no column has them."""

    @classmethod
    def of(cls, model: type[Model], field: str | None, index: str | None) -> Searched:
        """`field` and `index` name the embedding and the `TextIndex` where there are several.

        Raises `UnknownFieldError` where one has to be named.
        """
        kept = [chunking for chunking in chunkings() if chunking.text.model is model]
        if vector_fields(model) or len(kept) != 1:
            own, words = embedding_of(model, field), _index_of(model, index)
            texts = own.source_names if own is not None else []
            return cls(search, own, words, texts if words is None else words.fields)
        [chunking] = kept
        own, words = embedding_of(chunking.model, field), _index_of(chunking.model, index)
        return cls(search_by_passage, own, words, chunking.text.source_names)

    @property
    def modes(self) -> list[SearchMode]:
        """Those there are a choice of; without a `TextIndex`, words are what Django looks for."""
        if self.embedding is None:
            return [] if self.index is None else [SearchMode.TEXT]
        both = [] if self.index is None else [SearchMode.HYBRID]
        return [SearchMode.TEXT, SearchMode.VECTOR, *both]

    def found(self, queryset: QuerySet[Any], text: str, mode: SearchMode) -> QuerySet[Any]:
        """The rows that a text finds, best first, with their `SCORE`; lazy, as `search` is.

        Raises subclasses of `SearchError`.
        """
        names = {"mode": mode.value, "score_as": SCORE, **OTHERS}
        if self.embedding is not None and mode != SearchMode.TEXT:
            names["field"] = self.embedding.name
        if self.index is not None and mode != SearchMode.VECTOR:
            names["index"] = self.index.name
        if self.find is search_by_passage:
            names["passage_as"] = "_hybrid_store_passage"
        return self.find(queryset, text, **names)


def _index_of(model: type[Model], name: str | None) -> TextIndex | None:
    owners: list[Any] = [model._meta.concrete_model, *model._meta.all_parents]
    if name is None and not any(text_indexes(owner) for owner in owners):
        return None
    return text_index(model, name)[1]
