"""What a row of a map is coloured by or called, besides its vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import BinaryField, JSONField, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql import Query

from hybrid_store.exceptions import MapError
from hybrid_store.models.fields import BaseVectorField

__all__ = ["Column", "column"]

UNFIT = (BaseVectorField, BinaryField, JSONField)


@dataclass(frozen=True)
class Column:
    """A field of a row, of a row that it refers to, or an annotation: one value a row."""

    path: str
    # What people call it.
    title: str
    # Values that are shown as something else.
    choices: Mapping[Any, Any]


def column(queryset: QuerySet[Any], path: str) -> Column:
    """What a path such as "year" or "author__name", or the name of an annotation, leads to.

    Raises `MapError` for unknown names, for what has several values a row, and for relations,
    vectors, JSON and bytes.
    """
    if path in queryset.query.annotations:
        return Column(path, _spaced(path), {})
    field = _field(queryset.model, path)
    choices = {key: str(shown) for key, shown in getattr(field, "flatchoices", ())}
    is_own = LOOKUP_SEP not in path
    return Column(path, str(field.verbose_name) if is_own else _spaced(path), choices)


def _spaced(path: str) -> str:
    return path.replace("_", " ").replace("  ", " ")


def _field(model: type[Model], path: str) -> Any:
    query, label = Query(model), f"{model._meta.label}.{path}"
    try:
        steps, field, *_ = query.names_to_path(
            path.split(LOOKUP_SEP), query.get_meta(), fail_on_missing=True
        )
    except FieldError as error:
        raise MapError(f"{label} is no field: {error}") from error
    if any(step.m2m for step in steps):
        raise MapError(
            f"{label} has several values a row: annotate the queryset with one, and name that."
        )
    if field.is_relation:
        raise MapError(f"{label} is a row of its own: name a field of it, such as {path}__name.")
    if isinstance(field, UNFIT):
        raise MapError(f"{label} is a {type(field).__name__}: name a field of texts or numbers.")
    return field
