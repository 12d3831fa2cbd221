"""Vectors in forms and in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib.admin.utils import display_for_field
from django.test import Client

from hybrid_store.test.models import Book, Code, Point, Weighting
from hybrid_store.vectors import BitVector, SparseVector, Vector


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


class CodeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Code
        fields = ["name", "bits"]


class WeightingForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Weighting
        fields = ["name", "terms"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "name", "text", "same", "other", "fault"),
    [
        (
            CodeForm,
            "bits",
            "101000000011",
            " 101000000011\r\n",
            "1" * 12,
            ("102", "Enter zeros and ones: expected text of zeros and ones, found '2'."),
        ),
        (
            WeightingForm,
            "terms",
            "{1:0.5,50:3.0}/50",
            "{50:3, 1:0.5} / 50",
            "{}/50",
            ("{51:1}/50", "Enter a sparse vector: the place 50 is not among 50 dimensions"),
        ),
    ],
)
def test_bits_and_sparse_vectors_are_text_in_forms(
    form: Any, name: str, text: str, same: str, other: str, fault: tuple[str, str]
) -> None:
    filled = form({"name": "n", name: text})
    assert filled.is_valid(), filled.errors
    row = filled.save()
    row.refresh_from_db()
    assert getattr(row, name).to_text() == text
    assert f">\n{text}</textarea>" in str(form(instance=row)[name])
    assert not form({"name": "n", name: same}, instance=row).has_changed()
    assert form({"name": "n", name: other}, instance=row).changed_data == [name]
    emptied = form({"name": "n", name: ""}, instance=row)
    assert emptied.is_valid()
    assert getattr(emptied.save(), name) is None
    assert fault[1] in form({"name": "n", name: fault[0]}).errors[name][0]


def test_the_admin_shows_bits_and_sparse_vectors_short() -> None:
    def shown(value: Any, model: Any, name: str) -> str:
        return display_for_field(value, model._meta.get_field(name), "-")

    assert shown(BitVector("01" * 6), Code, "bits") == "010101010101 (12 bits)"
    assert shown(SparseVector({4: 2}, 50), Weighting, "terms") == "{5:2} (1 of 50 not zero)"


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
