"""Some rows of a table, spread over it by primary key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db.models import IntegerField, Max, Min, QuerySet

__all__ = ["sample"]

# A sample of a large table is made of so many runs of neighbouring rows.
RUNS = 10


def sample(rows: QuerySet[Any], count: int, *names: str) -> list[tuple[Any, ...]]:
    """Up to `count` rows as (pk, *names), by primary key; all where there are no more."""
    ordered = rows.order_by("pk")
    if len(ordered.values_list("pk")[: count + 1]) <= count:
        return list(ordered.values_list("pk", *names))
    found: dict[Any, tuple[Any, ...]] = {}
    for run in _runs(rows, -(-count // RUNS)):
        found.update((row[0], row) for row in run.values_list("pk", *names))
    return list(found.values())[:count]


def _runs(rows: QuerySet[Any], length: int) -> Iterator[QuerySet[Any]]:
    """Keys that are no numbers have no distance: of these, both ends are taken."""
    if isinstance(rows.model._meta.pk, IntegerField):
        ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
        starts = np.linspace(ends["first"], ends["last"] + 1, RUNS, endpoint=False)
        for start in starts:
            yield rows.filter(pk__gte=int(start)).order_by("pk")[:length]
    else:
        half = length * RUNS // 2
        yield from (rows.order_by(order)[:half] for order in ("pk", "-pk"))
