"""How fresh the embedding of a row is: a badge, and a filter of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from django.contrib.admin import SimpleListFilter
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hybrid_store.admin.searched import embedding_of
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.row_states import RowState, RowStatus, row_statuses, with_state

__all__ = ["FreshnessFilter", "attach_statuses", "badge", "explained", "status_of"]

STATUS = "_hybrid_store_status"
STATE = "_hybrid_store_state"


def attach_statuses(rows: Sequence[Model], field: EmbeddingField) -> None:
    """Have `status_of` know the status of rows of one database: one look for all of them."""
    if rows:
        stored = type(rows[0])._base_manager.using(rows[0]._state.db)
        statuses = row_statuses(stored.filter(pk__in=[row.pk for row in rows]), field)
        for row in rows:
            setattr(row, STATUS, statuses.get(row.pk))


def status_of(row: Model, field: EmbeddingField) -> RowStatus | None:
    """The status of a stored row; None of one that is not there."""
    if row.pk is None or row._state.adding:
        return None
    if not hasattr(row, STATUS):
        attach_statuses([row], field)
    status: RowStatus | None = getattr(row, STATUS)
    return status


def badge(status: RowStatus) -> str:
    """HTML of the state, in words beside its colour, and of what there is to say of it."""
    details = format_html_join(
        "", '<span class="hybrid-store-detail">{}</span>', ((each,) for each in explained(status))
    )
    return format_html(
        '<span class="hybrid-store-badge hybrid-store-{}">{}</span>{}',
        status.state.value,
        status.state.label,
        details,
    )


def explained(status: RowStatus) -> Iterator[str]:
    """What the state alone does not say."""
    if status.reason:
        yield status.reason
    if status.state in (RowState.STALE, RowState.FAILED, RowState.IN_FLIGHT):
        yield next(words() for holds, words in VECTORS if holds(status))


# What the vector of a row is that needs work; the first that holds.
VECTORS: Sequence[tuple[Callable[[RowStatus], bool], Callable[[], str]]] = (
    (lambda status: not status.has_vector, lambda: _("no vector yet")),
    (lambda status: status.in_space is None, lambda: _("its vector is of unknown origin")),
    (lambda status: bool(status.in_space), lambda: _("its vector is of an older text")),
    (lambda status: True, lambda: _("its vector is of another model")),
)


class FreshnessFilter(SimpleListFilter):
    """Rows by the state of their embedding, for `list_filter`.

    It is not there where the source is a callable: every row would have to be read.
    """

    title = gettext_lazy("freshness")
    parameter_name = "freshness"
    field: EmbeddingField | None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        self.field = embedding_of(model_admin.model, getattr(model_admin, "hybrid_field", None))
        if self.field is None or callable(self.field.source):
            return []
        return list(RowState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() not in RowState.values:
            return None
        return self._with_state(queryset).filter(**{STATE: self.value()})

    def get_facet_queryset(self, changelist: Any) -> dict[str, int]:
        rows = changelist.get_queryset(self.request, self.expected_parameters())
        counts = self.get_facet_counts(changelist.pk_attname, rows)
        found: dict[str, int] = self._with_state(rows).aggregate(**counts)
        return found

    def get_facet_counts(self, pk_attname: str, filtered_qs: QuerySet[Any]) -> dict[str, Any]:
        """Of all states in one statement; `filtered_qs` tells them."""
        return {
            f"{place}__c": Count(pk_attname, filter=Q(**{STATE: value}))
            for place, (value, _label) in enumerate(self.lookup_choices)
        }

    def _with_state(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # Without a field there are no choices, so nothing is asked.
        return with_state(queryset, cast("EmbeddingField", self.field), STATE)
