"""What the databases themselves say; asked for by `check --database`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldError
from django.db import DatabaseError, connections
from django.db.models import Model

from hybrid_store.backends import vector_ops
from hybrid_store.backends.reports import Extension
from hybrid_store.checks.models import stale_indexes
from hybrid_store.checks.texts import check_stored_texts
from hybrid_store.models.known_indexes import own_indexes, stored_models
from hybrid_store.models.text_index import declared_text_indexes

__all__ = [
    "OFF_PATH",
    "check_databases",
    "check_extension",
    "check_stored_indexes",
]

# Of a database in which searches work all the same.
OFF_PATH = "hybrid_store.W031"


def check_databases(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Only with `check --database`: connections are opened."""
    return [message for alias in databases or () for message in _check_database(alias)]


def _check_database(alias: str) -> Iterator[checks.CheckMessage]:
    models = stored_models(alias)
    if not (models or declared_text_indexes(alias)):
        return
    ops = vector_ops(connections[alias])
    for model in models:
        yield from _too_many_dimensions(model, ops)
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
        yield from check_extension(alias, report)
    if report is None or report.is_usable:
        yield from check_stored_indexes(alias)
        yield from check_stored_texts(alias)


def check_stored_indexes(alias: str) -> Iterator[checks.CheckMessage]:
    """Are the indexes that models declare in the database, and of use?"""
    models = stored_models(alias)
    tables = vector_ops(connections[alias]).existing({model._meta.db_table for model in models})
    for model in models:
        if model._meta.db_table in tables:
            yield from _unusable_indexes(model, alias)
            yield from _unusable_vector_indexes(model, alias)


def check_extension(alias: str, report: Extension) -> Iterator[checks.CheckMessage]:
    """Can vectors be stored in the database, and their types be found by name?"""
    name = repr(report.name)
    if report.version is None:
        yield _missing(alias, report)
    elif report.grant:
        yield checks.Error(
            f"The extension {name} of database {alias!r} is in schema {report.schema!r}, which the "
            "database user may not use.",
            hint=report.grant,
            obj=alias,
            id="hybrid_store.E027",
        )
    elif report.lead:
        yield checks.Warning(
            f"The extension {name} of database {alias!r} is in schema {report.schema!r}, which is "
            "not on the search path. Searches and writes work; filters by equal vectors, "
            "aggregates such as Avg, raw SQL and pgvector.django do not.",
            hint=report.lead,
            obj=alias,
            id=OFF_PATH,
        )
    if report.version is not None and not report.is_safe:
        yield checks.Warning(
            f"The extension {name} {report.version} in database {alias!r} is older than "
            f"{report.oldest_safe}, which fixes corrupt indexes.",
            hint=f"Update it, run ALTER EXTENSION {report.name} UPDATE, and reindex.",
            obj=alias,
            id="hybrid_store.W013",
        )


def _missing(alias: str, report: Extension) -> checks.CheckMessage:
    if report.available is None:
        return checks.Error(
            f"The server of database {alias!r} lacks the extension {report.name!r}.",
            hint="Install pgvector on the server, then run manage.py migrate.",
            obj=alias,
            id="hybrid_store.E012",
        )
    # No error: it would stop the very migrate that creates the extension.
    return checks.Warning(
        f"The extension {report.name!r} is not created in database {alias!r} yet.",
        hint=_creation_hint(),
        obj=alias,
        id="hybrid_store.W012",
    )


def _creation_hint() -> str:
    by_hand = "a superuser can run CREATE EXTENSION vector in that database."
    if getattr(settings, "HYBRID_STORE", {}).get("CREATE_EXTENSION", True):
        return f"manage.py migrate creates it, or {by_hand}"
    return f'HYBRID_STORE["CREATE_EXTENSION"] is False, but {by_hand}'


def _too_many_dimensions(model: type[Model], ops: Any) -> Iterator[checks.CheckMessage]:
    for index in own_indexes(model):
        limit = ops.index_limit(index.precision)
        if limit is not None and index.dimensions > limit:
            yield checks.Error(
                f"VectorIndex {index.name!r} is over {index.dimensions} {index.codec.unit}; "
                f"{ops.display_name} indexes at most {limit} of {index.precision} precision.",
                hint='Use precision="bit", vectors of fewer dimensions, or no index.',
                obj=model,
                id="hybrid_store.E014",
            )


def _unusable_indexes(model: type[Model], alias: str) -> Iterator[checks.CheckMessage]:
    for index in stale_indexes(model):
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


def _unusable_vector_indexes(model: type[Model], alias: str) -> Iterator[checks.CheckMessage]:
    ops = vector_ops(connections[alias])
    stored = {index.name: index for index in ops.stored_indexes(model)}
    for index in own_indexes(model):
        found = stored.get(index.name)
        if not ops.makes_index(model, index):
            continue
        if found is None or not found.is_valid:
            fault = "missing" if found is None else "invalid, as its build has failed,"
            yield checks.Warning(
                f"The index {index.name!r} is {fault} in database {alias!r}: searches read the "
                "whole table.",
                hint="Run manage.py migrate. If that finds nothing to do, drop the index, and "
                "create it again as manage.py sqlmigrate shows it.",
                obj=model,
                id="hybrid_store.W030",
            )
