"""Films in Django's admin, found by words and by meaning.

Saving a changed description makes its vector stale, which the list shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from films.models import Film, Genre
from hybrid_store.admin import FreshnessFilter, HybridAdminMixin

if TYPE_CHECKING:
    # Generic to the type checker alone.
    GenreAdminBase = admin.ModelAdmin[Genre]
    FilmAdminBase = admin.ModelAdmin[Film]
else:
    GenreAdminBase = FilmAdminBase = admin.ModelAdmin

__all__ = ["FilmAdmin", "GenreAdmin"]


@admin.register(Genre)
class GenreAdmin(GenreAdminBase):
    search_fields = ["name"]


@admin.register(Film)
class FilmAdmin(HybridAdminMixin, FilmAdminBase):
    fields = ["title", "year", "genres", "description", "freshness"]
    readonly_fields = ["freshness"]
    list_display = ["title", "year", "freshness", "search_score"]
    list_filter = [FreshnessFilter, "genres"]
    search_fields = ["title"]
    filter_horizontal = ["genres"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Film, Any]:
        return super().get_queryset(request).defer("embedding")
