"""What Django's system checks say of a `Chunk` model and its `Chunking`.

Numbers: E029 the model is not declared as one of passages that never outlive their parent, E030 a
mistake in `tokens`, `overlap` or `splitter`, E031 passages that are longer than an embedder reads,
E032 the package that splits is not installed. Its source and `on_save` have the numbers of those
of an `EmbeddingField`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from hybrid_store.exceptions import HybridStoreError
from hybrid_store.models.checks import check_on_save, check_source
from hybrid_store.splitters import MODULE

if TYPE_CHECKING:
    from hybrid_store.models.chunks import Chunk, Chunking

__all__ = ["check_chunk"]

CASCADES = (models.CASCADE, getattr(models, "DB_CASCADE", models.CASCADE))


def check_chunk(model: type[Chunk]) -> list[CheckMessage]:
    faults: list[CheckMessage] = list(_check_declaration(model))
    # A child of another model of passages inherits its chunking.
    if faults or model.chunking.model is not model:
        return faults
    chunking = model.chunking
    return [
        *check_source(chunking.text),
        *check_on_save(chunking),
        *_check_size(chunking),
        *_check_embedders(chunking),
        *_check_package(chunking),
    ]


def _error(model: type[Chunk], number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, obj=model, id=f"hybrid_store.E{number:03}")


def _check_declaration(model: type[Chunk]) -> Iterator[Error]:
    from hybrid_store.models.chunks import Chunking

    if not isinstance(getattr(model, "chunking", None), Chunking):
        hint = "Write chunking = Chunking(source=['title', 'text'], tokens=256)."
        yield _error(model, 29, "There is no 'chunking' that says what its passages are of.", hint)
        return
    for fault in _faults_of_parent(model):
        hint = "Write parent = models.ForeignKey(Article, on_delete=models.CASCADE)."
        yield _error(model, 29, f"'parent' {fault}.", hint)
    if any(key.name == "number" for key in model._meta.pk_fields):
        hint = "Leave it out: passages change their numbers when their text is edited."
        yield _error(model, 29, "'number' is part of the primary key.", hint)


def _faults_of_parent(model: type[Chunk]) -> Iterator[str]:
    """What keeps a passage from being that of one row for as long as that row is there."""
    meta: Any = model._meta
    try:
        parent = meta.get_field("parent")
    except FieldDoesNotExist:
        parent = None
    if not isinstance(parent, models.ForeignKey) or isinstance(parent.related_model, str):
        yield "is no foreign key to the model whose text is kept in passages"
        return
    yield from _faults_of_key(parent)
    chunking = model.chunking
    if parent.unique and (chunking.tokens is not None or chunking.splitter is not None):
        yield "is unique, but a text may have several passages"


def _faults_of_key(parent: Any) -> Iterator[str]:
    relation = parent.remote_field
    if relation.on_delete not in CASCADES or parent.null or not parent.db_constraint:
        yield "must have CASCADE, may not be NULL, and needs its constraint in the database"
    if relation.field_name not in (None, parent.related_model._meta.pk.name):
        yield f"refers to {relation.field_name!r}, and has to refer to the primary key"


def _check_size(chunking: Chunking) -> Iterator[Error]:
    fault = _fault_of_size(chunking.tokens, chunking.overlap, chunking.splitter)
    if fault:
        hint = "Use whole numbers as in tokens=256, overlap=32, or a splitter, or none of them."
        yield _error(chunking.model, 30, fault, hint)


def _fault_of_size(tokens: Any, overlap: Any, splitter: Any) -> str | None:
    if splitter is not None:
        if not callable(splitter):
            return f"'splitter' is {splitter!r:.60}, which cannot be called."
        return "'tokens' and 'overlap' are not for a 'splitter'." if tokens or overlap else None
    if tokens is not None and (type(tokens) is not int or tokens < 1):
        return f"'tokens' is {tokens!r:.60}."
    if type(overlap) is not int or overlap < 0:
        return f"'overlap' is {overlap!r:.60}."
    if overlap >= (tokens or 1):
        return f"'overlap' is {overlap}, and 'tokens' {tokens}: a passage would bring nothing new."
    return None


def _check_embedders(chunking: Chunking) -> Iterator[Error]:
    """Would an embedder read only the beginning of a passage?"""
    tokens = chunking.tokens
    if type(tokens) is not int:
        return
    try:
        limits = {str(embedder): embedder.max_tokens for embedder in chunking.embedders}
    except HybridStoreError:
        # The checks of the fields, or of the settings, name the fault.
        return
    for embedder, most in limits.items():
        if most is not None and tokens > most:
            message = f"'tokens' is {tokens}, but {embedder} reads at most {most}."
            yield _error(chunking.model, 31, message, f"Use tokens={most} or fewer.")


def _check_package(chunking: Chunking) -> Iterator[Error]:
    if chunking.tokens is not None and find_spec(MODULE) is None:
        message = f"To split by tokens, the package {MODULE!r} has to be installed."
        hint = 'Run: pip install "django-hybrid-store[passages]"'
        yield _error(chunking.model, 32, message, hint)
