"""The list of an admin: how it is searched, in which order it is, and what goes with its rows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from hybrid_store.admin.freshness import attach_statuses
from hybrid_store.admin.searched import SCORE, SearchMode
from hybrid_store.admin.searching import ListSearch
from hybrid_store.exceptions import HybridStoreError

if TYPE_CHECKING:
    from hybrid_store.admin.mixin import HybridAdminMixin

__all__ = ["MODE", "HybridChangeList", "acts_on_all", "hybrid_list"]

MODE = "search_by"
"""The parameter of the mode in the address of a list."""
COLUMNS = {"freshness", "vector_summary"}
"""Columns that are told for all rows of a page at once."""


class HybridChangeList(ChangeList):
    """Mixed into the `ChangeList` of an admin: see `hybrid_list`."""

    model_admin: HybridAdminMixin
    search: ListSearch
    mode_parameter = MODE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is left in there becomes a hidden field of the search form, beside the choice.
        self.params.pop(MODE, None)

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any, Any]:
        if not hasattr(self, "search"):
            self.search = ListSearch(self.model_admin, request, self._mode())
            self.search.begin()
        if _acts_on_selection(request):
            # Rows that were chosen one by one are those, whatever a search would find by now.
            self.query = ""
        return super().get_queryset(request, exclude_parameters)

    def _mode(self) -> SearchMode | None:
        modes = self.modes
        chosen = self.params.get(MODE)
        if chosen in modes:
            return SearchMode(chosen)
        preferred = SearchMode(self.model_admin.hybrid_search_mode)
        return preferred if preferred in modes or not modes else modes[-1]

    @property
    def modes(self) -> list[SearchMode]:
        return self.model_admin.searched.modes

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The modes as they are offered, if there is a choice."""
        if len(self.modes) < 2:
            return []
        return [
            {"value": mode.value, "label": mode.label, "is_chosen": mode == self.search.mode}
            for mode in self.modes
        ]

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        filters: dict[str, Any] = super().get_filters_params(params)
        filters.pop(MODE, None)
        return filters

    def get_ordering_field_columns(self) -> Any:
        """None where the best rows come first: no column is what they are sorted by."""
        return {} if self.search.is_ranked else super().get_ordering_field_columns()

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for row in self.result_list if self.search.scores else ():
            setattr(row, SCORE, self.search.scores.get(row.pk))
        field = self.model_admin.embedding
        if field is not None and COLUMNS & {*map(str, self.list_display)}:
            # Without an embedder there is none to tell; the column says why.
            with suppress(HybridStoreError):
                attach_statuses(list(self.result_list), field)


def hybrid_list(base: type[ChangeList]) -> type[ChangeList]:
    """A list of the class `base` that can be searched by meaning."""
    return type(base.__name__, (HybridChangeList, base), {})


def _acts_on_selection(request: HttpRequest) -> bool:
    return (
        request.method == "POST"
        and ACTION_CHECKBOX_NAME in request.POST
        and "_save" not in request.POST
        and not acts_on_all(request)
    )


def acts_on_all(request: HttpRequest) -> bool:
    """Is an action to be carried out on all rows that were found, not on those that are ticked?"""
    return bool(forms.BooleanField().to_python(request.POST.get("select_across", "")))
