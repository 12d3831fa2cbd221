"""System checks over the settings, the indexes and, when asked for, the databases.

E010 an unknown key in HYBRID_STORE, E011 an embedder that cannot be made, E012 the server lacks
the extension, W012 the extension is not created yet, W013 the extension is older than its fixes
for corrupt indexes, E014 an index over more dimensions than the database can index, E017 a
StaleIndex that cannot be made, W018 a StaleIndex that the database cannot use, E019 a mistake in
QUERY_CACHE, E020 `on_save="task"` without a tasks framework that takes the task, E021 a
LEASE_SECONDS that is no positive number. What a field alone can tell is checked by the field:
`hybrid_store.models.checks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import DatabaseError, connections, router
from django.db.models import Model

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import Extension
from hybrid_store.embedders import embedders
from hybrid_store.exceptions import InvalidEmbedderError, InvalidIndexError
from hybrid_store.models import query_cache
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.fields import BaseVectorField, vector_fields
from hybrid_store.models.indexes import VectorIndex
from hybrid_store.models.stale_index import StaleIndex
from hybrid_store.sync.leases import LEASE_SECONDS

__all__ = ["check_databases", "check_indexes", "check_settings", "check_tasks", "register"]

SETTINGS = ("EMBEDDERS", "CREATE_EXTENSION", "LEASE_SECONDS", "QUERY_CACHE")


def register() -> None:
    checks.register(check_settings)
    checks.register(check_indexes, checks.Tags.models)
    checks.register(check_tasks)
    checks.register(check_databases, checks.Tags.database)


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The keys of HYBRID_STORE, and what every embedder says of its own settings."""
    configured = getattr(settings, "HYBRID_STORE", {})
    if not isinstance(configured, Mapping):
        hint = 'Write HYBRID_STORE = {"EMBEDDERS": {"default": {...}}}.'
        message = f"HYBRID_STORE is a {type(configured).__name__}, not a dictionary."
        return [checks.Error(message, hint=hint, id="hybrid_store.E010")]
    return [
        *_unknown_keys(configured),
        *_lease_messages(configured),
        *_embedder_messages(),
        *_query_cache_messages(configured.get("QUERY_CACHE")),
    ]


def _unknown_keys(configured: Mapping[Any, Any]) -> Iterator[checks.CheckMessage]:
    for key in configured:
        if key not in SETTINGS:
            known = ", ".join(SETTINGS)
            yield checks.Error(
                f"HYBRID_STORE has an unknown key {key!r}.",
                hint=f"Use one of {known}.",
                id="hybrid_store.E010",
            )


def _lease_messages(configured: Mapping[Any, Any]) -> Iterator[checks.CheckMessage]:
    seconds = configured.get("LEASE_SECONDS", LEASE_SECONDS)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (is_number and 0 < seconds < math.inf):
        yield checks.Error(
            f'HYBRID_STORE["LEASE_SECONDS"] is {seconds!r}, not a positive number.',
            hint=f"Leave it out: {LEASE_SECONDS:.0f} seconds are right for most projects.",
            id="hybrid_store.E021",
        )


def _embedder_messages() -> Iterator[checks.CheckMessage]:
    try:
        aliases = list(embedders)
    except InvalidEmbedderError as error:
        yield _invalid_embedder(error, 'HYBRID_STORE["EMBEDDERS"]')
        return
    for alias in aliases:
        try:
            yield from embedders[alias].check()
        except InvalidEmbedderError as error:
            yield _invalid_embedder(error, f'HYBRID_STORE["EMBEDDERS"]["{alias}"]')


def _invalid_embedder(error: InvalidEmbedderError, place: str) -> checks.Error:
    return checks.Error(str(error), hint=f"Correct {place}.", id="hybrid_store.E011")


