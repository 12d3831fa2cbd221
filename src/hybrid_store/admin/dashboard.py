"""The dashboard of embeddings, a page of the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from hybrid_store.admin.overview import overview
from hybrid_store.admin.places import Places
from hybrid_store.admin.records import ReadOnly
from hybrid_store.models.work import Dashboard

if TYPE_CHECKING:
    # Generic to the type checker alone.
    DashboardAdminBase = admin.ModelAdmin[Dashboard]
else:
    DashboardAdminBase = admin.ModelAdmin

__all__ = ["DashboardAdmin"]


@admin.register(Dashboard)
class DashboardAdmin(ReadOnly, DashboardAdminBase):
    """Coverage, failures, runs and indexes of all embeddings, in place of a list of rows.

    For users with the permission `hybrid_store.view_dashboard`.
    """

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        places = Places(self.admin_site, request)
        told = [overview(alias, places) for alias in connections]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Embeddings"),
            "opts": self.opts,
            "databases": [each for each in told if each.embeddings or each.faults],
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "hybrid_store/admin/dashboard.html", context)
