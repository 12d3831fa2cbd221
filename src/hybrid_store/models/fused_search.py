"""`search`: words and meaning in one queryset."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from hybrid_store.models.fields import vector_fields
from hybrid_store.models.fused.asked import Asked
from hybrid_store.models.fused.query import show_hits
from hybrid_store.models.fused.ranking import CANDIDATES
from hybrid_store.models.ranked_search import defer_vector

__all__ = ["search"]

ModelT = TypeVar("ModelT", bound=Model)


def search(
    queryset: QuerySet[ModelT],
    text: str,
    *,
    mode: str = "hybrid",
    near: Any = None,
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
    `text` is read as words, "phrases", -not and or; any text will do. `near` is what the meaning
    is near to where that is known: a vector or a row, as for `nearest`.

    `fusion` is "rrf", reciprocal rank fusion, or "weighted", the weighted mean of the scores, each
    brought to the range from 0 to 1; `alpha` is the share of the meaning in it, from 0 to 1.
    Hybrid rows are those among the `candidates` best of either kind, or among more of them where a
    slice reaches further. `metric` and `max_distance` are those of `nearest`.

    Rows carry, under the given names, their score, their distance and their places by meaning and
    by words, from 1; None where they have none. The score is that of the fusion, of "text" the
    BM25, of "vector" the similarity.

    Lazy: filters before and after count before rows are ranked. Raises subclasses of `SearchError`.
    """
    asked = Asked(
        queryset.model,
        text,
        mode,
        fusion,
        alpha,
        candidates,
        field,
        index,
        metric,
        max_distance,
        near,
    )
    ranking = asked.ranking(asked.legs)
    rows = queryset.filter(asked.demands)
    for own in vector_fields(queryset.model):
        defer_vector(rows, own)
    names = {
        "score": score_as,
        "distance": distance_as,
        "vector_rank": vector_rank_as,
        "text_rank": text_rank_as,
    }
    show_hits(rows, ranking, names)
    return rows