def check_indexes(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every `StaleIndex`, on databases that make none as well: the next one may."""
    chosen = app_configs or apps.get_app_configs()
    models = (model for config in chosen for model in config.get_models())
    return [message for model in models for message in _impossible_indexes(model)]


def _impossible_indexes(model: type[Model]) -> Iterator[checks.CheckMessage]:
    for index in _stale_indexes(model):
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


def _query_cache_messages(configured: Any) -> Iterator[checks.CheckMessage]:
    """What is wrong with QUERY_CACHE; None, which turns the cache off, is right."""
    if configured is None:
        return
    if not isinstance(configured, Mapping):
        found = type(configured).__name__
        yield _query_cache_error(f" is a {found}.", "Use a dictionary, or None for no cache.")
        return
    for key in configured:
        if key not in query_cache.DEFAULTS:
            known = ", ".join(query_cache.DEFAULTS)
            yield _query_cache_error(f" has an unknown key {key!r}.", f"Use one of {known}.")
    chosen = {**query_cache.DEFAULTS, **configured}
    if chosen["ALIAS"] not in list(caches):
        message = f'["ALIAS"] is {chosen["ALIAS"]!r}, which is no alias of CACHES.'
        yield _query_cache_error(message, f"Use one of {', '.join(caches)}.")
    seconds = chosen["TIMEOUT"]
    if not (seconds is None or (type(seconds) in (int, float) and seconds > 0)):
        message = f'["TIMEOUT"] is {seconds!r}.'
        yield _query_cache_error(message, "Use a number of seconds, or None to keep vectors.")


def _query_cache_error(fault: str, hint: str) -> checks.Error:
    return checks.Error(f'HYBRID_STORE["QUERY_CACHE"]{fault}', hint=hint, id="hybrid_store.E019")


def check_tasks(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Can the task of `on_save="task"` be enqueued, where a model needs it?"""
    fields = [field for field in _embedding_fields() if field.on_save == "task"]
    fault = _fault_of_tasks() if fields else None
    if fault is None:
        return []
    message = f"'on_save' is \"task\", and no task can be enqueued: {fault}"
    hint = "Install the framework, correct TASKS, or use another on_save."
    return [checks.Error(message, hint=hint, obj=field, id="hybrid_store.E020") for field in fields]


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


def check_databases(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Only with `check --database`: connections are opened."""
    return [message for alias in databases or () for message in _check_database(alias)]


def _check_database(alias: str) -> Iterator[checks.CheckMessage]:
    models = [model for model in apps.get_models() if _stored_in(model, alias)]
    if not models:
        return
    ops = vector_ops(connections[alias])
    for model in models:
        yield from _check_indexes(model, ops)
    try:
        report = ops.extension_report()
    except DatabaseError as error:
        yield checks.Error(
            f"Database {alias!r} cannot be asked for its extensions: {error}",
            hint="See manage.py vector_doctor.",
            obj=alias,
            id="hybrid_store.E012",
        )
        return
    if report is not None:
        yield from _check_extension(alias, report)
    for model in models:
        yield from _unusable_indexes(model, alias)


def _stored_in(model: type[Model], alias: str) -> bool:
    return bool(vector_fields(model)) and router.allow_migrate_model(alias, model)


def _check_extension(alias: str, report: Extension) -> Iterator[checks.CheckMessage]:
    if report.version is None and report.available is None:
        yield checks.Error(
            f"The server of database {alias!r} lacks the extension {report.name!r}.",
            hint="Install pgvector on the server, then run manage.py migrate.",
            obj=alias,
            id="hybrid_store.E012",
        )
    elif report.version is None:
        # No error: it would stop the very migrate that creates the extension.
        yield checks.Warning(
            f"The extension {report.name!r} is not created in database {alias!r} yet.",
            hint=_creation_hint(),
            obj=alias,
            id="hybrid_store.W012",
        )
    elif report.oldest_safe and _parts(report.version) < _parts(report.oldest_safe):
        yield checks.Warning(
            f"The extension {report.name!r} {report.version} in database {alias!r} is older than "
            f"{report.oldest_safe}, which fixes corrupt indexes.",
            hint=f"Update it, run ALTER EXTENSION {report.name} UPDATE, and reindex.",
            obj=alias,
            id="hybrid_store.W013",
        )


def _creation_hint() -> str:
    by_hand = "a superuser can run CREATE EXTENSION vector in that database."
    if getattr(settings, "HYBRID_STORE", {}).get("CREATE_EXTENSION", True):
        return f"manage.py migrate creates it, or {by_hand}"
    return f'HYBRID_STORE["CREATE_EXTENSION"] is False, but {by_hand}'


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _check_indexes(model: type[Model], ops: Any) -> Iterator[checks.CheckMessage]:
    for index, field in _vector_indexes(model):
        limit = ops.index_limit(field.codec)
        if limit is not None and field.dimensions > limit:
            yield checks.Error(
                f"VectorIndex {index.name!r} is over {field.dimensions} dimensions; "
                f"{ops.display_name} indexes at most {limit} of {field.codec.name} precision.",
                hint="Use a HalfVectorField, an embedding of fewer dimensions, or no index.",
                obj=model,
                id="hybrid_store.E014",
            )


def _unusable_indexes(model: type[Model], alias: str) -> Iterator[checks.CheckMessage]:
    for index in _stale_indexes(model):
        try:
            if index.is_usable(model, alias):
                continue
        except (DatabaseError, FieldError):
            # The table is not migrated yet, or the index is impossible, which is said elsewhere.
            continue
        yield checks.Warning(
            f"StaleIndex {index.name!r} is missing in database {alias!r}, or is not the one that "
            "today's models and versions ask for: stale rows are found by reading the table.",
            hint="Run manage.py makemigrations and migrate. If they find nothing to do, drop the "
            "index and create it again as manage.py sqlmigrate shows it.",
            obj=model,
            id="hybrid_store.W018",
        )


def _stale_indexes(model: type[Model]) -> list[StaleIndex]:
    return [index for index in model._meta.indexes if isinstance(index, StaleIndex)]


def _vector_indexes(model: type[Model]) -> Iterable[tuple[VectorIndex, BaseVectorField]]:
    fields = {field.name: field for field in vector_fields(model)}
    for index in model._meta.indexes:
        if isinstance(index, VectorIndex) and index.fields[0] in fields:
            yield index, fields[index.fields[0]]
