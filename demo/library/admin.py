"""Documents in Django's admin, found by their passages: who has which.

Their texts stay what was uploaded: where pages and passages begin is counted in characters of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from hybrid_store.admin import HybridAdminMixin
from library.models import Document

if TYPE_CHECKING:
    # Generic to the type checker alone.
    DocumentAdminBase = admin.ModelAdmin[Document]
else:
    DocumentAdminBase = admin.ModelAdmin

__all__ = ["DocumentAdmin"]


@admin.register(Document)
class DocumentAdmin(HybridAdminMixin, DocumentAdminBase):
    fields = ["title", "owner", "added", "text"]
    readonly_fields = ["owner", "added", "text"]
    list_display = ["title", "owner", "added", "search_score"]
    list_select_related = ["owner"]
    search_fields = ["title"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document, Any]:
        return super().get_queryset(request).defer("text")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
