"""Rows with long texts, by the best passage of each: `nearest_by_passage`, `search_by_passage`."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from django.db.models.functions import Cast

from hybrid_store.exceptions import SearchError, UnknownFieldError
from hybrid_store.models.chunks import PARENT, Chunk, Chunking, chunkings
from hybrid_store.models.fields import vector_field, vector_fields
from hybrid_store.models.fused.asked import Asked
from hybrid_store.models.fused.finishing import finished
from hybrid_store.models.fused.legs import VectorLeg
from hybrid_store.models.fused.passages import AttachedPassages, PassageLeg
from hybrid_store.models.fused.query import HITS, show_hits
from hybrid_store.models.fused.ranking import CANDIDATES, Ranking
from hybrid_store.models.fused.tables import Column
from hybrid_store.models.names import check_names
from hybrid_store.models.ranked_search import defer_vector
from hybrid_store.models.targets import resolve

__all__ = ["nearest_by_passage", "search_by_passage"]

ModelT = TypeVar("ModelT", bound=Model)


def nearest_by_passage(
    queryset: QuerySet[ModelT],
    to: Any,
    *,
    passages: QuerySet[Any] | None = None,
    field: str | None = None,
    metric: str | None = None,
    max_distance: float | None = None,
    distance_as: str = "distance",
    similarity_as: str = "similarity",
    passage_as: str = "passage",
) -> QuerySet[ModelT]:
    """The rows of `queryset` whose texts are kept in passages, that with the nearest passage first.

    `passages` are those that count, a queryset of a `Chunk` model; all of them, where the model has
    but one such model. `to` is a text, a vector, or a passage, whose own row is left out. `field`,
    `metric` and `max_distance` are those of `nearest` over passages.

    Rows carry, under the given names, the distance and similarity of their nearest passage, and the
    passage itself, without its vector; the passages of a page are fetched by one query. In
    `values()` the passage is its primary key.

    Lazy: filters of rows before and after count before they are ranked. A slice of k rows has k
    rows if as many have a passage that counts. Raises subclasses of `SearchError`.
    """
    if queryset.query.is_sliced:
        raise SearchError("nearest_by_passage() comes before the slice.")
    chunking = _chunking(queryset.model, passages)
    chosen = vector_field(chunking.model, field)
    near = VectorLeg(resolve(chosen, to), chosen.name, metric, max_distance)
    counted = chunking.model._base_manager.all() if passages is None else passages
    leg = PassageLeg(chunking, counted.order_by().query, near)
    near.eligible(counted)  # raises for a metric and a distance that are none
    rows = queryset.exclude(pk=_parent_of(to)) if isinstance(to, Chunk) else queryset.all()
    text = to if isinstance(to, str) else None
    ranking = Ranking((leg,), (1.0,), "rrf", CANDIDATES, text)
    names = {"distance": distance_as, "similarity": similarity_as}
    return _with_passages(rows, ranking, names, chunking, passage_as)


def search_by_passage(
    queryset: QuerySet[ModelT],
    text: str,
    *,
    passages: QuerySet[Any] | None = None,
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
    passage_as: str = "passage",
) -> QuerySet[ModelT]:
    """The rows of `queryset` whose texts are kept in passages, by words and by meaning of these.

    A row counts by the passage that is best by meaning, and by the one that is best by words; it
    carries the one with the better place. The words need a `TextIndex` of the passages. What the
    text demands by quotation marks and minus signs holds for passages. Otherwise as `search` and
    `nearest_by_passage`.
    """
    if queryset.query.is_sliced:
        raise SearchError("search_by_passage() comes before the slice.")
    chunking = _chunking(queryset.model, passages)
    model = chunking.model
    asked = Asked(
        model, text, mode, fusion, alpha, candidates, field, index, metric, max_distance, near
    )
    counted = model._base_manager.all() if passages is None else passages
    query = counted.order_by().filter(asked.demands).query
    legs = [PassageLeg(chunking, query, cast("Any", leg)) for leg in asked.legs]
    names = {
        "score": score_as,
        "distance": distance_as,
        "vector_rank": vector_rank_as,
        "text_rank": text_rank_as,
    }
    return _with_passages(queryset.all(), asked.ranking(legs), names, chunking, passage_as)


def _with_passages(
    rows: QuerySet[ModelT],
    ranking: Ranking,
    names: dict[str, str],
    chunking: Chunking,
    passage_as: str,
) -> QuerySet[ModelT]:
    """That very queryset, which is nobody else's, as a search whose rows carry their passage."""
    for own in vector_fields(rows.model):
        defer_vector(rows, own)
    check_names(rows, {"passage_as": passage_as, **{f"{n}_as": name for n, name in names.items()}})
    show_hits(rows, ranking, names)
    key: Any = Cast(Column(HITS, "passage"), _target(chunking.model._meta.pk))
    rows.query.add_annotation(key, passage_as)
    finished(rows, AttachedPassages(chunking, passage_as))
    return rows


def _parent_of(passage: Any) -> Any:
    return getattr(passage, f"{PARENT}_id")


def _target(key: Any) -> Any:
    return _target(key.target_field) if key.is_relation else key


def _chunking(model: type[Model], passages: Any) -> Chunking:
    """The one that is asked for, of the passages of a model's rows."""
    known = [chunking for chunking in chunkings() if _is_of(chunking, model)]
    label = model._meta.label
    if passages is None and len(known) == 1:
        return known[0]
    names = ", ".join(chunking.model._meta.label for chunking in known) or "none"
    if passages is None:
        raise UnknownFieldError(
            f"{label}: choose the passages by passages=, a queryset of one of: {names}."
        )
    given = chunkings([passages.model]) if isinstance(passages, QuerySet) else []
    if not (given and given[0] in known):
        raise SearchError(
            f"{label}: passages= takes a queryset of passages of its rows, of: {names}."
        )
    if passages.query.is_sliced or passages.query.combinator or passages.query.group_by is not None:
        raise SearchError(f"{label}: passages= takes a queryset that is filtered, and no more.")
    return given[0]


def _is_of(chunking: Chunking, model: type[Model]) -> bool:
    """Are its passages of rows of the model, and known by the primary keys of these?"""
    parent: Any = chunking.text.model._meta.concrete_model
    own: Any = model._meta.concrete_model
    while own is not parent and own._meta.pk.is_relation and own._meta.pk.remote_field.parent_link:
        own = own._meta.pk.related_model
    return own is parent
