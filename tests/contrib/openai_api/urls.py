"""The addresses that the tests ask."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import include, path

from hybrid_store.contrib.openai_api import VectorStore, vector_store_urls
from tests.contrib.models import Paper

# What `authenticate` has been shown, for tests that look.
SEEN: list[HttpRequest] = []


def user_of_token(request: HttpRequest) -> Any:
    """The user whose name is the token."""
    SEEN.append(request)
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return get_user_model().objects.filter(username=token).first() if kind == "Bearer" else None


def own_papers(request: HttpRequest) -> Any:
    return Paper.objects.filter(owner=request.user.get_username())


def papers_of_staff(request: HttpRequest) -> Any:
    if not request.user.is_staff:
        raise PermissionDenied("This sentence is for nobody.")
    return Paper.objects.all()


STORES = [
    VectorStore("papers", own_papers, fields=["year", "price"], filename="kind"),
    VectorStore("by_meaning", own_papers, fields=["year"], mode="vector"),
    VectorStore("by_words", own_papers, mode="text"),
    VectorStore("of_staff", papers_of_staff),
]
urlpatterns = [path("v1/", include(vector_store_urls(STORES, authenticate=user_of_token)))]
