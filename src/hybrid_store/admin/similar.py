"""The rows most like the one that is looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import quote
from django.db import Error as AnyDatabaseError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from hybrid_store.admin.freshness import explained, status_of
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.ranked_search import nearest
from hybrid_store.models.row_states import RowState

if TYPE_CHECKING:
    from hybrid_store.admin.mixin import HybridAdminMixin

__all__ = ["Similar", "row_address", "similar"]

logger = logging.getLogger("hybrid_store")

DISTANCE, SIMILARITY = "_hybrid_store_distance", "_hybrid_store_similarity"


@dataclass(frozen=True)
class SimilarRow:
    """One of them: what it is called, where it is edited, and how similar it is."""

    name: str
    address: str
    similarity: float


@dataclass(frozen=True)
class Similar:
    """The rows, nearest first, and what there is to say of them, or why there are none."""

    rows: list[SimilarRow]
    note: str = ""


def similar(model_admin: HybridAdminMixin, request: HttpRequest, row: Model) -> Similar | None:
    """Rows of the admin's own queryset that are like a stored row; None where none are to be shown.

    Asks no embedder, and a database that fails is a note: the page of the row has to work.
    """
    field = model_admin.vector_field
    if field is None or model_admin.hybrid_similar_limit < 1:
        return None
    try:
        # A failure shall not reach further than this panel.
        with transaction.atomic(using=row._state.db):
            note, has_vector = _note(model_admin, row, field)
            rows = _nearest(model_admin, request, row, field) if has_vector else ()
            return Similar(list(rows), note)
    except HybridStoreError as error:
        return Similar([], str(error))
    except AnyDatabaseError:
        logger.exception("Rows similar to %r could not be found.", row)
        return Similar([], _("The database could not tell, and the log says why."))


def _note(model_admin: HybridAdminMixin, row: Model, field: BaseVectorField) -> tuple[str, bool]:
    """What there is to say of the row's own vector, and whether it has one to search by."""
    embedding = model_admin.embedding
    if embedding is None:
        has_vector = getattr(row, field.attname) is not None
        return "" if has_vector else _("It has no vector."), has_vector
    status = status_of(row, embedding)
    if status is None or status.state == RowState.BLANK:
        return _("It has no text, and so no vector."), False
    details = "; ".join(explained(status))
    note = f"{status.state.label}: {details}." if details else ""
    return note, status.has_vector and bool(status.in_space)


def _nearest(
    model_admin: HybridAdminMixin, request: HttpRequest, row: Model, field: BaseVectorField
) -> Iterator[SimilarRow]:
    found = nearest(
        model_admin.get_queryset(request),
        row,
        field=field.name,
        distance_as=DISTANCE,
        similarity_as=SIMILARITY,
    )
    for each in found[: model_admin.hybrid_similar_limit]:
        if model_admin.has_view_permission(request, each):
            address = row_address(model_admin, each)
            yield SimilarRow(str(each), address, getattr(each, SIMILARITY))


def row_address(model_admin: Any, row: Model) -> str:
    """Of the page of a row."""
    meta = model_admin.opts
    name = f"admin:{meta.app_label}_{meta.model_name}_change"
    return reverse(name, args=[quote(row.pk)], current_app=model_admin.admin_site.name)
