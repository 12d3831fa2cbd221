"""The actions "Embed now" and "Retry failed": what they do, and what they say of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from django.contrib import messages
from django.db import Error as AnyDatabaseError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from hybrid_store.exceptions import HybridStoreError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.row_states import RowState, RowStatus, row_statuses
from hybrid_store.sync.failures import reason_of
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.report import Report

__all__ = ["Said", "embed", "keys_of"]

logger = logging.getLogger("hybrid_store")

DATABASE_PATIENCE = 5.0
"""Seconds for which a database is waited for that is away or locked."""

Said: TypeAlias = tuple[int, str]
"""A message and its level."""

# By the counts of a report.
OTHERS = {
    "cleared": (
        messages.SUCCESS,
        ngettext_lazy(
            "%(rows)d row has no text any more, and its vector was removed.",
            "%(rows)d rows have no text any more, and their vectors were removed.",
            "rows",
        ),
    ),
    "changed": (
        messages.WARNING,
        ngettext_lazy(
            "%(rows)d row was edited meanwhile, and is stale still.",
            "%(rows)d rows were edited meanwhile, and are stale still.",
            "rows",
        ),
    ),
    "failed": (
        messages.WARNING,
        ngettext_lazy(
            "%(rows)d row could not be embedded.",
            "%(rows)d rows could not be embedded.",
            "rows",
        ),
    ),
}


def embed(
    field: EmbeddingField,
    using: str,
    keys: Sequence[Any],
    *,
    limit: int,
    patience: float,
    retry_failed: bool = False,
) -> Iterator[Said]:
    """Embed those rows that need it, if they are no more than `limit`, and say what came of it.

    A provider is waited for up to `patience` seconds. Raises nothing.
    """
    if len(keys) > limit:
        told = _("More than %(limit)d rows at once are for the command line: %(command)s")
        yield messages.ERROR, told % {"limit": limit, "command": _command(field)}
        return
    stored: list[Any] = []
    try:
        generation = Generation(
            field,
            using=using,
            keys=keys,
            retry_failed=retry_failed,
            patience=patience,
            database_patience=DATABASE_PATIENCE,
        )
        report = generation.run(stored.extend)
    except Exception as error:  # noqa: BLE001 - an embedder may be of anybody's making
        yield from _embedded(len(stored))
        yield messages.ERROR, _("The run was stopped: %s") % _reason(error)
        return
    yield from _embedded(report.embedded)
    yield from _others(report)
    rows = field.model._base_manager.using(using).filter(pk__in=keys)
    yield from _left(field, report, row_statuses(rows, field).values())


def _reason(error: Exception) -> str:
    if isinstance(error, HybridStoreError):
        return reason_of(error)
    logger.error("A run was stopped.", exc_info=error)
    if isinstance(error, AnyDatabaseError):
        return _("the database failed, and the log says why.")
    return _("the embedder failed, and the log says why.")


def _embedded(rows: int) -> Iterator[Said]:
    if rows:
        told = ngettext("%(rows)d row was embedded.", "%(rows)d rows were embedded.", rows)
        yield messages.SUCCESS, told % {"rows": rows}


def _others(report: Report) -> Iterator[Said]:
    """What became of rows that were not embedded, and why."""
    for name, (level, told) in OTHERS.items():
        if rows := getattr(report, name):
            yield level, told % {"rows": rows}
    for reason in report.reasons:
        yield messages.WARNING, _("Not embedded: %s") % reason


def _left(field: EmbeddingField, report: Report, statuses: Iterable[RowStatus]) -> Iterator[Said]:
    """Which rows were left as they are."""
    counts = Counter(map(_kind, statuses))
    counts["failed"] -= report.failed
    command = _command(field, "--replace-spaces")
    told = {
        "failed": _("Rows that failed before: %d. “Retry failed” tries them again."),
        "in_flight": _("Rows that another run is embedding: %d."),
        "other": _("Rows with a vector of another model, or of unknown origin: %d.")
        + " "
        + _("This replaces them: %s") % command,
    }
    if not report.done:
        yield messages.INFO, _("No row had to be embedded.")
    for kind, words in told.items():
        if counts[kind] > 0:
            yield messages.INFO, words % counts[kind]


def _kind(status: RowStatus) -> str:
    if status.state == RowState.STALE and status.has_vector and not status.in_space:
        return "other"
    return status.state.value


def _command(field: EmbeddingField, *options: str) -> str:
    return " ".join(["manage.py generate_embeddings", field.label, *options])


def keys_of(rows: QuerySet[Any], field: EmbeddingField, limit: int) -> list[Any]:
    """Primary keys of up to `limit` + 1 rows, in the table of the embedding."""
    key = field.model._meta.pk.name
    return list(rows.order_by().values_list(key, flat=True).distinct()[: limit + 1])
