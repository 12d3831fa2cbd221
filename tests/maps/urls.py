"""Pages with maps, as a project has them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import PermissionRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import include, path

from hybrid_store.maps import EmbeddingMapView
from hybrid_store.test.models import Book, Clause, Point

__all__ = ["HOSTILE_ADDRESS", "HOSTILE_TITLE", "BookMap", "OwnMap", "urlpatterns"]

HOSTILE_TITLE = "\"><script>alert('title')</script>"
HOSTILE_ADDRESS = "/a?\"><script>alert('address')</script>"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'"
)


class BookMap(EmbeddingMapView):
    """Under the strictest policy that a page with scripts can have."""

    model = Book
    color_by = "author__name"
    list_url = "/list/"

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(*args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response

    def get_object_url(self, row: Any) -> str | None:
        return f"/books/{row.pk}/"

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset()
        year = self.request.GET.get("year")
        return rows.filter(year=year) if year else rows


class OwnMap(PermissionRequiredMixin, BookMap):
    """Rows of the user alone, for those who may see any."""

    permission_required = "hybrid_store_test.view_book"
    raise_exception = True

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(author__name=self.request.user.get_username())


class HostileMap(BookMap):
    """With a title and addresses that mean harm; rows of one author have no page."""

    title = HOSTILE_TITLE
    list_url = HOSTILE_ADDRESS

    def get_object_url(self, row: Any) -> str | None:
        return HOSTILE_ADDRESS if row.author_id is None else None

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(title__startswith="<")


def told(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The page of a book, and that of a list."""
    return HttpResponse(
        f"<title>Book {pk}</title><link rel='icon' href='/static/hybrid_store/map/icon.svg'>"
    )


urlpatterns = [
    path("map/", BookMap.as_view()),
    path("books/<int:pk>/", told),
    path("list/", told),
    path("few/", BookMap.as_view(list_most=10)),
    path("limited/", BookMap.as_view(limit=2)),
    path("hostile/", HostileMap.as_view()),
    path("points/", EmbeddingMapView.as_view(model=Point, field="vector")),
    path("own/", OwnMap.as_view()),
    path("labels/", BookMap.as_view(label="author__name", can_search=False, color_by=None)),
    path("composite/", EmbeddingMapView.as_view(model=Clause)),
    path("", include("config.urls")),
]
