"""`EmbeddingMapMixin`: the list of a `ModelAdmin`, with its filters, as a map."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import path, reverse

from hybrid_store.maps.views import PARAMETERS, EmbeddingMapView

if TYPE_CHECKING:
    # Generic to the type checker alone; mixed in, there is a ModelAdmin behind it.
    Base = admin.ModelAdmin[Any]
else:
    Base = object

__all__ = ["EmbeddingMapMixin"]


class EmbeddingMapMixin(Base):
    """For the `ModelAdmin` of a model with vectors; stands before it among the base classes.

    Its list gets a link to the map of the rows that it shows on all its pages. Who may view the
    rows sees it. `map_field`, `map_color_by` and `map_label` are `field`, `color_by` and `label` of
    the view.
    """

    change_list_template = "hybrid_store/admin_map_list.html"
    map_field: str | None = None
    map_color_by: str | None = None
    map_label: str | None = None

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.map_view)
        return [path("map/", view, name=self._name("map")), *super().get_urls()]

    def map_view(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            rows = self._listed(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse(self._address("changelist")))
        # What templates reverse addresses by, where there are several sites.
        request.current_app = self.admin_site.name
        view = AdminMapView.as_view(
            queryset=rows,
            field=self.map_field,
            color_by=self.map_color_by,
            label=self.map_label,
            model_admin=self,
        )
        return view(request)

    def _listed(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the list under the filters of the request."""
        asked: Any = copy(request)
        asked.GET = request.GET.copy()
        for name in PARAMETERS:
            asked.GET.pop(name, None)
        found: QuerySet[Any] = self.get_changelist_instance(asked).queryset
        return found

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def _address(self, page: str) -> str:
        return f"{self.admin_site.name}:{self._name(page)}"


class AdminMapView(EmbeddingMapView):
    template_name = "hybrid_store/admin_map.html"
    model_admin: Any = None

    def get_object_url(self, row: Model) -> str:
        return reverse(self.model_admin._address("change"), args=[quote(row.pk)])

    def get_list_url(self) -> str:
        return reverse(self.model_admin._address("changelist"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = self.model_admin.admin_site.each_context(self.request)
        own = {"opts": self.model_admin.opts, "list_address": self.get_list_url()}
        return super().get_context_data(**context | own | kwargs)
