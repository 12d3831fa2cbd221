"""Where in an admin site a user finds the rows of an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse

from hybrid_store.admin.freshness import FreshnessFilter
from hybrid_store.admin.similar import row_address
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.row_states import RowState

__all__ = ["Places"]


class Places:
    """Addresses for one user, who is led to nothing that may not be viewed."""

    def __init__(self, site: AdminSite, request: HttpRequest) -> None:
        self.site = site
        self.request = request

    def _admin_of(self, embedding: EmbeddingField) -> Any:
        """The admin of its model, if it has one that the user may view."""
        model_admin: Any = self.site._registry.get(embedding.model)
        may_view = model_admin is not None and model_admin.has_view_permission(self.request)
        return model_admin if may_view else None

    def of_list(self, embedding: EmbeddingField) -> str:
        """The list of all rows; "" where there is none for the user."""
        model_admin = self._admin_of(embedding)
        if model_admin is None:
            return ""
        meta = model_admin.opts
        name = f"admin:{meta.app_label}_{meta.model_name}_changelist"
        return reverse(name, current_app=self.site.name)

    def of_state(self, embedding: EmbeddingField, state: RowState) -> str:
        """The list of the rows in a state, where lists can be filtered by it."""
        model_admin = self._admin_of(embedding)
        if model_admin is None or callable(embedding.source):
            return ""
        if FreshnessFilter not in model_admin.get_list_filter(self.request):
            return ""
        query = urlencode({FreshnessFilter.parameter_name: state.value})
        return f"{self.of_list(embedding)}?{query}"

    def of_rows(
        self, embedding: EmbeddingField, alias: str, keys: Sequence[Any]
    ) -> list[tuple[str, str]]:
        """Name and page of those rows of a database that the user's own lists show."""
        model_admin = self._admin_of(embedding)
        rows = None if model_admin is None else model_admin.get_queryset(self.request)
        if rows is None or rows.db != alias:
            return []
        return [
            (str(row), row_address(model_admin, row))
            for row in rows.filter(pk__in=keys)
            if model_admin.has_view_permission(self.request, row)
        ]
