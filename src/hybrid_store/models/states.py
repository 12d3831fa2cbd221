"""Rows in flight and rows that failed: what the records of generation say about rows.

A record only counts for the text and the space that it was written for: a row that was edited
since has not failed, and is not blocked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.utils import timezone

from hybrid_store.backends import vector_ops
from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fingerprint import content_digest
from hybrid_store.models.keys import key_text, key_text_expression
from hybrid_store.models.work import EmbeddingWork

__all__ = [
    "database_now",
    "failed_rows",
    "failures_of_row",
    "in_flight_rows",
    "keyed",
    "leases_of_row",
    "records",
    "without_blocked",
]

ModelT = TypeVar("ModelT", bound=Model)

KEY = "_hybrid_store_key"
EXPECTED = "_hybrid_store_expected"


def database_now(using: str) -> datetime:
    """The time by the clock of the database, on which all hosts agree."""
    skew = vector_ops(connections[using]).clock_skew()
    # Looked at afterwards: what it takes to ask the database has passed, too.
    return timezone.now() + skew


def records(field: EmbeddingField) -> QuerySet[EmbeddingWork]:
    """All records of one embedding."""
    return EmbeddingWork.objects.filter(model=field.model._meta.label, column=field.column)


def in_flight_rows(queryset: QuerySet[ModelT], field: EmbeddingField) -> QuerySet[ModelT]:
    """The stale rows of `queryset` whose texts are being embedded now."""
    alive = leases_of_row(field, database_now(_alias(queryset)))
    return freshness.stale_rows(keyed(queryset, field).filter(Exists(alive)), field)


def failed_rows(
    queryset: QuerySet[ModelT], field: EmbeddingField, reason_as: str | None = None
) -> QuerySet[ModelT]:
    """The rows of `queryset` that could not be embedded as they are now; why, as an annotation."""
    failures = failures_of_row(field)
    rows = keyed(queryset, field).filter(Exists(failures))
    if callable(field.source):
        rows = rows.filter(pk__in=list(_unchanged(rows, field)))
    rows = freshness.stale_rows(rows, field)
    if reason_as is None:
        return rows
    reason = Subquery(failures.values("reason")[:1])
    return cast("QuerySet[ModelT]", rows.annotate(**{reason_as: reason}))


def without_blocked(
    queryset: QuerySet[ModelT],
    field: EmbeddingField,
    now: datetime,
    *,
    token: str = "",
    retry_failed: bool = False,
    reading: bool = False,
) -> QuerySet[ModelT]:
    """`queryset` without the rows that other runs hold or that are not due to be tried again.

    With a callable source the latter stay, unless the rows that failed may be read: `reading`.
    """
    elsewhere = leases_of_row(field, now).exclude(token=token)
    rows = keyed(queryset, field).exclude(Exists(elsewhere))
    if retry_failed or (callable(field.source) and not reading):
        return rows
    due = Q(next_try__isnull=False, next_try__lte=now)
    failed = Exists(failures_of_row(field).exclude(due))
    if callable(field.source):
        return rows.exclude(pk__in=list(_unchanged(rows.filter(failed), field)))
    return rows.exclude(failed)


def leases_of_row(field: EmbeddingField, now: datetime) -> QuerySet[EmbeddingWork]:
    """A subquery over `keyed` rows: the record of a row that a run holds."""
    return _records_of_row(field).filter(lease_until__gt=now)


def failures_of_row(field: EmbeddingField) -> QuerySet[EmbeddingWork]:
    """A subquery over `keyed` rows: the record of a row that failed as it is now; with a callable
    source, of one that failed as it is or was."""
    failed = _records_of_row(field).filter(failed_at__isnull=False)
    return failed if callable(field.source) else failed.filter(fingerprint=OuterRef(EXPECTED))


def _records_of_row(field: EmbeddingField) -> QuerySet[EmbeddingWork]:
    return records(field).filter(key=OuterRef(KEY))


def keyed(queryset: QuerySet[ModelT], field: EmbeddingField) -> QuerySet[ModelT]:
    """`queryset`, whose rows can be compared with their records in subqueries."""
    rows = cast("QuerySet[ModelT]", queryset.alias(**{KEY: key_text_expression(field.model)}))
    if callable(field.source):
        return rows
    expected = freshness.Joined(Value(field.space_prefix), freshness.content(field))
    return cast("QuerySet[ModelT]", rows.alias(**{EXPECTED: expected}))


def _unchanged(rows: QuerySet[Any], field: EmbeddingField) -> Iterator[Any]:
    """Keys of the rows whose text, made in Python, is the one that failed."""
    tried = dict(
        records(field)
        .using(_alias(rows))
        .filter(failed_at__isnull=False)
        .values_list("key", "fingerprint")
    )
    for row in freshness.renderable(rows, field):
        digest = content_digest(freshness.rendered_in_python(field, row))
        if tried.get(key_text(field.model, row.pk)) == field.space_prefix + digest:
            yield row.pk


def _alias(queryset: QuerySet[Any]) -> str:
    return queryset.db or DEFAULT_DB_ALIAS
