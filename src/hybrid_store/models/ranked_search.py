"""Ranked searches over any queryset: `nearest` as a function, and what it is made of.

A search is an ordinary queryset whose `Query` also knows what is searched: see `search_query`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeVar, cast

from django.db.models import F, Model, Q, QuerySet
from django.db.models.query import FlatValuesListIterable

from hybrid_store.exceptions import InvalidTargetError, SearchError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField, vector_field
from hybrid_store.models.functions import METRICS, CosineDistance, Distance, HasDistance, metrics_of
from hybrid_store.models.known_indexes import known_indexes
from hybrid_store.models.names import check_names
from hybrid_store.models.near import Near
from hybrid_store.models.search_query import Search, SearchQuery
from hybrid_store.models.spaces import in_space
from hybrid_store.models.targets import QueryVector, excluded_keys, resolve
from hybrid_store.vectors import BaseVector

__all__ = ["RankedSearch", "defer_vector", "embed_query", "nearest", "searchable", "tuned"]

ModelT = TypeVar("ModelT", bound=Model)


def nearest(
    queryset: QuerySet[ModelT],
    to: Any,
    *,
    field: str | None = None,
    metric: str | None = None,
    max_distance: float | None = None,
    distance_as: str = "distance",
    similarity_as: str | None = "similarity",
) -> QuerySet[ModelT]:
    """The rows of `queryset`, nearest first.

    `to` is a text (embedded when rows are fetched), a vector, or a saved row, which is itself left
    out. `field` may be omitted where the model has one vector field; `metric` ("cosine", "l2",
    "l1", "inner_product"; over bits "hamming", "jaccard") defaults to that of the field's
    `VectorIndex`, else cosine or Hamming. Rows beyond `max_distance` are dropped, and rows without
    a vector are never hits.

    Rows carry their distance and similarity under the two given names; their vector is deferred.
    Lazy: filters, slices, `values()` and so on work before and after. Raises subclasses of
    `SearchError`.
    """
    chosen = vector_field(queryset.model, field)
    ranked = RankedSearch(
        chosen, resolve(chosen, to), metric, max_distance, distance_as, similarity_as
    )
    return ranked.apply(queryset, excluded_keys(chosen, [to]))


def embed_query(queryset: QuerySet[ModelT]) -> QuerySet[ModelT]:
    """Compute the query vector of a ranked queryset now, as before a transaction is opened."""
    prepare = getattr(queryset.query, "prepare_search", None)
    if prepare is not None:
        prepare()
    return queryset


def tuned(queryset: QuerySet[ModelT], **options: Any) -> QuerySet[ModelT]:
    """A ranked queryset that searches in another way than the settings say.

    `exact=True` uses no approximate index; `recall` is the share of the true nearest rows to aim
    at; `ef_search` the effort itself; `exact_rows` how many rows an exact search may compare where
    an index finds too few. See `Tuning`. Raises `SearchError` for other options, bad values, and
    querysets that `nearest` or `recommend` has not ranked.
    """
    if not isinstance(queryset.query, SearchQuery):
        raise SearchError("tuned() follows nearest() or recommend().")
    tuned = queryset.all()
    return _searching(tuned, queryset.query.search.tuned(**options))


@dataclass(frozen=True)
class RankedSearch:
    """The arguments of a ranked search, and how they change a queryset."""

    field: BaseVectorField
    near: QueryVector
    metric: str | None
    max_distance: float | None
    distance_as: str
    similarity_as: str | None

    def apply(self, queryset: QuerySet[ModelT], excluded: list[Any]) -> QuerySet[ModelT]:
        distance = self._distance()
        names = {"distance_as": self.distance_as, "similarity_as": self.similarity_as}
        check_names(queryset, {argument: name for argument, name in names.items() if name})
        is_whole = not queryset.query.where.children
        # A copy, whose query the rest changes in place: each further copy would cost as much.
        ranked = queryset.filter(self._eligible(excluded))
        query: Any = ranked.query
        # No column is added to a flat list of values.
        shown = queryset._iterable_class is not FlatValuesListIterable
        near = distance(self.field.name, Near(self.near))
        query.add_annotation(near, self.distance_as, select=shown)
        if self.similarity_as:
            similarity = distance.similarity(F(self.distance_as), self.field.dimensions)
            query.add_annotation(similarity, self.similarity_as, select=shown)
        for condition in self._limits(distance):
            query.add_q(condition)
        defer_vector(ranked, self.field)
        query.clear_ordering(force=True, clear_default=False)
        query.add_ordering(self.distance_as, "pk")
        own = len(query.where.children) if is_whole else None
        search = Search(self.field, self.near, distance.metric, self.distance_as, own)
        return _searching(ranked, search)

    def _eligible(self, excluded: list[Any]) -> Q:
        if not excluded:
            return searchable(self.field)
        own_key = self.field.model._meta.pk.name  # not always that of a child of two parents
        return ~Q(**{f"{own_key}__in": excluded}) & searchable(self.field)

    def _distance(self) -> type[Distance]:
        fitting = metrics_of(self.field.codec)
        metric = self.metric or indexed_metric(self.field) or fitting[0]
        if metric not in fitting:
            known = ", ".join(map(repr, fitting))
            fault = (
                f"the metric {metric!r} is none of {self.field.codec.described}s"
                if metric in METRICS
                else f"unknown metric {metric!r}"
            )
            raise SearchError(f"{self.field.label}: {fault}, use one of {known}.")
        if metric == "cosine" and isinstance(self.near, BaseVector) and self.near.is_zero():
            raise InvalidTargetError(
                f"{self.field.label}: an all-zero vector has no direction, so no cosine distance: "
                "give another vector or metric."
            )
        return METRICS[metric]

    def _limits(self, distance: type[Distance]) -> Iterator[Q]:
        """The conditions that a distance fulfils which is a hit."""
        given: Any = self.max_distance
        if given is not None:
            if not isinstance(given, Real) or math.isnan(given):
                raise SearchError(f"{self.field.label}: max_distance is {given!r}: give a number.")
            yield Q(**{f"{self.distance_as}__lte": float(given)})
        elif distance is CosineDistance and self.field.allows_zero:
            yield Q(HasDistance(F(self.distance_as)))


def searchable(field: BaseVectorField) -> Q:
    """The condition for rows that a search may find: with a vector, of today's space."""
    held = Q(**{f"{field.name}__isnull": False})
    return held & in_space(field) if isinstance(field, EmbeddingField) else held


def _searching(queryset: QuerySet[ModelT], search: Search) -> QuerySet[ModelT]:
    """That very queryset, which is nobody else's, with a search."""
    query: Any = queryset.query
    query.__class__ = SearchQuery
    query.search = search
    query.outcome = None
    return queryset


def defer_vector(queryset: QuerySet[Any], field: BaseVectorField) -> None:
    """Leave the vector in the database, unless the caller has chosen it.

    That very queryset is changed, which is nobody else's.
    """
    query: Any = queryset.query
    names, defers = query.deferred_loading
    is_chosen = cast("Any", queryset)._fields is not None or (not defers and field.name in names)
    if not is_chosen:
        query.add_deferred_loading([field.name])


def indexed_metric(field: BaseVectorField) -> str | None:
    """The metric of the field's indexes, if they agree on one."""
    fitting = metrics_of(field.codec)
    metrics = {index.metric for index in known_indexes(field) if index.metric in fitting}
    return metrics.pop() if len(metrics) == 1 else None
