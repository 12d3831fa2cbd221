"""First batch or exact: how a search uses an index that knows nothing of its filters.

One pass over an approximate index yields the nearest rows before any filter. If enough of them
match, they are the answer, whatever the filter has to do with the query. If not, that is seen: the
pass returned too few rows. Then a wider pass follows where that promises enough, else an exact
search. (An index that is made to go on until enough rows match finds some that are not the
nearest.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hybrid_store.backends.indexes import MOST_EFFORT, Scan
from hybrid_store.models.tuning import Tuning

__all__ = ["first_scan", "last_scan", "wider_scan"]

# The least effort under a filter, and how many rows may be fetched for every one wanted. The
# latter lets the planner see that few rows match, and take them from another index.
FILTERED_EFFORT = 200
FILTERED_LIMIT = 5
# How many times the rows an index must give whose order is that of lower precision.
ROUGHNESS: Mapping[str | None, int] = {"bit": 4}
# How many times the rows wanted are looked at, at least.
MARGIN_OF_LAST = 2
# A wider pass has to promise this many times the rows that are missing.
MARGIN = 1.8
LEAST_MARGIN = 1.3
# How many rows are fetched and sorted for every one wanted, where order is not certain.
RESUMED_LIMIT = 3


def first_scan(
    wanted: int, filtered: bool, tuning: Tuning, precision: str | None = None
) -> Scan | None:
    """The pass to begin with for the `wanted` nearest rows; None if none would do.

    `precision` is that of the index, if its order is not that of the true distances.
    """
    limit = wanted * FILTERED_LIMIT if filtered else wanted
    if tuning.ef_search is not None:
        effort = max(tuning.ef_search, wanted)
        return Scan(effort, limit) if effort <= MOST_EFFORT else None
    roughness = ROUGHNESS.get(precision, 1)
    # The last of the rows wanted shall not be at the edge of what is looked at.
    if MARGIN_OF_LAST * wanted * roughness > MOST_EFFORT:
        return None
    effort = max(tuning.effort, MARGIN_OF_LAST * wanted, FILTERED_EFFORT if filtered else 0)
    matches = wanted * roughness if filtered and roughness > 1 else 0
    return Scan(min(effort * roughness, MOST_EFFORT), limit, matches=matches)


def wider_scan(scan: Scan, wanted: int, found: int, share: float = 1.0) -> Scan | None:
    """Another pass, if by what the last one `found` it will find all rows; else None.

    Where that `share` of them is enough, also the widest pass, if it promises those.
    """
    wanted = scan.matches or wanted
    if not 0 < found < wanted or scan.effort >= MOST_EFFORT:
        return None
    needed = wanted * scan.effort / found
    least = LEAST_MARGIN * needed if share == 1 else share * needed
    if least > MOST_EFFORT:
        return None
    return replace(scan, effort=min(MOST_EFFORT, round(MARGIN * needed)))


def last_scan(wanted: int) -> Scan:
    """The pass in place of an exact search that would read too many rows."""
    return Scan(MOST_EFFORT, RESUMED_LIMIT * wanted, resumes=True)
