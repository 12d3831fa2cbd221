"""Naming embeddings on the command line: `app.Model` or `app.Model.field`."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db.models import Model

from hybrid_store.exceptions import UnknownFieldError
from hybrid_store.models.embedding import EmbeddingField, embedding_field, embedding_fields
from hybrid_store.models.fields import BaseVectorField, vector_field

__all__ = ["all_embedding_fields", "labelled_fields", "labelled_model", "labelled_vector_field"]


def labelled_fields(labels: Iterable[str]) -> list[EmbeddingField]:
    """The embeddings that labels name, all of the project where there is no label.

    Raises `UnknownFieldError`.
    """
    chosen = [field for label in labels for field in _labelled(label)]
    return list(dict.fromkeys(chosen)) or all_embedding_fields()


def all_embedding_fields() -> list[EmbeddingField]:
    """Every embedding of the project, once, however many models inherit it."""
    found = {
        field: None
        for model in apps.get_models()
        for field in embedding_fields(model)
        if field.model is model
    }
    return list(found)


def labelled_model(label: str) -> type[Model]:
    """The model that `app.Model` names; raises `UnknownFieldError`."""
    app, _, name = label.partition(".")
    try:
        return apps.get_model(app, name)
    except (LookupError, ValueError) as error:
        raise UnknownFieldError(
            f"{label!r} names no model: use app.Model or app.Model.field ({error})"
        ) from error


def labelled_vector_field(label: str) -> BaseVectorField:
    """The vector field that a label names; raises `UnknownFieldError`."""
    model, name = _split(label)
    return vector_field(model, name or None)


def _labelled(label: str) -> list[EmbeddingField]:
    model, name = _split(label)
    if name:
        return [embedding_field(model, name)]
    fields = embedding_fields(model)
    return fields or [embedding_field(model)]


def _split(label: str) -> tuple[type[Model], str]:
    app, _, rest = label.partition(".")
    model, _, field = rest.partition(".")
    return labelled_model(f"{app}.{model}"), field
