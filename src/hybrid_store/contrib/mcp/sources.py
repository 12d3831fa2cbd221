"""What may be searched: querysets, each made for the request that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.db.models import QuerySet

from hybrid_store.contrib.retrieval.collection import Collection, collection

__all__ = ["Rows", "Source"]

Rows: TypeAlias = QuerySet[Any] | Callable[[Any], QuerySet[Any]]


@dataclass(frozen=True)
class Source:
    """One of the things that a server lets models search.

    `rows` is a queryset, or takes the `Context` of a request and gives the rows that it may see:
    `context.request_context.request` is the HTTP request, with its user and headers, and None over
    other transports. `fields` and the names are those of
    `hybrid_store.contrib.retrieval.layout.layout`; of metadata, models see and filter by what
    `fields` and the JSON field hold.
    """

    name: str
    description: str
    rows: Rows
    fields: Iterable[str] | Mapping[str, str] = ()
    names: Mapping[str, Any] = field(default_factory=dict)

    def collection(self, context: Any) -> Collection:
        """Its documents, for one request."""
        rows = self.rows(context) if callable(self.rows) else self.rows.all()
        return collection(rows, fields=self.fields, **self.names)
