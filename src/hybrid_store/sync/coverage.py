"""How much of a table is embedded, and how freshly."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Count, Value

from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import of_other_space, of_unknown_origin
from hybrid_store.sync.sources import source_reader

__all__ = ["Coverage", "coverage"]


@dataclass(frozen=True)
class Coverage:
    """Rows of a table by the state of one embedding.

    `stale` rows have a text and no current vector, or a vector and no text. Those of them that hold
    a vector of another space, or of unknown origin, are counted again under that name.
    """

    rows: int
    current: int
    stale: int
    blank: int
    other_spaces: int
    unknown: int


def coverage(field: EmbeddingField, *, using: str = DEFAULT_DB_ALIAS) -> Coverage:
    """Count the rows of the whole table; reads all of it."""
    rows = source_reader(field, using).rows
    counts = rows.aggregate(
        rows=Count("*"),
        other_spaces=Count(Value(1), filter=of_other_space(field)),
        unknown=Count(Value(1), filter=of_unknown_origin(field)),
    )
    stale = freshness.stale_rows(rows, field).count()
    blank = _blank(field, using)
    return Coverage(current=counts["rows"] - stale - blank, stale=stale, blank=blank, **counts)


def _blank(field: EmbeddingField, using: str) -> int:
    """Rows with neither text nor vector."""
    reader = source_reader(field, using)
    empty = reader.rows.filter(**{f"{field.name}__isnull": True})
    if callable(field.source):
        return sum(text.is_blank for text in reader.read(empty))
    return empty.filter(freshness.blank(field)).count()
