"""Where the columns are that a text is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql import Query
from django.db.models.sql.query import get_children_from_q  # type: ignore[attr-defined]

from hybrid_store.models.text_source import TextSource

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


def elsewhere(source: TextSource) -> list[str]:
    """What a text depends on that is not in the table of its own rows."""
    return [path for path in source.paths if not place(source.model, path).is_own]


def in_own_table(source: TextSource) -> bool:
    """Does a row's text depend on nothing but the row of the model's own table, in SQL?

    It does not where the source is a callable, or where it or `embed_if` has columns of related
    rows or of a parent.
    """
    return not callable(source.source) and not elsewhere(source)


def fields_read(source: TextSource) -> list[Any]:
    """The fields of the row's own model that its text depends on, relations among them."""
    fields = {own.name: own for own in source.model._meta.fields}
    fields |= {own.attname: own for own in source.model._meta.concrete_fields}
    names = (path.partition(LOOKUP_SEP)[0] for path in source.paths)
    return [fields[name] for name in names if name in fields]
