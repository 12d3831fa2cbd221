"""Where the columns are that an embedding is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Model, Q
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql import Query
from django.db.models.sql.query import get_children_from_q  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from hybrid_store.models.embedding import EmbeddingField

__all__ = ["Place", "elsewhere", "fields_read", "in_own_table", "paths_in", "place"]


@dataclass(frozen=True)
class Place:
    """What a path from a row leads to."""

    # Is it a column of the row's own table? A parent's in multi-table inheritance is not.
    is_own: bool
    # May there be several rows at its end?
    is_many: bool


def paths_in(condition: Q) -> list[str]:
    """What a condition names, with its lookups: `published`, `year__gte`."""
    return list(get_children_from_q(condition))


def place(model: type[Model], path: str) -> Place:
    """Where a path such as `author__name` leads; lookups at its end are ignored.

    Raises `FieldError` where a name is unknown.
    """
    query = Query(model)
    names = query.solve_lookup_type(path)[1]
    found = query.setup_joins(names, query.get_meta(), query.get_initial_alias())
    _, _, tables = query.trim_joins(found.targets, found.joins, found.path)
    is_own = len(names) == len(tables) == 1
    return Place(is_own, any(step.m2m for step in found.path))


def elsewhere(field: EmbeddingField) -> list[str]:
    """What an embedding depends on that is in another table than its vector."""
    return [path for path in field.paths if not place(field.model, path).is_own]


def in_own_table(field: EmbeddingField) -> bool:
    """Does a row's text depend on nothing but the row of the field's own table, in SQL?

    It does not where the source is a callable, or where it or `embed_if` has columns of related
    rows or of a parent.
    """
    return not callable(field.source) and not elsewhere(field)


def fields_read(field: EmbeddingField) -> list[Any]:
    """The fields of the row's own model that its text depends on, relations among them."""
    fields = {own.name: own for own in field.model._meta.fields}
    fields |= {own.attname: own for own in field.model._meta.concrete_fields}
    names = (path.partition(LOOKUP_SEP)[0] for path in field.paths)
    return [fields[name] for name in names if name in fields]
