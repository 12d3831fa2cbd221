"""The tasks of `on_save="task"`, of an `EmbeddingField` and of a `Chunking`, in Django's tasks
framework.

`django.tasks` is part of Django 6.0 and newer; before, its backport `django_tasks` is needed. This
module can be imported without either; nothing can be enqueued then. Importing it makes the tasks,
for which `TASKS` has to be right.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from django.apps import apps

from hybrid_store.exceptions import MissingExtraError
from hybrid_store.models.chunks import chunkings
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.keys import key_from_text
from hybrid_store.sync.generation import embed_rows
from hybrid_store.sync.splitting import split_and_embed

__all__ = [
    "embed_saved_row",
    "enqueue",
    "enqueue_split",
    "split_saved_row",
    "tasks_framework",
    "validate",
]

FRAMEWORKS = ("django.tasks", "django_tasks")


def tasks_framework() -> ModuleType:
    """The tasks framework that is installed; raises `MissingExtraError` where none is."""
    for name in FRAMEWORKS:
        if find_spec(name) is not None:
            return import_module(name)
    raise MissingExtraError('on_save="task"', "tasks")


def _task(function: Callable[..., None]) -> Any:
    try:
        return tasks_framework().task(function)
    except MissingExtraError:
        return function


@_task
def embed_saved_row(model: str, field: str, key: str, database: str) -> None:
    """Embed a row if it is stale by now.

    `model` is the label of a model, `field` the name of an `EmbeddingField`, `key` a primary key as
    `key_text` writes it, `database` an alias. May be lost, late or run twice: the row itself says
    whether there is anything to do. An embedder's error is raised, so that the framework knows.
    """
    owner = apps.get_model(model)
    embed_rows(embedding_field(owner, field), database, pk=key_from_text(owner, key))


@_task
def split_saved_row(model: str, key: str, database: str) -> None:
    """Split a row if it is not split by now, and embed its passages.

    `model` is the label of the model of the passages, `key` the primary key of the row that they
    are of. Otherwise as `embed_saved_row`.
    """
    [chunking] = chunkings([apps.get_model(model)])
    pk = key_from_text(chunking.text.model, key)
    split_and_embed(chunking, pk, database)


def enqueue(model: str, field: str, key: str, database: str) -> None:
    """Have `embed_saved_row` run as `TASKS` says; raises what the backend raises."""
    tasks_framework()
    embed_saved_row.enqueue(model=model, field=field, key=key, database=database)


def enqueue_split(model: str, key: str, database: str) -> None:
    """The same for `split_saved_row`."""
    tasks_framework()
    split_saved_row.enqueue(model=model, key=key, database=database)


def validate() -> None:
    """Raise what would keep the tasks from being enqueued."""
    tasks_framework()
    for task in (embed_saved_row, split_saved_row):
        task.get_backend().validate_task(task)
