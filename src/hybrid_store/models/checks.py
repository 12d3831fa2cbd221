"""What Django's system checks say of an `EmbeddingField` and its source.

Numbers: E002 no source, E003 unknown source column, E004 unsupported type, E005 to-many path,
E006 unknown embedder, E007 other dimensions than the embedder's, E008 unknown `on_save`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db.models import CharField, IntegerField, TextField, UUIDField

from hybrid_store.exceptions import InvalidEmbedderError

if TYPE_CHECKING:
    from hybrid_store.models.embedding import EmbeddingField

__all__ = ["SUPPORTED_SOURCES", "check_embedding_field"]

# Types whose text is the same on every database. Dates, decimals, floats and booleans are not.
SUPPORTED_SOURCES = (CharField, TextField, IntegerField, UUIDField)


def check_embedding_field(field: EmbeddingField) -> list[checks.CheckMessage]:
    return [*_check_source(field), *_check_embedder(field), *_check_on_save(field)]


def _error(field: EmbeddingField, number: int, message: str, hint: str) -> checks.Error:
    return checks.Error(message, hint=hint, obj=field, id=f"hybrid_store.E{number:03}")


def _check_source(field: EmbeddingField) -> list[checks.CheckMessage]:
    if callable(field.source):
        return []
    if not field.source_names:
        hint = "Name the columns to embed, as in source=['title', 'description']; for vectors of "
        return [_error(field, 2, "'source' is missing.", f"{hint}your own use a VectorField.")]
    found = (_check_path(field, path) for path in field.source_names)
    return [message for message in found if message]


def _check_path(field: EmbeddingField, path: str) -> checks.Error | None:
    model: Any = field.model
    *relations, last = path.split("__")
    try:
        for name in relations:
            relation = model._meta.get_field(name)
            if relation.one_to_many or relation.many_to_many:
                return _to_many(field, path)
            model = relation.related_model
        column = model._meta.get_field(last)
    except (FieldDoesNotExist, AttributeError):
        message = f"The source {path!r} is no column of {field.model._meta.label}."
        return _error(field, 3, message, "Name a column, or a path such as 'author__name'.")
    if isinstance(column, SUPPORTED_SOURCES):
        return None
    kind = type(column).__name__
    return _error(
        field,
        4,
        f"The source {path!r} is a {kind}, whose text differs between databases.",
        "Use char, text, slug, URL, integer or UUID columns, or a callable source.",
    )


def _to_many(field: EmbeddingField, path: str) -> checks.Error:
    message = f"The source {path!r} follows a relation to many rows."
    return _error(field, 5, message, "Use a callable source that joins their texts.")


def _check_embedder(field: EmbeddingField) -> list[checks.CheckMessage]:
    try:
        embedder = field.embedder
    except InvalidEmbedderError as error:
        hint = 'Configure it in settings.HYBRID_STORE["EMBEDDERS"].'
        return [_error(field, 6, str(error), hint)]
    if embedder.dimensions == field.dimensions:
        return []
    return [
        _error(
            field,
            7,
            f"The field has {field.dimensions} dimensions, but the embedder "
            f"{embedder.alias!r} ({embedder.model}) gives {embedder.dimensions}.",
            f"Set dimensions={embedder.dimensions}, or choose another embedder.",
        )
    ]


def _check_on_save(field: EmbeddingField) -> list[checks.CheckMessage]:
    if field.on_save in (None, "now"):
        return []
    message = f"'on_save' is {field.on_save!r}."
    return [_error(field, 8, message, "Use 'now', or leave it out.")]
