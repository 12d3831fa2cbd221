"""Vectors in forms and in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib.admin.utils import display_for_field
from django.test import Client

from hybrid_store.test.models import Book, Point
from hybrid_store.vectors import Vector


class PointForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Point
        fields = ["name", "vector", "half"]


@pytest.mark.django_db
def test_a_form_reads_shows_and_saves_vectors() -> None:
    form = PointForm({"name": "p", "vector": "[1, 2.5, 3]", "half": ""})
    assert form.is_valid(), form.errors
    point = form.save()
    assert Point.objects.get().vector == [1, 2.5, 3]
    shown = PointForm(instance=point)
    assert "[1.0,2.5,3.0]" in str(shown["vector"])
    assert not PointForm(
        {"name": "p", "vector": "[1, 2.5, 3.0]", "half": ""}, instance=point
    ).has_changed()
    assert PointForm({"name": "p", "vector": "[1, 2, 3]"}, instance=point).changed_data == [
        "vector"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[1, 2]", "Enter a list of numbers: expected 3 dimensions, got 2."),
        ("one", "expected numbers in brackets"),
        ("[1, NaN, 2]", "not finite"),
        ("<script>", "expected numbers in brackets"),
    ],
)
def test_bad_text_is_an_error_of_the_form(text: str, fault: str) -> None:
    form = PointForm({"name": "p", "vector": text})
    assert fault in form.errors["vector"][0]
    assert form.has_changed()


def test_an_embedding_is_not_for_people_to_edit() -> None:
    fields = forms.modelform_factory(Book, fields="__all__").base_fields
    assert "embedding" not in fields
    assert "embedding_fingerprint" not in fields


def test_the_admin_shows_a_vector_short() -> None:
    field: Any = Book._meta.get_field("embedding")
    shown = display_for_field(Vector(range(384)), field, "-")
    assert shown == "[0, 1, 2, …] (384 dimensions)"


@pytest.mark.django_db
@pytest.mark.urls("tests.admin_urls")
def test_admin_pages_list_show_and_save_rows_with_vectors(admin_client: Client) -> None:
    book = Book.objects.create(title="apple", embedding=[0.5] * 384)
    for page in ("", f"{book.pk}/change/"):
        response = admin_client.get(f"/admin/hybrid_store_test/book/{page}")
        assert "[0.5, 0.5, 0.5, …] (384 dimensions)" in response.content.decode()
    response = admin_client.post(
        f"/admin/hybrid_store_test/book/{book.pk}/change/",
        {"title": "pear"},
    )
    assert response.status_code == 302, response.content
    book.refresh_from_db()
    assert (book.title, book.embedding) == ("pear", [0.5] * 384)
