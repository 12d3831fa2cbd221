"""The approximate indexes that a model declares over a vector field, pgvector.django's included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from django.db.models import F, Index

from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.functions import METRICS
from hybrid_store.models.vector_index import METHODS, OPTIONS, VectorIndex
from hybrid_store.vectors import BIT, HALF, SINGLE

__all__ = ["index_for", "known_indexes"]

OPERATOR_CLASS = re.compile(r"(?:.*\.)?(vector|halfvec|bit)_(cosine|l2|l1|ip|hamming|jaccard)_ops")
PRECISIONS = {"vector": SINGLE.name, "halfvec": HALF.name, "bit": BIT.name}


def known_indexes(field: BaseVectorField) -> list[IndexSpec]:
    """Those over `field`, in the order of `Meta.indexes`."""
    return [spec for index in field.model._meta.indexes for spec in _specs(index, field)]


def index_for(field: BaseVectorField, metric: str) -> IndexSpec | None:
    """The index that a search by `metric` should use: the most precise one."""
    fitting = [index for index in known_indexes(field) if _serves(index, metric)]
    return min(
        fitting, key=lambda index: (index.is_rough, index.condition is not None), default=None
    )


def _serves(index: IndexSpec, metric: str) -> bool:
    # An index of vectors rounded to bits gives candidates for any metric.
    return index.metric == metric or (index.precision == BIT.name and index.is_rough)


def _specs(index: Index, field: BaseVectorField) -> Iterator[IndexSpec]:
    if isinstance(index, VectorIndex):
        if index.fields == [field.name]:
            yield index.spec(field.model)
    elif getattr(index, "suffix", None) in METHODS:
        yield from _of_pgvector(index, field)


def _of_pgvector(index: Any, field: BaseVectorField) -> Iterator[IndexSpec]:
    """`HnswIndex` and `IvfflatIndex` of pgvector.django, also those over a cast."""
    if index.expressions:
        [expression, *more] = index.expressions
        names, operator_class = (
            list(_names(expression)),
            getattr(expression, "extra", {}).get("name", ""),
        )
    else:
        more, names, operator_class = index.fields[1:], index.fields, "".join(index.opclasses)
    found = OPERATOR_CLASS.fullmatch(operator_class)
    if not found or more or names != [field.name]:
        return
    kind, operators = found.groups()
    metric = next((m for m in METRICS if m.startswith(operators.replace("ip", "inner"))), "cosine")
    yield IndexSpec(
        name=index.name,
        field_name=field.name,
        codec=field.codec,
        dimensions=field.dimensions,
        metric=metric,
        method=index.suffix,
        precision=PRECISIONS[kind],
        options={name: getattr(index, name) for name in OPTIONS if getattr(index, name, None)},
        condition=index.condition,
    )


def _names(expression: Any) -> Iterator[str]:
    if isinstance(expression, F):
        yield cast("Any", expression).name
    else:
        for source in expression.get_source_expressions():
            yield from _names(source)
