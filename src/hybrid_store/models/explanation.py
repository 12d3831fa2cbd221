"""What a search does: the index that it uses, or why it uses none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet

from hybrid_store.backends import BaseVectorOperations, vector_ops
from hybrid_store.backends.indexes import Scan, StoredIndex
from hybrid_store.exceptions import SearchError
from hybrid_store.models.hybrid_query import HybridQuery
from hybrid_store.models.search_query import Outcome, SearchQuery

__all__ = ["Reason", "SearchExplanation", "explain_search"]


class Reason(StrEnum):
    """Why a search uses no index."""

    DATABASE = "this database always searches exactly"
    ORDER = "the rows are not ordered nearest first"
    NO_SLICE = "all rows are asked for: an index serves slices, such as [:10]"
    LOCKING = "rows are locked, and only those that are given shall be"
    GROUPED = "rows are grouped, distinct, combined or numbered before they are ranked"
    TUNED = "an exact search is asked for, by tuned() or the settings"
    NO_INDEX = "there is no index over this field"
    METRIC = "there is no index over this field for this metric"
    INVALID = "the index is invalid, as its build has failed: drop it and build it again"
    DEPTH = "the slice ends beyond the rows that one scan of an index gives"
    TOO_FEW = "the index gave too few rows that match: an exact search followed"
    PLANNER = "the planner takes another plan for cheaper, as where few rows match or are stored"


@dataclass(frozen=True)
class SearchExplanation:
    """How a search was answered.

    `index` is the name of the index that gave the rows, and None where there was none: `reason`
    says why. `exact` is whether they are certainly the nearest ones; `asked` how many rows the
    slice asks for, None for all, and `returned` how many came. `scans` are the passes over the
    index; `compared` is how many rows an exact index has left to compare. `plan` is the database's
    plan of the first statement. `recall` is the share of the true nearest rows that were found, if
    that was to be proved.
    """

    index: str | None
    reason: Reason | None
    exact: bool
    asked: int | None
    returned: int
    scans: tuple[Scan, ...]
    plan: str
    recall: float | None = None
    compared: int | None = None

    def __str__(self) -> str:
        lines = [
            f"index: {self.index or 'none'}{f' ({self.reason})' if self.reason else ''}",
            f"exact: {'yes' if self.exact else 'no, approximate'}",
            f"rows: {self.returned} of {'all' if self.asked is None else self.asked} asked for",
            f"scans: {', '.join(f'ef_search {s.effort}' for s in self.scans) or 'none'}",
        ]
        if self.compared is not None:
            lines.append(f"rows compared: {self.compared}")
        if self.recall is not None:
            lines.append(f"recall: {self.recall:.3f}")
        return "\n".join([*lines, "plan:", self.plan])


def explain_search(queryset: QuerySet[Any], *, prove: bool = False) -> SearchExplanation:
    """Run a ranked queryset and say how it was answered; with `prove`, compare with the truth.

    Raises `SearchError` for a queryset that `nearest` or `recommend` has not ranked, unless it is a
    slice ordered by a plain expression that the database finds by an index of ours.
    """
    ops = vector_ops(connections[queryset.db or DEFAULT_DB_ALIAS])
    keys = _searching(queryset.values_list("pk", flat=True), ops)
    found = list(keys)
    query = cast(SearchQuery, keys.query)
    outcome = query.outcome or Outcome(exact=True)
    plan = queryset.explain()
    stored = [
        index for index in ops.stored_indexes(query.search.field.model) if _is_over(index, query)
    ]
    used = outcome.index or next((index.name for index in stored if index.name in plan), None)
    reason = _reason(query, ops, outcome, stored, used)
    return SearchExplanation(
        index=used if reason is None else None,
        reason=reason,
        exact=outcome.exact or (used is None and not _is_rough(query)),
        asked=None if query.high_mark is None else query.wanted,
        returned=len(found),
        scans=outcome.scans,
        plan=plan,
        recall=_recall(keys, query, found) if prove else None,
        compared=outcome.compared,
    )


def _searching(queryset: QuerySet[Any], ops: BaseVectorOperations) -> QuerySet[Any]:
    query: Any = queryset.query
    if isinstance(query, HybridQuery) and ops.proposes:
        query = query.as_search()
    if not isinstance(query, SearchQuery):
        raise SearchError("explain_search() follows nearest() or recommend().")
    found = queryset.all()
    cast("Any", found)._query = query
    return found


def _is_rough(query: SearchQuery) -> bool:
    index = query.search.index
    return index is not None and index.is_rough


def _is_over(index: StoredIndex, query: SearchQuery) -> bool:
    return index.column == query.search.field.column


def _recall(keys: QuerySet[Any], query: SearchQuery, found: list[Any]) -> float:
    """Against the rows of a statement that compares all, whatever index there is."""
    compared = keys.all()
    cast("Any", compared)._query = query.exactly()
    true = set(compared)
    return len(true & set(found)) / len(true) if true else 1.0


def _reason(
    query: SearchQuery,
    ops: BaseVectorOperations,
    outcome: Outcome,
    stored: list[StoredIndex],
    used: str | None,
) -> Reason | None:
    metric = query.search.metric
    fitting = [index for index in stored if index.metric in (metric, None)]
    causes: list[tuple[Reason, Callable[[], Any]]] = [
        (Reason.DATABASE, lambda: not ops.supports_vector_index),
        (Reason.ORDER, lambda: not query.is_nearest_first),
        (Reason.TUNED, lambda: query.search.tuning_now.is_exact and not ops.proposes),
        (Reason.NO_SLICE, lambda: query.high_mark is None),
        (Reason.LOCKING, lambda: query.select_for_update),
        (Reason.GROUPED, lambda: query.has_windows or (ops.proposes and not query.is_plain)),
        (Reason.NO_INDEX, lambda: not stored),
        (Reason.METRIC, lambda: not fitting),
        (Reason.INVALID, lambda: not any(index.is_valid for index in fitting)),
        (Reason.DEPTH, lambda: not (outcome.scans or ops.proposes)),
        (Reason.TOO_FEW, lambda: outcome.exact and not ops.proposes),
        (Reason.PLANNER, lambda: used is None),
    ]
    return next((reason for reason, holds in causes if holds()), None)
