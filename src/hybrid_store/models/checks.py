"""What Django's system checks say of an `EmbeddingField` and its source.

Numbers: E002 no source, E003 unknown source column, E004 unsupported type, E005 to-many path,
E006 unknown embedder, E007 other dimensions than the embedder's, E008 unknown `on_save`, E009
unsupported primary key, E015 `embed_if` is no condition of the model, E016 it follows a to-many
path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db.models import CharField, IntegerField, Q, TextField, UUIDField
from django.db.models.sql import Query

from hybrid_store.exceptions import InvalidEmbedderError
from hybrid_store.models.paths import paths_in, place
from hybrid_store.models.text_source import TextSource

if TYPE_CHECKING:
    from hybrid_store.models.chunks import Chunking
    from hybrid_store.models.embedding import EmbeddingField

__all__ = ["SUPPORTED_SOURCES", "check_embedding_field", "check_on_save", "check_source"]

# The longest text of a primary key of which a record of work is kept, and the longest texts of
# keys without a `max_length`: a sign and 19 digits; hexadecimal digits.
MAX_KEY_LENGTH = 255
KEY_LENGTHS = {IntegerField: 20, UUIDField: 32}
# Types whose text is the same on every database. Dates, decimals, floats and booleans are not.
SUPPORTED_SOURCES = (CharField, TextField, IntegerField, UUIDField)


def check_embedding_field(field: EmbeddingField) -> list[checks.CheckMessage]:
    return [message for check in CHECKS for message in check(field)]


def _error(field: TextSource | Chunking, number: int, message: str, hint: str) -> checks.Error:
    return checks.Error(message, hint=hint, obj=field, id=f"hybrid_store.E{number:03}")


def check_source(field: TextSource) -> list[checks.CheckMessage]:
    """Also of a text that is kept in passages."""
    if callable(field.source):
        return []
    if not field.source_names:
        hint = "Name the columns to embed, as in source=['title', 'description']; for vectors of "
        return [_error(field, 2, "'source' is missing.", f"{hint}your own use a VectorField.")]
    found = (_check_path(field, path) for path in field.source_names)
    return [message for message in found if message]


def _check_path(field: TextSource, path: str) -> checks.Error | None:
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


def _to_many(field: TextSource, path: str) -> checks.Error:
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


def check_on_save(field: EmbeddingField | Chunking) -> list[checks.CheckMessage]:
    if field.on_save in (None, "now", "task"):
        return []
    message = f"'on_save' is {field.on_save!r}."
    return [_error(field, 8, message, "Use 'now' or 'task', or leave it out.")]


def _check_embed_if(field: EmbeddingField) -> list[checks.CheckMessage]:
    condition = field.embed_if
    if condition is None:
        return []
    if not isinstance(condition, Q) or not condition:
        message = f"'embed_if' is {condition!r}."
        return [_error(field, 15, message, "Give a Q, as in embed_if=Q(published=True).")]
    try:
        many = [path for path in paths_in(condition) if place(field.model, path).is_many]
        Query(field.model).add_q(condition)
    except (FieldError, ValidationError, TypeError, ValueError) as error:
        message = f"'embed_if' is no condition of {field.model._meta.label}: {error}"
        return [_error(field, 15, message, "Correct its names, lookups and values.")]
    return [_condition_over_many(field, path) for path in many]


def _condition_over_many(field: EmbeddingField, path: str) -> checks.Error:
    message = f"{path!r} in 'embed_if' follows a relation to many rows."
    return _error(field, 16, message, "Keep what it asks for in a column of the model.")


def _check_primary_key(field: EmbeddingField) -> list[checks.CheckMessage]:
    keys = field.model._meta.pk_fields
    lengths = [_text_length(key) for key in keys]
    if None not in lengths and sum(filter(None, lengths)) + len(keys) - 1 <= MAX_KEY_LENGTH:
        return []
    found = ", ".join(f"{key.name!r} ({type(key).__name__})" for key in keys)
    return [
        _error(
            field,
            9,
            f"The primary key of {field.model._meta.label} is {found}, by which no record can be "
            "kept of the rows to embed.",
            "Use integers, UUIDs, CharFields, or relations to such keys, with texts of at most "
            f"{MAX_KEY_LENGTH} characters in all.",
        )
    ]


def _text_length(key: Any) -> int | None:
    """The length of the longest text of a primary key, None where it has no text or no limit."""
    if key.is_relation:
        # Django's own checks report a relation to a model that does not exist.
        return 0 if isinstance(key.remote_field.model, str) else _text_length(key.target_field)
    if isinstance(key, CharField | TextField):
        return key.max_length
    return next((length for kind, length in KEY_LENGTHS.items() if isinstance(key, kind)), None)


CHECKS: tuple[Callable[[EmbeddingField], list[checks.CheckMessage]], ...] = (
    check_source,
    _check_embedder,
    check_on_save,
    _check_embed_if,
    _check_primary_key,
)
