"""All addresses of the demo."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("chats/", include("chat.urls")),
    path("library/", include("library.urls")),
    path("", include("films.urls")),
]
