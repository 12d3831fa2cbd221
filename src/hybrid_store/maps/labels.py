"""What the rows of a map are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from hybrid_store.maps.columns import column
from hybrid_store.maps.rows import within
from hybrid_store.models.fields import vector_fields

__all__ = ["labels_of", "rows_of"]

# Keys in one query.
MOST_KEYS = 500


def rows_of(queryset: QuerySet[Any], keys: Sequence[Any]) -> dict[Any, Any]:
    """The objects of a queryset that have these keys, by key and without their vectors."""
    vectors = (field.name for field in vector_fields(queryset.model))
    rows = within(queryset).defer(*vectors)
    return {row.pk: row for part in _parts(rows, keys) for row in part}


def labels_of(
    queryset: QuerySet[Any], keys: Sequence[Any], label: str | None = None
) -> dict[Any, str]:
    """What the rows of a queryset that have these keys are called: `str(row)`, or by a column.

    Raises `MapError` for the column as `column` does.
    """
    if label is None:
        return {key: str(row) for key, row in rows_of(queryset, keys).items()}
    rows = within(queryset)
    path = column(rows, label).path
    parts = (part.values_list("pk", path) for part in _parts(rows, keys))
    return {key: "" if text is None else str(text) for part in parts for key, text in part}


def _parts(rows: QuerySet[Any], keys: Sequence[Any]) -> Iterator[QuerySet[Any]]:
    for start in range(0, len(keys), MOST_KEYS):
        yield rows.filter(pk__in=keys[start : start + MOST_KEYS])
