"""How many of the true nearest rows searches find."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from django.db.models import QuerySet

from hybrid_store.models.ranked_search import nearest, tuned

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """Searches at one `ef_search`; that of None is exact.

    `recall` is the mean share of the true nearest rows that were found, `least` that of the worst
    search; `milliseconds` is the median time of a search.
    """

    ef_search: int | None
    recall: float
    least: float
    milliseconds: float


def measure(
    rows: QuerySet[Any],
    targets: Sequence[Any],
    efforts: Sequence[int],
    *,
    neighbours: int = 10,
    **options: Any,
) -> Iterator[Measured]:
    """Search `rows` for the `neighbours` nearest to each target, exactly and at each effort.

    A target is a vector or a row, which is not among its own neighbours.

    `options` are those of `nearest`: `field` and `metric`.
    """
    ranked = [nearest(rows, target, **options).values_list("pk", flat=True) for target in targets]
    truth = [_timed(search, neighbours, exact=True) for search in ranked]
    yield Measured(None, 1.0, 1.0, median(seconds for _, seconds in truth) * 1000)
    for effort in efforts:
        found = [_timed(search, neighbours, ef_search=effort) for search in ranked]
        shares = [
            len(keys & true) / len(true) if true else 1.0
            for (keys, _), (true, _) in zip(found, truth, strict=True)
        ]
        yield Measured(
            effort, fmean(shares), min(shares), median(seconds for _, seconds in found) * 1000
        )


def _timed(search: QuerySet[Any], limit: int, **tuning: Any) -> tuple[set[Any], float]:
    started = time.perf_counter()
    keys = set(tuned(search, **tuning)[:limit])
    return keys, time.perf_counter() - started
