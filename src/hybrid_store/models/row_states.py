"""The state of every row, as people are shown it: one for a row, and what goes with it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS
from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    Model,
    QuerySet,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _

from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.states import (
    database_now,
    failed_rows,
    failures_of_row,
    in_flight_rows,
    keyed,
    leases_of_row,
)

__all__ = ["RowState", "RowStatus", "row_statuses", "with_state"]

ModelT = TypeVar("ModelT", bound=Model)

STATE, TOLD, REASON, HELD = (
    f"_hybrid_store_{name}" for name in ("state", "told", "reason", "held")
)


class RowState(TextChoices):
    """What a row needs. Of those that need work, some are being embedded and some have failed."""

    CURRENT = "current", _("Current")
    STALE = "stale", _("Stale")
    IN_FLIGHT = "in_flight", _("In flight")
    FAILED = "failed", _("Failed")
    BLANK = "blank", _("Blank")


@dataclass(frozen=True)
class RowStatus:
    """The state of one row, why it failed if it has, and what its vector is, if it has one.

    `in_space`: is the vector of the space that searches look in? None where its origin is unknown.
    """

    state: RowState
    reason: str
    has_vector: bool
    in_space: bool | None


def with_state(
    queryset: QuerySet[ModelT], field: EmbeddingField, state_as: str
) -> QuerySet[ModelT]:
    """`queryset`, which can be filtered by the state of its rows, a `RowState`, under that name.

    It is an alias: nothing more is selected. Raises `TypeError` where the source is a callable: no
    database can tell then.
    """
    if callable(field.source):
        raise TypeError(f"{field.label} has a callable source: its rows have to be read.")
    stale, now = freshness.stale(field), database_now(queryset.db or DEFAULT_DB_ALIAS)
    needing = Case(
        When(Exists(leases_of_row(field, now)), then=Value(RowState.IN_FLIGHT.value)),
        When(Exists(failures_of_row(field)), then=Value(RowState.FAILED.value)),
        default=Value(RowState.STALE.value),
        output_field=CharField(),
    )
    state = Case(
        When(stale, then=needing),
        When(freshness.blank(field), then=Value(RowState.BLANK.value)),
        default=Value(RowState.CURRENT.value),
        output_field=CharField(),
    )
    return cast("QuerySet[ModelT]", keyed(queryset, field).alias(**{state_as: state}))


def row_statuses(queryset: QuerySet[Any], field: EmbeddingField) -> dict[Any, RowStatus]:
    """The status of the rows of `queryset` by primary key, in a constant number of statements.

    With a callable source the rows are read, so nothing they need should be deferred.
    """
    return (_scanned if callable(field.source) else _told)(queryset.order_by(), field)


def _told(rows: QuerySet[Any], field: EmbeddingField) -> dict[Any, RowStatus]:
    """As the database tells it, which reads no vector."""
    has_vector = Case(When(**{f"{field.name}__isnull": True}, then=False), default=True)
    reason = Subquery(failures_of_row(field).values("reason")[:1])
    told = {TOLD: F(STATE), REASON: reason, HELD: has_vector}
    found = with_state(rows, field, STATE).annotate(**told)
    columns = ("pk", TOLD, REASON, HELD, field.fingerprint_name)
    return {
        key: _status(field, RowState(state), reason, has_vector, fingerprint)
        for key, state, reason, has_vector, fingerprint in found.values_list(*columns)
    }


def _scanned(rows: QuerySet[Any], field: EmbeddingField) -> dict[Any, RowStatus]:
    """As the texts tell it, made in Python."""
    reasons = dict(failed_rows(rows, field, REASON).values_list("pk", REASON))
    flying = set(in_flight_rows(rows, field).values_list("pk", flat=True))
    found = {}
    for row in freshness.renderable(rows, field):
        if freshness.is_stale(field, row):
            state = _needing(row.pk, flying, reasons)
        elif freshness.is_blank(freshness.rendered_in_python(field, row)):
            state = RowState.BLANK
        else:
            state = RowState.CURRENT
        has_vector = getattr(row, field.attname) is not None
        fingerprint = getattr(row, field.fingerprint_name)
        found[row.pk] = _status(field, state, reasons.get(row.pk), has_vector, fingerprint)
    return found


def _needing(key: Any, flying: Container[Any], failed: Container[Any]) -> RowState:
    if key in flying:
        return RowState.IN_FLIGHT
    return RowState.FAILED if key in failed else RowState.STALE


def _status(
    field: EmbeddingField,
    state: RowState,
    reason: str | None,
    has_vector: bool,
    fingerprint: str | None,
) -> RowStatus:
    why = reason or "" if state == RowState.FAILED else ""
    in_space = None if fingerprint is None else fingerprint.startswith(field.space_prefix)
    return RowStatus(state, why, has_vector, in_space)
