"""The texts of rows, for rerankers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from hybrid_store.exceptions import SearchError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.freshness import (
    SEPARATOR,
    AsText,
    Joined,
    renderable,
    rendered_in_python,
    rendering,
)

__all__ = ["TextOf", "texts_of"]

TextOf: TypeAlias = Callable[[Any], str] | Sequence[str] | None
"""A function of a row, names of its columns, or None for what is embedded of it."""

TEXT = "_hybrid_store_text"


def texts_of(what: TextOf, rows: QuerySet[Any], keys: Sequence[Any]) -> Mapping[Any, str]:
    """Key -> text of those of `rows` that have these keys, in one query."""
    chosen = rows.order_by().filter(pk__in=keys)
    if callable(what):
        return {row.pk: str(what(row)) for row in chosen}
    if what is not None:
        return _texts(chosen, _columns(rows, what))
    field = embedding_field(rows.model)
    if callable(field.source):
        return {row.pk: rendered_in_python(field, row) for row in renderable(chosen, field)}
    return _texts(chosen, rendering(field))


def _texts(rows: QuerySet[Any], text: Any) -> Mapping[Any, str]:
    return dict(rows.annotate(**{TEXT: text}).values_list("pk", TEXT))


def _columns(rows: QuerySet[Any], names: Sequence[str]) -> Joined:
    listed = [names] if isinstance(names, str) else list(names)
    if not listed or not all(isinstance(name, str) for name in listed):
        raise SearchError(f"text is {names!r}: name columns, or give a function of a row.")
    parts: list[Any] = []
    for name in listed:
        parts += [Value(SEPARATOR), Coalesce(AsText(F(name)), Value(""))]
    return Joined(*parts[1:])
