"""Addresses of the library. Every page is somebody's: it needs a login, and is kept by no cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.cache import never_cache

from library import accounts, views

__all__ = ["app_name", "personal", "urlpatterns"]

app_name = "library"


def personal(view: Callable[..., Any]) -> Callable[..., Any]:
    return never_cache(login_required(view))


urlpatterns = [
    path("login/", accounts.LogInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("guest/", accounts.guest, name="guest"),
    path("", personal(views.documents), name="documents"),
    path("upload/", personal(views.upload), name="upload"),
    path("paste/", personal(views.paste), name="paste"),
    path("search/", personal(views.search), name="search"),
    path("progress/", personal(views.all_progress), name="all_progress"),
    path("<int:pk>/", personal(views.document), name="document"),
    path("<int:pk>/progress/", personal(views.progress), name="progress"),
    path("<int:pk>/go-on/", personal(views.go_on), name="go_on"),
    path("<int:pk>/delete/", personal(views.delete), name="delete"),
    path("passages/<int:pk>/", personal(views.passage), name="passage"),
]
