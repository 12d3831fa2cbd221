"""The page of a row shows the rows most like it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection

from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book, Essay, Point
from tests.admin import site
from tests.admin.conftest import MakeUser
from tests.admin.pages import Admin, said
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.site")]

PANEL = re.compile(r'<section class="module hybrid-store-similar".*?</section>', re.DOTALL)
LINK = re.compile(r'<a href="([^"]*)">([^<]*)</a></th><td>([\d.-]+)<')


def panel(admin: Admin, row: Any) -> str:
    response = admin.get(f"{row._meta.model_name}/{row.pk}/change")
    assert response.status_code == 200
    found = PANEL.search(response.content.decode())
    return found[0] if found else ""


def names(admin: Admin, row: Any) -> list[str]:
    return [name for _address, name, _similarity in LINK.findall(panel(admin, row))]


@pytest.fixture
def books(db: None) -> list[Book]:
    titles = ["apple tree", "apple cake", "pear tree", "running horses"]
    for title in titles:
        Book.objects.create(title=title)
    generate(Book)
    return list(Book.objects.order_by("pk"))


def test_the_nearest_rows_are_shown_with_their_similarity(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    expected = [book.title for book in Book.objects.nearest(books[0])[:5]]
    assert names(boss, books[0]) == expected
    [(address, name, similarity), *_] = LINK.findall(panel(boss, books[0]))
    nearest = Book.objects.nearest(books[0])[0]
    assert similarity == f"{nearest.similarity:.3f}"
    followed = boss.client.get(address)
    assert followed.status_code == 200
    assert f'value="{name}"' in followed.content.decode()
    # What is stored is compared: nobody is asked.
    assert asked.requests == []


def test_as_many_are_shown_as_the_limit_says(
    boss: Admin, books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.site._registry[Book], "hybrid_similar_limit", 1)
    assert len(names(boss, books[0])) == 1
    monkeypatch.setattr(site.site._registry[Book], "hybrid_similar_limit", 0)
    assert panel(boss, books[0]) == ""


def test_there_are_none_on_the_page_to_add_a_row(boss: Admin, books: list[Book]) -> None:
    assert "hybrid-store-similar" not in boss.get("book/add").content.decode()


def test_vectors_of_the_users_own_are_compared(boss: Admin) -> None:
    for name, vector in {"a": [1, 0, 0], "b": [0.9, 0.1, 0], "c": None}.items():
        Point.objects.create(name=name, vector=vector)
    first, _, last = Point.objects.order_by("pk")
    assert len(names(boss, first)) == 1
    assert "It has no vector." in panel(boss, last)


@pytest.mark.parametrize(
    ("title", "reason"),
    [("", "It has no text, and so no vector."), ("new", "Stale: no vector yet.")],
)
def test_a_row_without_a_vector_says_why(boss: Admin, title: str, reason: str) -> None:
    assert reason in panel(boss, Book.objects.create(title=title))
    assert reason in panel(boss, Essay.objects.create(words=title))


def test_a_row_that_failed_says_why(boss: Admin, asked: FakeOpenAI) -> None:
    asked.poison = {"oison"}
    book = Book.objects.create(title="poison")
    generate(Book)
    assert "Failed: " in panel(boss, book)
    assert "answered with status 400" in panel(boss, book)


def test_a_stale_row_says_that_its_vector_is_of_an_older_text(
    boss: Admin, books: list[Book]
) -> None:
    Book.objects.filter(pk=books[0].pk).update(title="something else")
    assert "Stale: its vector is of an older text." in panel(boss, books[0])
    assert names(boss, books[0])


def test_only_rows_that_a_user_may_see_are_shown(staff: MakeUser) -> None:
    ann, bob = (Author.objects.create(name=name) for name in ("ann", "bob"))
    book = Book.objects.create(title="apple one", author=ann)
    Book.objects.create(title="apple two", author=ann)
    Book.objects.create(title="apple three of bob", author=bob)
    generate(Book)
    assert names(staff("view_book"), book) == ["apple two"]
    assert staff(name="bob").get(f"book/{book.pk}/change").status_code == 403


def test_only_rows_that_a_user_may_view_one_by_one_are_shown(
    boss: Admin, books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    def may_view(request: Any, obj: Any = None) -> bool:
        return obj is None or obj.title != "pear tree"

    monkeypatch.setattr(site.site._registry[Book], "has_view_permission", may_view)
    assert "pear tree" not in names(boss, books[0])
    assert len(names(boss, books[0])) == 2


def test_a_page_works_when_the_database_cannot_tell(
    boss: Admin, books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an extension that is broken: a table that the panel needs is gone."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hybrid_store_embeddingwork RENAME TO hybrid_store_gone")
    try:
        response = boss.get(f"point/{Point.objects.create(name='p', vector=[1, 0, 0]).pk}/change")
        assert response.status_code == 200
        monkeypatch.setattr(site.site._registry[Book], "readonly_fields", ())
        assert "The database could not tell" in panel(boss, books[0])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hybrid_store_gone RENAME TO hybrid_store_embeddingwork")


def test_a_form_with_mistakes_shows_them_too(boss: Admin, books: list[Book]) -> None:
    page = boss.client.post(boss.address(f"book/{books[0].pk}/change"), {"title": ""})
    assert "Please correct" in said(page)
    assert "Similar by meaning" in said(page)
