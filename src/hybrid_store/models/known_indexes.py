"""The approximate indexes that a model declares over a vector field, those of others included."""

from __future__ import annotations

from django.apps import apps
from django.db import connections, router
from django.db.models import Index, Model

from hybrid_store.backends import foreign_index
from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.models.fields import BaseVectorField, vector_fields
from hybrid_store.models.vector_index import VectorIndex
from hybrid_store.vectors import BIT

__all__ = ["declared_indexes", "index_for", "known_indexes", "own_indexes", "stored_models"]


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


def stored_models(using: str) -> list[type[Model]]:
    """The models with vectors whose tables are to be in a database."""
    return [
        model
        for model in apps.get_models()
        if vector_fields(model) and router.allow_migrate_model(using, model)
    ]


def own_indexes(model: type[Model]) -> list[IndexSpec]:
    """Those over the vectors in a model's own table."""
    own = (field for field in vector_fields(model) if field.model is model)
    return [spec for field in own for spec in known_indexes(field)]


def declared_indexes(using: str) -> list[tuple[type[Model], IndexSpec]]:
    """All that models declare over tables that are in a database."""
    tables = {*connections[using].introspection.table_names()}
    there = (model for model in stored_models(using) if model._meta.db_table in tables)
    return [(model, spec) for model in there for spec in own_indexes(model)]
