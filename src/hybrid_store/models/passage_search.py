"""`nearest_by_passage`: rows with long texts, by the passage of each that is nearest."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.functions import Cast

from hybrid_store.exceptions import SearchError, UnknownFieldError
from hybrid_store.models.chunks import PARENT, Chunk, Chunking, chunkings
from hybrid_store.models.fields import vector_field, vector_fields
from hybrid_store.models.fused.finishing import finished
from hybrid_store.models.fused.legs import VectorLeg
from hybrid_store.models.fused.passages import AttachedPassages, PassageLeg
from hybrid_store.models.fused.query import HITS, show_hits
from hybrid_store.models.fused.ranking import CANDIDATES, Ranking
from hybrid_store.models.fused.tables import Column
from hybrid_store.models.names import check_names
from hybrid_store.models.ranked_search import defer_vector
from hybrid_store.models.targets import resolve

__all__ = ["nearest_by_passage"]

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
    leg.leg.eligible(counted)  # raises for a metric and a distance that are none
    rows = queryset.exclude(pk=_parent_of(to)) if isinstance(to, Chunk) else queryset.all()
    for own in vector_fields(queryset.model):
        defer_vector(rows, own)
    names = {"distance": distance_as, "similarity": similarity_as}
    check_names(rows, {"passage_as": passage_as, **{f"{n}_as": name for n, name in names.items()}})
    text = to if isinstance(to, str) else None
    show_hits(rows, Ranking((leg,), (1.0,), "rrf", CANDIDATES, text), names)
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
