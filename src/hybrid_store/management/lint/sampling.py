"""Some rows of a table, spread over it by primary key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db.models import IntegerField, Max, Min, Model, QuerySet

__all__ = ["sample"]

# A sample of a large table is made of so many runs of neighbouring rows.
RUNS = 10


def sample(rows: QuerySet[Any], count: int, *names: str) -> list[tuple[Any, ...]]:
    """Up to `count` rows as (pk, *names), by primary key; all where there are no more."""
    ordered = rows.order_by("pk")
    if len(ordered.values_list("pk")[: count + 1]) <= count:
        return list(ordered.values_list("pk", *names))
    found: dict[Any, tuple[Any, ...]] = {}
    for run in _runs(rows, count):
        found.update((row[0], row) for row in run.values_list("pk", *names))
    read = list(found.values())
    # Runs may be longer than they have to be: the rows left out are from all over as well.
    kept = np.linspace(0, len(read), min(count, len(read)), endpoint=False)
    return [read[int(place)] for place in kept]


def _runs(rows: QuerySet[Any], count: int) -> Iterator[QuerySet[Any]]:
    """Keys that are no numbers have no distance: of these, both ends are taken."""
    if _has_numbers(rows.model):
        ends, runs = rows.aggregate(first=Min("pk"), last=Max("pk")), min(RUNS, count)
        for start in np.linspace(ends["first"], ends["last"] + 1, runs, endpoint=False):
            yield rows.filter(pk__gte=int(start)).order_by("pk")[: -(-count // runs)]
    else:
        yield from (rows.order_by(order)[: -(-count // 2)] for order in ("pk", "-pk"))


def _has_numbers(model: type[Model]) -> bool:
    """Are its keys numbers? A child's key is that of its parent."""
    key: Any = model._meta.pk
    while key.is_relation:
        key = key.target_field
    return isinstance(key, IntegerField)
