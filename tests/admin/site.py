"""An admin site with a model of each kind, and who may see which books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path

from hybrid_store.admin import (
    DashboardAdmin,
    EmbeddingRunAdmin,
    EmbeddingWorkAdmin,
    FreshnessFilter,
    HybridAdminMixin,
)
from hybrid_store.maps.admin import EmbeddingMapMixin
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.models.work import Dashboard
from hybrid_store.test.models import (
    Album,
    Author,
    Book,
    Essay,
    Fable,
    Manual,
    Note,
    Point,
    Review,
    Saga,
    Tale,
)

if TYPE_CHECKING:
    # Generic to the type checker alone.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

site = admin.AdminSite()


@admin.register(Tale, site=site)
class TaleAdmin(HybridAdminMixin, ModelAdmin):
    """Words and meaning."""

    list_display = ("title", "year", "freshness", "search_score")
    list_filter = ("year", "tellers", FreshnessFilter)


@admin.register(Book, site=site)
class BookAdmin(HybridAdminMixin, ModelAdmin):
    """Meaning, and what Django finds; users see the books of the author with their name."""

    list_display = ("title", "author", "freshness", "vector_summary")
    list_filter = (FreshnessFilter,)
    list_select_related = ("author",)
    search_fields = ("title",)
    readonly_fields = ("freshness", "vector_summary")
    ordering = ("title",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any, Any]:
        books = super().get_queryset(request)
        if request.user.is_superuser:
            return books
        return books.filter(author__name=request.user.get_username())


@admin.register(Essay, site=site)
class EssayAdmin(HybridAdminMixin, ModelAdmin):
    """A callable source."""

    list_display = ("words", "freshness", "vector_summary")
    list_filter = (FreshnessFilter,)
    search_fields = ("words",)


@admin.register(Point, site=site)
class PointAdmin(HybridAdminMixin, ModelAdmin):
    """Vectors of the user's own."""

    hybrid_field = "vector"
    list_display = ("name", "vector_summary")
    search_fields = ("name",)


@admin.register(Manual, site=site)
class ManualAdmin(HybridAdminMixin, ModelAdmin):
    """Found by the passages of their texts."""

    list_display = ("title",)


@admin.register(Saga, site=site)
class SagaAdmin(HybridAdminMixin, EmbeddingMapMixin, ModelAdmin):
    """Vector and words are the parent's; its list is a map, too."""

    list_display = ("title", "freshness", "vector_summary")
    list_filter = (FreshnessFilter,)


@admin.register(Note, site=site)
class NoteAdmin(HybridAdminMixin, ModelAdmin):
    """A key that is no number."""

    list_display = ("text", "freshness")
    list_filter = (FreshnessFilter,)


@admin.register(Album, site=site)
class AlbumAdmin(HybridAdminMixin, ModelAdmin):
    """Two embeddings, and a field that is called as searches call distances."""

    hybrid_field = "lyrics_embedding"
    list_display = ("title", "freshness", "vector_summary")
    list_filter = (FreshnessFilter,)
    search_fields = ("lyrics",)


@admin.register(Fable, site=site)
class FableAdmin(HybridAdminMixin, ModelAdmin):
    """Words alone."""

    list_display = ("title", "search_score", "freshness", "vector_summary")


@admin.register(Review, site=site)
class ReviewAdmin(ModelAdmin):
    """Books are completed while one types."""

    autocomplete_fields = ("book",)


site.register(Author)
site.register(User, UserAdmin)
site.register(EmbeddingRun, EmbeddingRunAdmin)
site.register(EmbeddingWork, EmbeddingWorkAdmin)
site.register(Dashboard, DashboardAdmin)

urlpatterns = [path("admin/", site.urls)]
