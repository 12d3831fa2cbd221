"""Where the queryset of a store comes from, so that a store can be made again from a file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.utils.module_loading import import_string
from haystack.core.errors import SerializationError
from haystack.utils import deserialize_callable

__all__ = ["check_allowed", "rows_by_name", "serialized"]

Rows = Callable[[], QuerySet[Any]]


def rows_by_name(name: str) -> Rows:
    """Those that a function gives, by its dotted path; or all of a model, by "app.Model".

    Raises `ImportError` where there is none, `TypeError` where it is no function.
    """
    model = _model(name)
    found: Any = import_string(name) if model is None else model._default_manager.all
    if not callable(found):
        raise TypeError(f"{name!r} is no function that gives a queryset: name one.")
    rows: Rows = found
    return rows


def check_allowed(name: str) -> None:
    """Raises `DeserializationError` for what is in a module that Haystack was not told to trust.

    A file may name any function or model.
    """
    model = _model(name)
    deserialize_callable(f"{model.__module__}.{model.__qualname__}" if model else name)


def serialized(queryset: QuerySet[Any]) -> str:
    """The label of a model. Raises `SerializationError` for a queryset that is not all of it."""
    label: str = queryset.model._meta.label
    given: Any = queryset
    every: Any = queryset.model._default_manager.all()
    if given._db == every._db and _sql(given) == _sql(every):
        return label
    raise SerializationError(
        f"A queryset of {label} that is not all of it cannot be written to a file. Make the store "
        "from the dotted path of a function that gives the queryset, such as "
        '"movies.documents.visible".'
    )


def _sql(queryset: QuerySet[Any]) -> Any:
    try:
        return queryset.query.sql_with_params()
    except EmptyResultSet:
        # Equal to nothing, itself included.
        return math.nan


def _model(name: str) -> Any:
    try:
        return apps.get_model(name)
    except (LookupError, ValueError):
        return None
