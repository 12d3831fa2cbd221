"""`manage.py verify_embeddings`."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.management import CommandError

from hybrid_store.test.models import Book
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db

LABEL = "hybrid_store_test.Book"


@pytest.fixture
def books(run: Run) -> list[Book]:
    Book.objects.bulk_create([Book(title=f"title {n}") for n in range(3)])
    run("generate_embeddings", LABEL)
    return list(Book.objects.order_by("pk"))


def test_sound_embeddings_pass(run: Run, books: list[Book]) -> None:
    Book.objects.create(title="not yet")
    Book.objects.create(title=" ")
    out = run("verify_embeddings", LABEL)
    assert "3 vectors read, 1 row without one yet, 1 row without text" in out
    assert "every vector is sound and current" in out


def test_small_sets_are_shown_with_titles_and_first_values(run: Run, books: list[Book]) -> None:
    assert f"title 1: {books[1].embedding}" in run("verify_embeddings", LABEL)


def test_faults_are_listed_with_their_keys_and_status_1(
    run: Run, books: list[Book], capsys: pytest.CaptureFixture[str]
) -> None:
    Book.objects.filter(pk=books[1].pk).update(title="edited")
    Book.objects.filter(pk=books[2].pk).update(embedding=np.ones(384))
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()
    with pytest.raises(CommandError, match="Some embeddings are wrong") as caught:
        call_command("verify_embeddings", LABEL, stdout=out, no_color=True)
    assert caught.value.returncode == 1
    assert f"the text has changed since it was embedded: 1 row, primary key {books[1].pk}" in (
        out.getvalue()
    )
    assert f"of unknown origin (no fingerprint): 1 row, primary key {books[2].pk}" in out.getvalue()


def test_a_project_without_labels_verifies_all(run: Run, books: list[Book]) -> None:
    assert "hybrid_store_test.Note.embedding: 0 vectors read" in run("verify_embeddings")
