"""An admin site with a model that has an embedding, and the records of generation."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.test.models import Book

site = admin.AdminSite()


class BookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    fields = ("title", "embedding", "embedding_fingerprint")
    list_display = ("title", "embedding")
    readonly_fields = ("embedding", "embedding_fingerprint")


site.register(Book, BookAdmin)
site.register([EmbeddingRun, EmbeddingWork])
urlpatterns = [path("admin/", site.urls)]
