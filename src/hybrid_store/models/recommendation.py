"""`recommend`: rows like some, unlike others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from django.db.models import Model, QuerySet

from hybrid_store.exceptions import InvalidTargetError, SearchError
from hybrid_store.models.fields import BaseVectorField, vector_field
from hybrid_store.models.fused.legs import VectorLeg
from hybrid_store.models.fused.likes import BestMatchLeg
from hybrid_store.models.fused.query import show_hits
from hybrid_store.models.fused.ranking import CANDIDATES, Ranking
from hybrid_store.models.ranked_search import RankedSearch, defer_vector
from hybrid_store.models.targets import MixtureTarget, excluded_keys, resolve
from hybrid_store.vectors import BaseVector

__all__ = ["STRATEGIES", "recommend"]

ModelT = TypeVar("ModelT", bound=Model)

Targets: TypeAlias = Sequence[Any] | Mapping[Any, float]
"""Rows, texts or vectors, or a mapping of them to their weights, which are 1 otherwise."""

STRATEGIES = ("average", "best")


def recommend(
    queryset: QuerySet[ModelT],
    like: Targets,
    unlike: Targets = (),
    *,
    strategy: str = "average",
    field: str | None = None,
    metric: str | None = None,
    max_distance: float | None = None,
    distance_as: str = "distance",
    similarity_as: str | None = "similarity",
) -> QuerySet[ModelT]:
    """The rows of `queryset` that are near to what is liked and away from what is not.

    `like` and `unlike` hold rows, texts or vectors, or map them to weights above 0. By the
    `strategy` "average" the search is near to the mean of the likes plus its difference to the mean
    of the unlikes; bits have no mean. By "best" a row counts by the one like that it is most
    similar to, times its weight, so that different tastes are served each; rows that are more
    similar to an unlike come last. Given rows are left out. Otherwise as `nearest`.
    """
    if strategy not in STRATEGIES:
        choices = ", ".join(map(repr, STRATEGIES))
        raise SearchError(f"recommend(): unknown strategy {strategy!r}, use one of {choices}.")
    chosen = vector_field(queryset.model, field)
    liked, unliked = _weighted(chosen, "like", like), _weighted(chosen, "unlike", unlike)
    if not liked:
        raise InvalidTargetError(f"{chosen.label}: 'like' is empty: give at least one row.")
    near = [[(resolve(chosen, to), weight) for to, weight in given] for given in (liked, unliked)]
    excluded = excluded_keys(chosen, [to for to, _ in (*liked, *unliked)])
    if strategy == "average":
        target: Any = _mixture(chosen, *near)
        ranked = RankedSearch(chosen, target, metric, max_distance, distance_as, similarity_as)
        return ranked.apply(queryset, excluded)
    legs = [[(VectorLeg(to, chosen.name, metric, max_distance), w) for to, w in g] for g in near]
    rows = queryset.exclude(**{f"{chosen.model._meta.pk.name}__in": excluded})
    defer_vector(rows, chosen)
    names = {"distance": distance_as, "similarity": similarity_as}
    shown = {column: name for column, name in names.items() if name}
    show_hits(rows, Ranking((BestMatchLeg(chosen.name, *legs),), (1.0,), "rrf", CANDIDATES), shown)
    return rows


def _mixture(field: BaseVectorField, like: Any, unlike: Any) -> MixtureTarget:
    if not field.codec.has_mean:
        raise SearchError(
            f"{field.label}: {field.codec.described}s have no mean to search near: use nearest, or "
            'strategy="best".'
        )
    return MixtureTarget(field, like, unlike)


def _weighted(field: BaseVectorField, name: str, targets: Any) -> list[tuple[Any, float]]:
    is_vector = isinstance(targets, Mapping) and any(isinstance(key, int) for key in targets)
    if isinstance(targets, Mapping) and not is_vector:
        return [(to, _weight(field, name, weight)) for to, weight in targets.items()]
    if is_vector or isinstance(targets, str | bytes | Model | BaseVector):
        raise InvalidTargetError(
            f"{field.label}: {name!r} takes a list of rows, texts or vectors, or a mapping of them "
            "to weights."
        )
    return [(to, 1.0) for to in targets]


def _weight(field: BaseVectorField, name: str, weight: Any) -> float:
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not (is_number and 0 < weight < math.inf):
        raise InvalidTargetError(
            f"{field.label}: a weight in {name!r} is {weight!r}: give a number above 0."
        )
    return float(weight)
