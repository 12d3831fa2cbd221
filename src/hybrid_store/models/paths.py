"""Where the columns are that an embedding is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Model
from django.db.models.sql import Query

if TYPE_CHECKING:
    from hybrid_store.models.embedding import EmbeddingField

__all__ = ["Place", "elsewhere", "place"]


@dataclass(frozen=True)
class Place:
    """What a path from a row leads to."""

    # Is the column one of the row's own table? A parent's in multi-table inheritance is not.
    is_own: bool
    # May there be several rows at its end?
    is_many: bool


def place(model: type[Model], path: str) -> Place:
    """Where a path such as `author__name` leads; lookups at its end are ignored.

    Raises `FieldError` where a name is unknown.
    """
    query = Query(model)
    names = query.solve_lookup_type(path)[1]
    found = query.setup_joins(names, model._meta, query.get_initial_alias())
    _, _, tables = query.trim_joins(found.targets, found.joins, found.path)
    return Place(len(tables) == 1, any(step.m2m for step in found.path))


def elsewhere(field: EmbeddingField) -> list[str]:
    """Paths of an embedding's source that leave the table that its vector is in."""
    return [path for path in field.source_names if not place(field.model, path).is_own]
