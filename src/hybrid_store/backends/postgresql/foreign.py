"""Indexes that a model declares by the classes of pgvector.django."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django.db.models import F

from hybrid_store.backends.indexes import IndexSpec, VectorColumn
from hybrid_store.backends.postgresql.indexes import METHOD_NAMES, METRICS
from hybrid_store.backends.postgresql.types import TYPE_NAMES

if TYPE_CHECKING:
    from django.db.models import Index

__all__ = ["foreign_index"]

OPTIONS = ("m", "ef_construction", "lists")
PRECISIONS = {type_name: precision for precision, type_name in TYPE_NAMES.items()}
OPERATOR_CLASS = re.compile(rf"(?:.*\.)?({'|'.join(PRECISIONS)})_({'|'.join(METRICS)})_ops")


def foreign_index(index: Index, field: VectorColumn) -> IndexSpec | None:
    """What `HnswIndex` or `IvfflatIndex` says, if it is over `field`, or over a cast of it."""
    method = getattr(index, "suffix", None)
    names, operator_class = _of_expression(index) if index.expressions else _of_fields(index)
    found = OPERATOR_CLASS.fullmatch(operator_class)
    if method not in METHOD_NAMES or not found or names != [field.name]:
        return None
    type_name, operators = found.groups()
    return IndexSpec(
        name=index.name,
        field_name=field.name,
        codec=field.codec,
        dimensions=field.dimensions,
        metric=METRICS[operators],
        method=method,
        precision=PRECISIONS[type_name],
        options={name: getattr(index, name) for name in OPTIONS if getattr(index, name, None)},
        condition=cast("Any", index).condition,
    )


def _of_fields(index: Any) -> tuple[list[str], str]:
    return index.fields, "".join(index.opclasses)


def _of_expression(index: Any) -> tuple[list[str], str]:
    """The columns in all expressions, and the operator class of the first."""
    names = [name for expression in index.expressions for name in _names(expression)]
    return names, getattr(index.expressions[0], "extra", {}).get("name", "")


def _names(expression: Any) -> Iterator[str]:
    if isinstance(expression, F):
        yield cast("Any", expression).name
    else:
        for source in expression.get_source_expressions():
            yield from _names(source)
