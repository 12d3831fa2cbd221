"""What models say that their fields alone cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db.models import Model

from hybrid_store.exceptions import InvalidIndexError
from hybrid_store.models.chunks import Chunking, chunkings
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.fields import BaseVectorField, vector_fields
from hybrid_store.models.functions import metrics_of
from hybrid_store.models.stale_index import StaleIndex
from hybrid_store.models.vector_index import VectorIndex, precisions_of

__all__ = ["check_indexes", "check_tasks", "stale_indexes", "vector_indexes"]


def check_indexes(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every index of ours, on databases that make none as well: the next one may."""
    chosen = app_configs or apps.get_app_configs()
    models = [model for config in chosen for model in config.get_models()]
    return [
        message
        for check in (_impossible_indexes, _unfit_metrics, _unfit_precisions)
        for model in models
        for message in check(model)
    ]


def _impossible_indexes(model: type[Model]) -> Iterator[checks.CheckMessage]:
    for index in stale_indexes(model):
        try:
            index.embedding(model)
        except InvalidIndexError as error:
            yield checks.Error(
                str(error),
                hint="Remove the index: such rows are found by reading the table.",
                obj=model,
                id="hybrid_store.E017",
            )
        except (FieldDoesNotExist, FieldError):
            # Django's own checks, or the field's, name the fault.
            continue


def _unfit_metrics(model: type[Model]) -> Iterator[checks.CheckMessage]:
    for index, field in vector_indexes(model):
        fitting = metrics_of(field.codec)
        if index.metric not in fitting:
            yield checks.Error(
                f"VectorIndex {index.name!r} has the metric {index.metric!r}, which is none of "
                f"{field.codec.described}s.",
                hint=f"Set metric to one of {', '.join(map(repr, fitting))}.",
                obj=model,
                id="hybrid_store.E025",
            )


def _unfit_precisions(model: type[Model]) -> Iterator[checks.CheckMessage]:
    for index, field in vector_indexes(model):
        fitting = precisions_of(field)
        if index.precision is not None and index.precision not in fitting:
            yield checks.Error(
                f"VectorIndex {index.name!r} has the precision {index.precision!r}, which an index "
                f"over {field.dimensions} {field.codec.unit} of {field.codec.name} precision "
                "cannot have.",
                hint=f"Leave it out, or use one of {', '.join(map(repr, fitting))}.",
                obj=model,
                id="hybrid_store.E026",
            )


def check_tasks(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Can the tasks of `on_save="task"` be enqueued, where a model needs them?"""
    declared: list[EmbeddingField | Chunking] = [*_embedding_fields(), *chunkings()]
    needed = [each for each in declared if each.on_save == "task"]
    fault = _fault_of_tasks() if needed else None
    if fault is None:
        return []
    message = f"'on_save' is \"task\", and no task can be enqueued: {fault}"
    hint = "Install the framework, correct TASKS, or use another on_save."
    return [checks.Error(message, hint=hint, obj=each, id="hybrid_store.E020") for each in needed]


def _fault_of_tasks() -> str | None:
    try:
        # Makes the task, by what TASKS says: only where one is needed.
        from hybrid_store.sync import tasks

        tasks.validate()
    except Exception as error:  # noqa: BLE001 - of whichever framework and backend
        return str(error)
    return None


def _embedding_fields() -> Iterator[EmbeddingField]:
    """Those of all models, each once: children list their parents' too."""
    for model in apps.get_models():
        yield from (field for field in embedding_fields(model) if field.model is model)


def stale_indexes(model: type[Model]) -> list[StaleIndex]:
    return [index for index in model._meta.indexes if isinstance(index, StaleIndex)]


def vector_indexes(model: type[Model]) -> Iterable[tuple[VectorIndex, BaseVectorField]]:
    fields = {field.name: field for field in vector_fields(model)}
    for index in model._meta.indexes:
        if isinstance(index, VectorIndex) and index.fields[0] in fields:
            yield index, fields[index.fields[0]]
