"""`manage.py semantic_search`."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from hybrid_store.test.models import Album, Book
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db


def test_shows_the_nearest_rows_first(run: Run) -> None:
    Book.objects.bulk_create([Book(title="red apple"), Book(title="stone bridge")])
    run("generate_embeddings", "hybrid_store_test.Book")
    out = run("semantic_search", "hybrid_store_test.Book", "an apple", "--limit", "1")
    assert out.startswith("  1. 0.")
    assert "red apple  (pk " in out
    assert "stone" not in out


def test_names_of_the_models_own_do_not_collide(run: Run) -> None:
    Album.objects.create(title="song")
    run("generate_embeddings", "hybrid_store_test.Album")
    assert "(pk " in run("semantic_search", "hybrid_store_test.Album.title_embedding", "song")


def test_an_empty_table_says_what_to_run(run: Run) -> None:
    assert "Run generate_embeddings" in run("semantic_search", "hybrid_store_test.Book", "x")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["hybrid_store_test.Book", "x", "--limit=0"], "at least 1"),
        (["hybrid_store_test.Book", " "], "blank"),
        (["hybrid_store_test.Book.title", "x"], "no vector field 'title'"),
        (["hybrid_store_test.Album", "x"], "several vector fields"),
        (["hybrid_store_test.Author", "x"], "has no vector field"),
        (["hybrid_store_test.Point.vector", "x"], "has no embedder"),
        (["nothing", "x"], "names no model"),
    ],
)
def test_bad_input_ends_with_a_sentence(run: Run, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("semantic_search", *arguments)
