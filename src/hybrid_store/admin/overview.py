"""How the embeddings of one database are doing: what the dashboard shows of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.apps import apps
from django.db import Error as AnyDatabaseError
from django.db import connections, router
from django.db.models import Count, Min
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hybrid_store.admin.places import Places
from hybrid_store.admin.records import field_of, rate
from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.models.coverage import Coverage, coverage
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.keys import key_from_text
from hybrid_store.models.known_indexes import own_indexes, stored_models
from hybrid_store.models.row_states import RowState
from hybrid_store.models.text_index import declared_text_indexes
from hybrid_store.models.work import EmbeddingRun, EmbeddingWork
from hybrid_store.sync.labels import all_embedding_fields

__all__ = ["Overview", "overview"]

logger = logging.getLogger("hybrid_store")

LONGEST_STATEMENT = 5.0
LONGEST = 15.0
"""Seconds that one statement, and all of one database, may take."""
MOST_RUNS, MOST_REASONS, MOST_ROWS = 10, 10, 5

# Of an index, by whether it is valid, None where it is missing.
STATES = {
    True: gettext_lazy("ready"),
    False: gettext_lazy("invalid: its build has failed"),
    None: gettext_lazy("missing: run manage.py migrate"),
}

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """The rows of an embedding that are in one state, and where they begin in its bar, of 100."""

    state: RowState
    rows: int
    start: float
    width: float
    address: str


@dataclass(frozen=True)
class Embedding:
    """One embedding: its rows by state, or why they could not be counted."""

    label: str
    address: str
    counts: Coverage | None
    fault: str
    parts: list[Part]


@dataclass(frozen=True)
class Failure:
    """Rows that failed for one reason, and links to some that the user may see."""

    label: str
    reason: str
    rows: int
    since: Any
    links: list[tuple[str, str]]


@dataclass(frozen=True)
class Index:
    """An index, whether searches can use it, and its bytes, None where they are not known."""

    name: str
    of: str
    state: str
    bytes: int | None


@dataclass(frozen=True)
class RunLine:
    """A run, with its rates."""

    run: EmbeddingRun
    rows_rate: str
    tokens_rate: str


@dataclass
class Overview:
    """What there is to say of one database. `faults` are parts of it that could not be told."""

    alias: str
    embeddings: list[Embedding] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    runs: list[RunLine] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def overview(alias: str, places: Places) -> Overview:
    """Of the database `alias`; raises nothing, and takes no longer than about `LONGEST`."""
    look = _Look(alias)
    told = Overview(alias)
    tables, fault = look(lambda: {*connections[alias].introspection.table_names()})
    if tables is None:
        told.faults.append(fault)
        return told
    told.embeddings = [
        _embedding(look, embedding, places)
        for embedding in all_embedding_fields()
        if embedding.model._meta.db_table in tables
        and router.allow_migrate_model(alias, embedding.model)
    ]
    if EmbeddingWork._meta.db_table in tables:
        told.failures = _or_fault(told, look(lambda: list(_failures(alias, places))))
        told.runs = _or_fault(told, look(lambda: list(_runs(alias))))
    told.indexes = _or_fault(told, look(lambda: list(_indexes(alias, tables))))
    return told


def _or_fault(told: Overview, answer: tuple[list[T] | None, str]) -> list[T]:
    found, fault = answer
    if fault and fault not in told.faults:
        told.faults.append(fault)
    return found or []


class _Look:
    """Looks at one database, which may be busy, away or large."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.ends = time.monotonic() + LONGEST

    def __call__(self, look: Callable[[], T]) -> tuple[T | None, str]:
        """What `look` returns, or None and why it could not be told."""
        seconds = min(LONGEST_STATEMENT, self.ends - time.monotonic())
        if seconds <= 0:
            return None, _("Not counted: the page had taken long enough.")
        ops = vector_ops(connections[self.alias])
        try:
            with ops.examining(seconds):
                return look(), ""
        except HybridStoreError as error:
            return None, str(error)
        except AnyDatabaseError as error:
            if ops.is_timeout(error):
                return None, _("It could not be counted within %d seconds.") % round(seconds)
            logger.exception("The dashboard could not look at the database %r.", self.alias)
            return None, _("The database could not tell, and the log says why.")


# Embeddings


def _embedding(look: _Look, embedding: EmbeddingField, places: Places) -> Embedding:
    rows = embedding.model._base_manager.using(look.alias)
    counts, fault = look(lambda: coverage(rows, embedding.name))
    address = places.of_list(embedding)
    parts = [] if counts is None else list(_parts(counts, embedding, places))
    return Embedding(embedding.label, address, counts, fault, parts)


def _parts(counts: Coverage, embedding: EmbeddingField, places: Places) -> Iterator[Part]:
    in_states = {
        RowState.CURRENT: counts.current,
        RowState.STALE: max(0, counts.stale - counts.in_flight - counts.failed),
        RowState.IN_FLIGHT: counts.in_flight,
        RowState.FAILED: counts.failed,
        RowState.BLANK: counts.blank,
    }
    start = 0.0
    for state, rows in in_states.items():
        width = 100 * rows / (counts.rows or 1)
        yield Part(state, rows, start, width, places.of_state(embedding, state))
        start += width


# Failures and runs


def _failures(alias: str, places: Places) -> Iterator[Failure]:
    failed = EmbeddingWork.objects.using(alias).filter(failed_at__isnull=False)
    groups = failed.values_list("model", "column", "reason")
    counted = groups.annotate(rows=Count("*"), since=Min("failed_at")).order_by("-rows")
    for model, column, reason, rows, since in counted[:MOST_REASONS]:
        embedding = field_of(model, column)
        label = f"{model}.{embedding.name if embedding else column}"
        group = failed.filter(model=model, column=column, reason=reason).order_by("pk")
        keys = group.values_list("key", flat=True)[:MOST_ROWS]
        yield Failure(label, reason, rows, since, _links(alias, embedding, list(keys), places))


def _links(
    alias: str, embedding: EmbeddingField | None, keys: list[str], places: Places
) -> list[tuple[str, str]]:
    if embedding is None:
        return []
    return places.of_rows(embedding, alias, [key_from_text(embedding.model, key) for key in keys])


def _runs(alias: str) -> Iterator[RunLine]:
    for run in EmbeddingRun.objects.using(alias)[:MOST_RUNS]:
        yield RunLine(run, rate(run.rows, run.seconds), rate(run.tokens, run.seconds))


# Indexes


def _indexes(alias: str, tables: set[str]) -> Iterator[Index]:
    ops = vector_ops(connections[alias])
    for model in stored_models(alias):
        if model._meta.db_table not in tables:
            continue
        stored = {index.name: index.is_valid for index in ops.stored_indexes(model)}
        sizes = ops.table_report(model).indexes if stored else {}
        for index in own_indexes(model):
            is_made = ops.makes_index(model, index)
            state = STATES[stored.get(index.name)] if is_made else _("not made by this database")
            yield Index(index.name, model._meta.label, str(state), sizes.get(index.name))
    models = [model for model in apps.get_models() if not model._meta.proxy]
    labels = {model._meta.db_table: model._meta.label for model in models}
    for spec in declared_text_indexes(alias):
        if ops.texts.supports_text_index:
            state = STATES[ops.texts.is_kept(spec) or None]
            yield Index(spec.name, labels[spec.table], str(state), ops.texts.size(spec))
