"""`manage.py semantic_search`."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hybrid_store.test.models import Album, Book, Fable, Saga, Tale
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db
BOOK, TALE = "hybrid_store_test.Book", "hybrid_store_test.Tale"


@pytest.fixture
def tales(run: Run) -> None:
    body = "It is made of apples & pears,\nand sometimes of <em>plums</em>."
    Tale.objects.bulk_create(
        [Tale(title="A red pie", body=body), Tale(title="Stone bridge", body="A river.")]
    )
    run("generate_embeddings", TALE)


def test_shows_the_nearest_rows_first(run: Run) -> None:
    Book.objects.bulk_create([Book(title="red apple"), Book(title="stone bridge")])
    run("generate_embeddings", BOOK)
    out = run("semantic_search", BOOK, "an apple", "--limit", "1")
    assert out.startswith("  1. 0.")
    assert "red apple  (pk " in out
    assert "stone" not in out


def test_names_of_the_models_own_do_not_collide(run: Run) -> None:
    Album.objects.create(title="song")
    run("generate_embeddings", "hybrid_store_test.Album")
    assert "(pk " in run("semantic_search", "hybrid_store_test.Album.title_embedding", "song")


def test_an_empty_table_says_what_to_run(run: Run) -> None:
    assert "Run generate_embeddings" in run("semantic_search", BOOK, "x")


@pytest.mark.usefixtures("tales")
def test_shows_what_is_found_by_words_and_by_meaning(run: Run) -> None:
    first, excerpt, second = run("semantic_search", TALE, "apple").splitlines()
    assert re.fullmatch(r"  1\. 0\.0328  .+  \(pk \d+, meaning 1 at \d\.\d{4}, words 1\)", first)
    assert excerpt == "     It is made of apples & pears, and sometimes of <em>plums</em>."
    assert re.fullmatch(r"  2\. 0\.0161  .+  \(pk \d+, meaning 2 at \d\.\d{4}\)", second)


@pytest.mark.usefixtures("tales")
def test_the_words_that_are_found_are_coloured() -> None:
    out = StringIO()
    call_command("semantic_search", TALE, "apple", stdout=out, force_color=True)
    assert re.search(r"made of \x1b\[[\d;]+mapples\x1b\[0m & pears", out.getvalue())


@pytest.mark.usefixtures("tales")
def test_a_mode_can_be_chosen(run: Run) -> None:
    assert len(run("semantic_search", TALE, "apple", "--mode=text").splitlines()) == 2
    by_meaning = run("semantic_search", TALE, "apple", "--mode=vector").splitlines()
    assert len(by_meaning) == 2
    assert all("  (pk " in line for line in by_meaning)


@pytest.mark.usefixtures("tales")
def test_the_fusion_can_be_tuned(run: Run) -> None:
    weighted = run("semantic_search", TALE, "river", "--fusion=weighted", "--alpha=0")
    assert weighted.startswith("  1. 1.0000  ")
    narrow = run("semantic_search", TALE, "river", "--candidates=1", "--limit=1")
    assert len(re.findall("^  1", narrow, re.MULTILINE)) == 1
    assert "words 1" in run("semantic_search", TALE, "river", "--index=tale_text")


def test_children_are_searched_by_the_index_of_their_parent(run: Run) -> None:
    Saga.objects.create(title="Griffin", volumes=3)
    out = run("semantic_search", "hybrid_store_test.Saga", "griffin")
    assert out.startswith("By words alone, as no row with an embedding is among them:\n  1. 0.0164")


def test_a_model_without_an_embedding_is_searched_by_words(run: Run) -> None:
    Fable.objects.create(title="A fox")
    assert re.match(r"  1\. \d\.\d{4}  ", run("semantic_search", "hybrid_store_test.Fable", "fox"))
    assert "no row has what" in run("semantic_search", "hybrid_store_test.Fable", "hen")


def test_an_empty_table_is_searched_by_both(run: Run) -> None:
    assert "Has generate_embeddings been run?" in run("semantic_search", TALE, "x")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([BOOK, "x", "--limit=0"], "at least 1"),
        ([BOOK, " "], "blank"),
        ([f"{BOOK}.title", "x"], "no EmbeddingField 'title'"),
        (["hybrid_store_test.Album", "x"], "several EmbeddingFields"),
        (["hybrid_store_test.Author", "x"], "has no EmbeddingField"),
        (["hybrid_store_test.Point.vector", "x"], "has no EmbeddingField"),
        (["nothing", "x"], "names no model"),
        ([BOOK, "x", "--mode=text"], "has no TextIndex"),
        (["hybrid_store_test.Fable", "x", "--mode=hybrid"], "has no EmbeddingField"),
        ([TALE, "x", "--mode=words"], "invalid choice: 'words'"),
        ([TALE, "x", "--fusion=sum"], "invalid choice: 'sum'"),
        ([TALE, "x", "--alpha=2"], "alpha is 2"),
        ([TALE, "x", "--candidates=0"], "at least 1"),
        ([TALE, "x", "--index=other"], "no TextIndex 'other'"),
        ([TALE, " -x"], "only says what is not searched for"),
    ],
)
def test_bad_input_ends_with_a_sentence(run: Run, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("semantic_search", *arguments)
