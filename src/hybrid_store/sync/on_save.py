"""`on_save=...`: rows are embedded, or split, when the transaction of their save is committed.

What is rolled back, a savepoint included, leaves no vector, no task and no paid call, and no
transaction waits for a provider.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from django.db import connections, transaction
from django.db.models import Model

from hybrid_store.models.chunks import Chunking, chunkings
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.keys import key_text
from hybrid_store.models.paths import fields_read
from hybrid_store.models.text_source import TextSource
from hybrid_store.sync.generation import embed_rows
from hybrid_store.sync.splitting import split_and_embed

__all__ = ["embed_on_save"]

logger = logging.getLogger("hybrid_store")

Work: TypeAlias = Callable[[], None]

# On a connection: arguments of the tasks that its latest commit has enqueued.
ENQUEUED = "_hybrid_store_enqueued"


def embed_on_save(
    sender: type[Model],
    instance: Model,
    raw: bool = False,
    using: str = "default",
    update_fields: frozenset[str] | None = None,
    **kwargs: Any,
) -> None:
    """After `save()`: have the row embedded if it is stale once it is committed, and split and its
    passages embedded if they are not those of its text.

    In autocommit mode that is at once. Whatever fails then does not undo the save: it is logged,
    the row is stale, and the next `generate_embeddings` takes it. Fixtures and migrations embed
    nothing.
    """
    if raw or sender.__module__ == "__fake__":
        return
    for field in _fields_embedded_on_save(sender):
        if _concerns(field, update_fields, field.name):
            pk = field.key_of(instance)
            work = WORK[str(field.on_save)](field, instance, pk, using)
            transaction.on_commit(_logged(f"{field.label} {pk!r}", work), using=using)
    for chunking in _chunkings_on_save(sender):
        if _concerns(chunking.text, update_fields):
            key = getattr(instance, chunking.text.model._meta.pk.attname)
            work = SPLIT_WORK[str(chunking.on_save)](chunking, key, using)
            transaction.on_commit(_logged(f"{chunking.label} {key!r}", work), using=using)


@functools.cache
def _fields_embedded_on_save(model: type[Model]) -> list[EmbeddingField]:
    return [field for field in embedding_fields(model) if field.on_save in WORK]


@functools.cache
def _chunkings_on_save(model: type[Model]) -> list[Chunking]:
    declared = (chunking for chunking in chunkings() if chunking.on_save in SPLIT_WORK)
    return [chunking for chunking in declared if issubclass(model, chunking.text.model)]


def _concerns(text: TextSource, update_fields: frozenset[str] | None, *others: str) -> bool:
    """Can this save have changed the text, or another of the fields?"""
    if update_fields is None or callable(text.source):
        return True
    names = {name for read in fields_read(text) for name in (read.name, read.attname)}
    return bool(update_fields & {*names, *others})


def _logged(saved: str, work: Work) -> Work:
    def committed() -> None:
        try:
            work()
        except Exception:
            logger.exception("%s was saved but not embedded.", saved)

    return committed


def _embedding(field: EmbeddingField, instance: Model, pk: Any, using: str) -> Work:
    """Embed the row, and give the instance what is stored then."""
    saved = _said(field, instance)

    def embed() -> None:
        written = embed_rows(field, using, pk=pk)
        # Of two instances of one row, saved in one transaction, the second meets no stale row.
        waiting = written or instance.__dict__.get(field.fingerprint_name) is None
        if waiting and _said(field, instance) == saved:
            _give_pair(field, instance, pk, using)

    return embed


def _said(field: EmbeddingField, instance: Model) -> list[Any]:
    """Which row the instance is, its text, as far as that is its own, and its vector."""
    meta: Any = field.model._meta
    own = [meta.get_field(name.partition("__")[0]) for name in field.source_names]
    return [
        field.key_of(instance),
        *(instance.__dict__.get(source.attname) for source in (*own, field)),
    ]


def _give_pair(field: EmbeddingField, instance: Model, pk: Any, using: str) -> None:
    names = field.attname, field.fingerprint_name
    rows = field.model._base_manager.using(using).filter(pk=pk)
    for stored in rows.values_list(*names):
        for name, value in zip(names, stored, strict=True):
            setattr(instance, name, value)


def _enqueueing(field: EmbeddingField, instance: Model, pk: Any, using: str) -> Work:
    arguments = (field.model._meta.label, field.name, key_text(field.model, pk), using)
    return _enqueued_once(using, arguments, lambda tasks: tasks.enqueue(*arguments))


def _splitting(chunking: Chunking, pk: Any, using: str) -> Work:
    return functools.partial(split_and_embed, chunking, pk, using)


def _enqueueing_split(chunking: Chunking, pk: Any, using: str) -> Work:
    arguments = (chunking.model._meta.label, key_text(chunking.text.model, pk), using)
    return _enqueued_once(using, arguments, lambda tasks: tasks.enqueue_split(*arguments))


def _enqueued_once(using: str, arguments: tuple[str, ...], send: Callable[[Any], None]) -> Work:
    """Enqueue a task, one for all saves of the row that the transaction is made of."""
    # Every save comes before its commit, so what is in here is of another one.
    setattr(connections[using], ENQUEUED, set())

    def enqueue() -> None:
        from hybrid_store.sync import tasks

        enqueued: set[tuple[str, ...]] = getattr(connections[using], ENQUEUED)
        if arguments not in enqueued:
            enqueued.add(arguments)
            send(tasks)

    return enqueue


WORK: dict[str, Callable[[EmbeddingField, Model, Any, str], Work]] = {
    "now": _embedding,
    "task": _enqueueing,
}
SPLIT_WORK: dict[str, Callable[[Chunking, Any, str], Work]] = {
    "now": _splitting,
    "task": _enqueueing_split,
}
