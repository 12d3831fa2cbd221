"""`search`: words and meaning in one queryset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from hybrid_store.backends.texts import TextSpec
from hybrid_store.exceptions import InvalidTargetError, SearchError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.fields import vector_fields
from hybrid_store.models.fused.legs import Leg, TextLeg, VectorLeg
from hybrid_store.models.fused.query import show_hits
from hybrid_store.models.fused.ranking import CANDIDATES, Ranking
from hybrid_store.models.ranked_search import defer_vector
from hybrid_store.models.targets import resolve
from hybrid_store.models.text_index import text_index
from hybrid_store.models.word_conditions import demands
from hybrid_store.ranking.fusion import FUSIONS, alpha_weights
from hybrid_store.texts.query import TextQuery, parse

__all__ = ["MODES", "search"]

ModelT = TypeVar("ModelT", bound=Model)

MODES = ("hybrid", "vector", "text")


def search(
    queryset: QuerySet[ModelT],
    text: str,
    *,
    mode: str = "hybrid",
    fusion: str = "rrf",
    alpha: float = 0.5,
    candidates: int = CANDIDATES,
    field: str | None = None,
    index: str | None = None,
    metric: str | None = None,
    max_distance: float | None = None,
    score_as: str = "score",
    distance_as: str = "distance",
    vector_rank_as: str = "vector_rank",
    text_rank_as: str = "text_rank",
) -> QuerySet[ModelT]:
    """The rows of `queryset` that a text finds, best first.

    `mode` is "hybrid" (by meaning and by words), "vector" or "text". The words need a `TextIndex`,
    chosen by `index` where there are several; the meaning an `EmbeddingField`, chosen by `field`.
    `text` is read as words, "phrases", -not and or; any text will do.

    `fusion` is "rrf", reciprocal rank fusion, or "weighted", the weighted mean of the scores, each
    brought to the range from 0 to 1; `alpha` is the share of the meaning in it, from 0 to 1.
    Hybrid rows are those among the `candidates` best of either kind, or among more of them where a
    slice reaches further. `metric` and `max_distance` are those of `nearest`.

    Rows carry, under the given names, their score, their distance and their places by meaning and
    by words, from 1; None where they have none. The score is that of the fusion, of "text" the
    BM25, of "vector" the similarity.

    Lazy: filters before and after count before rows are ranked. Raises subclasses of `SearchError`.
    """
    if not isinstance(text, str):
        raise InvalidTargetError(f"search() takes a text, not a {type(text).__name__}.")
    _check_options(mode, fusion, candidates)
    names = {
        "score": score_as,
        "distance": distance_as,
        "vector_rank": vector_rank_as,
        "text_rank": text_rank_as,
    }
    asked = _Asked(queryset.model, text, field, index, metric, max_distance)
    legs = asked.legs(mode)
    weights = alpha_weights(alpha) if len(legs) > 1 else (1.0,)
    meaning = text if mode == "vector" else asked.query.meaning
    ranking = Ranking(legs, weights, fusion, candidates, meaning)
    rows = queryset.filter(asked.demands) if mode != "vector" else queryset.all()
    for own in vector_fields(queryset.model):
        defer_vector(rows, own)
    show_hits(rows, ranking, names)
    return rows


def _check_options(mode: str, fusion: str, candidates: Any) -> None:
    for name, value, known in (("mode", mode, MODES), ("fusion", fusion, tuple(FUSIONS))):
        if value not in known:
            choices = ", ".join(map(repr, known))
            raise SearchError(f"search(): unknown {name} {value!r}, use one of {choices}.")
    if type(candidates) is not int or candidates < 1:
        raise SearchError(f"search(): candidates is {candidates!r}: use a whole number from 1.")


@dataclass(frozen=True)
class _Asked:
    """What a search is asked for, as its legs need it."""

    model: type[Model]
    text: str
    field: str | None
    index: str | None
    metric: str | None
    max_distance: float | None

    def legs(self, mode: str) -> list[Leg]:
        if not self.text.strip():
            raise InvalidTargetError(f"{self.model._meta.label}: the text to search for is blank.")
        chosen: list[Leg] = []
        if mode != "text":
            chosen.append(self._vector_leg(mode))
        if mode != "vector":
            chosen.append(TextLeg(self.spec, self.query))
        return chosen

    def _vector_leg(self, mode: str) -> VectorLeg:
        field = embedding_field(self.model, self.field)
        meaning = self.text if mode == "vector" else self.query.meaning
        if not meaning.strip():
            raise InvalidTargetError(
                f"{self.model._meta.label}: {self.text!r} only says what is not searched for: "
                'add words that are, or use mode="text".'
            )
        near = resolve(field, meaning)
        return VectorLeg(near, field.name, self.metric, self.max_distance)

    @cached_property
    def query(self) -> TextQuery:
        return parse(self.text, self.spec.tokenizer)

    @cached_property
    def spec(self) -> TextSpec:
        owner, index = text_index(self.model, self.index)
        return index.spec(owner)

    @cached_property
    def demands(self) -> Q:
        return demands(self.model, self.spec, self.query)
