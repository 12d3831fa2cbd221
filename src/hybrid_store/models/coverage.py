"""How much of a queryset is embedded, and how freshly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from hybrid_store.models import freshness
from hybrid_store.models.chunks import Chunking, chunkings
from hybrid_store.models.embedding import EmbeddingField, embedding_field
from hybrid_store.models.spaces import of_other_space, of_unknown_origin
from hybrid_store.models.states import failed_rows, in_flight_rows, records
from hybrid_store.models.unsplit import unsplit

__all__ = ["Coverage", "coverage"]


@dataclass(frozen=True)
class Coverage:
    """Rows by the state of one embedding.

    `rows` = `current` + `stale` + `blank`. Stale rows have a text and no current vector, or a
    vector and no text. Some of them are counted again: those that hold a vector of another space
    or of unknown origin, those that could not be embedded, and those being embedded just now.

    Of passages, `unsplit` is how many rows of the parent's whole table have others than those of
    their text.
    """

    rows: int
    current: int
    stale: int
    blank: int
    other_spaces: int
    unknown: int
    failed: int
    in_flight: int
    unsplit: int = 0


def coverage(queryset: QuerySet[Any], field: str | None = None) -> Coverage:
    """Count the rows of `queryset`; reads all of them.

    `field` names the embedding where the model has several. Raises `UnknownFieldError`.
    """
    chosen = embedding_field(queryset.model, field)
    rows = queryset.order_by()
    counts = _counts(rows, chosen)
    current = counts["rows"] - counts["stale"] - counts["blank"]
    tried = records(chosen).using(queryset.db).exists()
    return Coverage(
        current=current,
        failed=failed_rows(rows, chosen).count() if tried else 0,
        in_flight=in_flight_rows(rows, chosen).count() if tried else 0,
        unsplit=sum(_unsplit(chunking, queryset.db) for chunking in chunkings([queryset.model])),
        **counts,
    )


def _unsplit(chunking: Chunking, using: str) -> int:
    parents = chunking.text.model._base_manager.using(using)
    return unsplit(parents, chunking).count()


def _counts(rows: QuerySet[Any], field: EmbeddingField) -> dict[str, int]:
    """What the database can tell in one pass; with a callable source, the rest in two more."""
    counted = {"other_spaces": of_other_space(field), "unknown": of_unknown_origin(field)}
    empty = Q(**{f"{field.name}__isnull": True, f"{field.fingerprint_name}__isnull": True})
    if not callable(field.source):
        counted |= {"stale": freshness.stale(field), "blank": empty & freshness.blank(field)}
    filters = {name: Count(Value(1), filter=where) for name, where in counted.items()}
    counts: dict[str, int] = rows.aggregate(rows=Count("*"), **filters)
    if callable(field.source):
        counts["stale"] = freshness.stale_rows(rows, field).count()
        counts["blank"] = sum(
            freshness.is_blank(freshness.rendered_in_python(field, row))
            for row in freshness.renderable(rows.filter(empty), field).iterator()
        )
    return counts
