"""`EmbeddingField(on_save="now")`: rows are embedded as they are saved."""

from __future__ import annotations

import functools
import logging
from typing import Any

from django.db.models import Model

from hybrid_store.exceptions import EmbedderError
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.paths import fields_read
from hybrid_store.sync.generation import embed_row

__all__ = ["embed_on_save"]

logger = logging.getLogger("hybrid_store")


def embed_on_save(
    sender: type[Model],
    instance: Model,
    raw: bool = False,
    using: str = "default",
    update_fields: frozenset[str] | None = None,
    **kwargs: Any,
) -> None:
    """After `save()`: embed the row if it is stale.

    A provider that is down does not undo the save. The row is stale then, is logged, and the next
    `generate_embeddings` takes it. Fixtures and migrations embed nothing.
    """
    if raw or sender.__module__ == "__fake__":
        return
    for field in _fields_embedded_now(sender):
        if not _concerns(field, update_fields):
            continue
        try:
            embed_row(field, instance, using)
        except EmbedderError:
            logger.exception("%s %r was saved but not embedded.", field.label, instance.pk)


@functools.cache
def _fields_embedded_now(model: type[Model]) -> list[EmbeddingField]:
    return [field for field in embedding_fields(model) if field.on_save == "now"]


def _concerns(field: EmbeddingField, update_fields: frozenset[str] | None) -> bool:
    """Can this save have changed the text or the vector?"""
    if update_fields is None or callable(field.source):
        return True
    names = {name for read in fields_read(field) for name in (read.name, read.attname)}
    return bool(update_fields & {*names, field.name})
