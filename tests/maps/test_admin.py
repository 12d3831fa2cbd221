"""The list of an admin as a map: the rows of the list, for those who may view them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import path

from hybrid_store.admin import HybridAdminMixin
from hybrid_store.maps.admin import EmbeddingMapMixin
from hybrid_store.test.models import Book, Term
from tests.maps.unpacking import unpacked

if TYPE_CHECKING:
    # Generic to the type checker alone.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_urls")]

site = admin.AdminSite(name="office")
LIST = "/office/hybrid_store_test/book/"
TERMS = "/office/hybrid_store_test/term/"
PARTS = ["", "?map=points", "?map=rows&map_key=1", "?map=hits&map_text=apples", "?map=table"]


@admin.register(Book, site=site)
class BookAdmin(EmbeddingMapMixin, HybridAdminMixin, ModelAdmin):
    """Users see the books of the author with their name."""

    map_color_by = "author__name"
    list_filter = ("year",)
    search_fields = ("title",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any, Any]:
        books = super().get_queryset(request)
        if request.user.is_superuser:
            return books
        return books.filter(author__name=request.user.get_username())


@admin.register(Term, site=site)
class TermAdmin(EmbeddingMapMixin, ModelAdmin):
    """Its rows have texts for keys."""


urlpatterns = [path("admin/", admin.site.urls), path("office/", site.urls)]


@pytest.fixture
def _urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def staff(client: Client) -> Client:
    """Ann, who may view books."""
    user = User.objects.create_user("Ann", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_book"))
    client.force_login(user)
    return client


def keys(response: Any) -> list[str]:
    return unpacked(response.content).keys


def test_the_map_is_of_the_rows_under_the_filters_of_the_list(
    admin_client: Client, books: list[Book]
) -> None:
    listed = admin_client.get(f"{LIST}?year__exact=2001&q=apples")
    assert "Search by" in listed.content.decode()
    link = re.search(r'<a href="(map/[^"]*)">Map</a>', listed.content.decode())
    assert link is not None
    found = admin_client.get(f"{LIST}{unescape(link[1])}&map=points")
    assert keys(found) == [str(books[1].pk)]
    assert keys(admin_client.get(f"{LIST}map/?map=points")) == [str(b.pk) for b in books[:5]]


def test_the_map_leads_to_the_pages_of_the_admin(admin_client: Client, books: list[Book]) -> None:
    html = admin_client.get(f"{LIST}map/").content.decode()
    assert f'data-list-url="{LIST}" data-list-parameter="pk__in"' in html
    # Of several sites, those of its own.
    assert set(re.findall(r'<a href="(/[^"]*)"', html)) >= {"/office/", LIST}
    assert '"/admin/' not in html
    key = str(books[2].pk)
    row = admin_client.get(f"{LIST}map/?map=rows&map_key={key}").json()[key]
    assert row == {"label": "stone bridges", "url": f"{LIST}{key}/change/"}
    chosen = admin_client.get(f"{LIST}?pk__in={key},{books[3].pk}")
    assert [book.pk for book in chosen.context["cl"].queryset.order_by("pk")] == [
        books[2].pk,
        books[3].pk,
    ]


@pytest.mark.parametrize("key", ["a/b_5Fc", "a?b#c", "ü"])
def test_any_text_that_is_a_key_leads_to_the_page_of_its_row(
    admin_client: Client, key: str
) -> None:
    term = Term.objects.create(pk=key, embedding=[1.0] * 384)
    rows = admin_client.get(f"{TERMS}map/", {"map": "rows", "map_key": key}).json()
    page = admin_client.get(rows[key]["url"])
    assert page.context["original"] == term


def test_users_see_the_rows_that_the_admin_gives_them(staff: Client, books: list[Book]) -> None:
    mine = [str(book.pk) for book in books[:2]]
    asked = "&".join(f"map_key={book.pk}" for book in books)
    assert keys(staff.get(f"{LIST}map/?map=points")) == mine
    assert sorted(staff.get(f"{LIST}map/?map=rows&{asked}").json()) == mine
    assert sorted(staff.get(f"{LIST}map/?map=hits&map_text=bridges").json()["keys"]) == mine
    assert "bridges" not in staff.get(f"{LIST}map/?map=table").content.decode()


@pytest.mark.parametrize("part", PARTS)
def test_who_may_not_view_the_rows_gets_nothing(
    client: Client, books: list[Book], part: str
) -> None:
    client.force_login(User.objects.create_user("Bob", is_staff=True))
    assert client.get(f"{LIST}map/{part}").status_code == 403
    client.logout()
    assert client.get(f"{LIST}map/{part}").url.startswith("/office/login/")  # type: ignore[attr-defined]


def test_filters_that_no_list_has_lead_back_to_it(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}map/?year__exact=x").headers["Location"] == LIST
