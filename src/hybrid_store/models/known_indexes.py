"""The approximate indexes that a model declares over a vector field, those of others included."""

from __future__ import annotations

from django.db.models import Index

from hybrid_store.backends import foreign_index
from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.vector_index import VectorIndex
from hybrid_store.vectors import BIT

__all__ = ["index_for", "known_indexes"]


def known_indexes(field: BaseVectorField) -> list[IndexSpec]:
    """Those over `field`, in the order of `Meta.indexes`."""
    specs = (_spec(index, field) for index in field.model._meta.indexes)
    return [spec for spec in specs if spec is not None]


def _spec(index: Index, field: BaseVectorField) -> IndexSpec | None:
    if not isinstance(index, VectorIndex):
        return foreign_index(index, field)
    return index.spec(field.model) if index.fields == [field.name] else None


def index_for(field: BaseVectorField, metric: str) -> IndexSpec | None:
    """The index that a search by `metric` should use: the most precise one."""
    fitting = [index for index in known_indexes(field) if _serves(index, metric)]
    return min(
        fitting, key=lambda index: (index.is_rough, index.condition is not None), default=None
    )


def _serves(index: IndexSpec, metric: str) -> bool:
    # An index of vectors rounded to bits gives candidates for any metric.
    return index.metric == metric or (index.precision == BIT.name and index.is_rough)
