"""A sample search by each index over vectors: does it use the index, and how much does it find?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from django.db.models import QuerySet

from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.management.base import counted
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.models.explanation import Reason, SearchExplanation, explain_search
from hybrid_store.models.fields import BaseVectorField, vector_fields
from hybrid_store.models.functions import metrics_of
from hybrid_store.models.known_indexes import known_indexes
from hybrid_store.models.ranked_search import nearest, searchable

__all__ = ["examine"]

# Rows that are asked for, and the least share of the true ones of which nothing is said: one of
# ten that is missing is what searches by an approximate index aim at.
NEIGHBOURS = 10
LEAST_RECALL = 0.8
# Rows from which on a search without an index takes some milliseconds.
MANY_ROWS = 10_000
DISTANCE = "hybrid_store_distance"

# Why no index was used -> what to do about it in a table of many rows.
FIXES: Mapping[Reason | None, str] = {
    Reason.NO_INDEX: 'Add VectorIndex("{field}", metric="{metric}", name=...) to the model.',
    Reason.METRIC: 'Add VectorIndex("{field}", metric="{metric}", name=...) to the model.',
    Reason.INVALID: "Drop the index and build it again.",
    Reason.TOO_FEW: "Run VACUUM (ANALYZE) {table}; few rows of the index could be found.",
    Reason.PLANNER: "Run ANALYZE {table}, so that the planner knows how many rows there are.",
}
# The same where it is no planner that chooses, but codes are compared.
FIXES_OF_CODES: Mapping[Reason | None, str] = {
    **FIXES,
    Reason.PLANNER: 'Give HYBRID_STORE["INDEX_MEMORY"] more, or codes longer by --timeout.',
}


def examine(case: Case) -> Iterator[Finding]:
    for field, metric in _searches(case):
        subject = f"search {field.label} by {metric}"
        yield from case.ask(subject, partial(_sample, case, field, metric, subject))


def _searches(case: Case) -> Iterator[tuple[BaseVectorField, str]]:
    """Every vector field with each metric that it has an index for; without any, the default."""
    for model in case.models:
        for field in vector_fields(model):
            if field.model is model:
                indexed = dict.fromkeys(index.metric for index in known_indexes(field))
                metrics = [*indexed] or metrics_of(field.codec)[:1]
                yield from ((field, metric) for metric in metrics)


def _sample(case: Case, field: BaseVectorField, metric: str, subject: str) -> Iterator[Finding]:
    rows = field.model._default_manager.using(case.using)
    target, others = _target(rows.filter(searchable(field)).order_by("pk"), field)
    if target is None:
        yield Finding(True, subject, "too few rows can be searched for", minor=True)
        return
    names: dict[str, Any] = {"distance_as": DISTANCE, "similarity_as": None}
    ranked = nearest(rows.all(), target, field=field.name, metric=metric, **names)
    ranked = ranked[: min(NEIGHBOURS, others)]
    explanation = explain_search(ranked, prove=True)
    detail = f"{_found(explanation)} in {_milliseconds(ranked):.1f} ms"
    yield Finding(True, subject, detail, _fix(case, field, metric, explanation))


def _target(rows: QuerySet[Any], field: BaseVectorField) -> tuple[Any, int]:
    """The row in the middle, the same every time, and how many others there are."""
    count = rows.count()
    middle = next(iter(rows[count // 2 : count // 2 + 1]), None)
    is_usable = count > 1 and middle is not None and not getattr(middle, field.attname).is_zero()
    return (middle if is_usable else None), count - 1


def _milliseconds(ranked: QuerySet[Any]) -> float:
    """Of a search whose like has been made before."""
    started = time.perf_counter()
    list(ranked.all())
    return 1000 * (time.perf_counter() - started)


def _found(explanation: SearchExplanation) -> str:
    rows = counted(explanation.returned)
    if explanation.index is None:
        return f"{rows} without an index ({explanation.reason})"
    compared = f", {counted(explanation.compared)} compared" if explanation.compared else ""
    return f"{rows} by index {explanation.index}{compared}, recall {explanation.recall:.2f},"


def _fix(case: Case, field: BaseVectorField, metric: str, explanation: SearchExplanation) -> str:
    if explanation.recall is not None and explanation.recall < LEAST_RECALL:
        return (
            f"Run manage.py measure_recall {field.label}, and raise RECALL or EF_SEARCH in "
            'HYBRID_STORE["SEARCH"], or build the index anew.'
        )
    wanted = IndexSpec("", field.name, field.codec, field.dimensions, metric)
    fix = (FIXES_OF_CODES if case.ops.proposes else FIXES).get(explanation.reason)
    if fix is None or not case.ops.makes_index(field.model, wanted):
        return ""
    if case.ops.table_rows(field.model) < MANY_ROWS:
        return ""
    table = case.connection.ops.quote_name(field.model._meta.db_table)
    return fix.format(field=field.name, metric=metric, table=table)
