"""What is added to the objects that a search gives, after they are fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from django.db.models import QuerySet
from django.db.models.query import ModelIterable

from hybrid_store.exceptions import SearchError

__all__ = ["Finisher", "finished"]

# How many rows are finished at once where they are not sliced.
BATCH = 200


class Finisher(Protocol):
    """Adds attributes to rows."""

    def finish(self, rows: Sequence[Any], using: str) -> None:
        """`rows` are one or more objects, read from the database `using`."""


class FinishedRows(ModelIterable):  # type: ignore[type-arg]
    """The objects of a queryset, finished by what its query says."""

    def __iter__(self) -> Iterator[Any]:
        queryset: Any = self.queryset
        rows = super().__iter__()
        while batch := list(islice(rows, BATCH)):
            for finisher in queryset.query.finishers:
                finisher.finish(batch, queryset.db)
            yield from batch


def finished(queryset: QuerySet[Any], finisher: Finisher) -> None:
    """Have the rows of that very queryset finished; raises `SearchError` for values."""
    changed: Any = queryset
    if not issubclass(changed._iterable_class, ModelIterable):
        raise SearchError("Only objects carry more than columns: leave values() out.")
    changed._iterable_class = FinishedRows
    changed.query.finishers = (*changed.query.finishers, finisher)
