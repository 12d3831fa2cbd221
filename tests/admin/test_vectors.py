"""Vectors give away the text that they are made of: they are shown when that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from hybrid_store.test.models import Book, Point
from tests.admin import site
from tests.admin.pages import Admin, said

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.site")]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (Book, Point):
        monkeypatch.setattr(site.site._registry[model], "show_vectors", True)


def test_only_the_dimensions_are_told(boss: Admin) -> None:
    book = Book.objects.create(title="apple", embedding=[0.125] * 384)
    for page in ("book", f"book/{book.pk}/change"):
        text = boss.get(page).content.decode()
        assert "384 dimensions" in text
        assert "0.125" not in text


def test_a_row_without_a_vector_has_none_to_tell_of(boss: Admin) -> None:
    book = Book.objects.create(title="apple")
    assert "dimensions" not in said(boss.get(f"book/{book.pk}/change"))


@pytest.mark.usefixtures("shown")
def test_the_first_numbers_are_shown_where_they_may_be(boss: Admin) -> None:
    book = Book.objects.create(title="apple", embedding=[0.125] * 384)
    expected = "[0.125, 0.125, 0.125, …] (384 dimensions), length 2.449"
    for page in ("book", f"book/{book.pk}/change"):
        assert expected in said(boss.get(page))


def test_a_form_does_not_show_vectors(boss: Admin) -> None:
    point = Point.objects.create(name="p", vector=[1, 2.5, 3])
    page = boss.get(f"point/{point.pk}/change")
    assert "2.5" not in page.content.decode()
    saved = boss.client.post(boss.address(f"point/{point.pk}/change"), {"name": "q", "group": 0})
    assert saved.status_code == 302
    point.refresh_from_db()
    assert (point.name, point.vector) == ("q", [1, 2.5, 3])


@pytest.mark.usefixtures("shown")
def test_a_form_shows_vectors_where_they_may_be_shown(boss: Admin) -> None:
    point = Point.objects.create(name="p", vector=[1, 2.5, 3])
    assert "[1.0,2.5,3.0]" in said(boss.get(f"point/{point.pk}/change"))


def test_a_form_that_names_vectors_shows_them(boss: Admin, monkeypatch: Any) -> None:
    monkeypatch.setattr(site.site._registry[Point], "fields", ("name", "vector"))
    point = Point.objects.create(name="p", vector=[1, 2.5, 3])
    assert "[1.0,2.5,3.0]" in said(boss.get(f"point/{point.pk}/change"))
