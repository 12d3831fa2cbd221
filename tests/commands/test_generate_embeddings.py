"""`manage.py generate_embeddings`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError

from hybrid_store.exceptions import EmbedderRefusedError
from hybrid_store.management.commands.generate_embeddings import LISTED_ROWS
from hybrid_store.management.progress import PlainBar
from hybrid_store.test.models import Album, Book, Note
from hybrid_store.test.watching import before_each_answer, count_documents_embedded
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db

LABEL = "hybrid_store_test.Book"


def make(count: int, **values: Any) -> None:
    Book.objects.bulk_create([Book(title=f"title {n}", **values) for n in range(count)])


def test_says_what_it_found_stored_and_did(run: Run) -> None:
    Book.objects.create(title="The Matrix")
    out = run("generate_embeddings", LABEL)
    assert "hybrid_store_test.Book.embedding: found 1 row to embed." in out
    assert "Embedding stored for: The Matrix" in out
    assert "1 row embedded in" in out


def test_a_second_run_does_nothing_and_says_so(run: Run) -> None:
    make(3)
    run("generate_embeddings", LABEL)
    with count_documents_embedded() as texts:
        out = run("generate_embeddings", LABEL)
    assert "nothing to do." in out
    assert texts == []


def test_verbosity_0_says_nothing(run: Run) -> None:
    make(1)
    assert run("generate_embeddings", LABEL, verbosity=0) == ""
    assert not Book.objects.stale().exists()


def test_a_dry_run_calls_no_embedder_and_writes_nothing(run: Run) -> None:
    make(3)
    with count_documents_embedded() as texts:
        shown = run("generate_embeddings", LABEL, "--dry-run")
        assert "3 rows to embed, 3 distinct texts, about 6 tokens, no PRICE is set" in shown
    assert texts == []
    assert Book.objects.stale().count() == 3


def test_a_limit_and_a_batch_size_are_kept(run: Run) -> None:
    make(5)
    sizes: list[int] = []
    with before_each_answer(lambda texts: sizes.append(len(texts))):
        out = run("generate_embeddings", LABEL, "--limit", "3", "--batch-size", "2")
    assert sizes == [2, 1]
    assert "3 rows embedded, 2 left" in out


@pytest.mark.parametrize("option", ["--limit", "--batch-size"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_sizes_below_one_are_refused(run: Run, option: str, value: str) -> None:
    with pytest.raises(CommandError, match="not a whole number of at least 1"):
        run("generate_embeddings", LABEL, f"{option}={value}")


def test_more_rows_than_fit_a_screen_are_listed_only_when_asked(run: Run) -> None:
    make(LISTED_ROWS + 1)
    out = run("generate_embeddings", LABEL)
    assert "Embedding stored for" not in out
    assert f"{LISTED_ROWS + 1} rows embedded" in out
    Book.objects.update(description="new")
    out = run("generate_embeddings", LABEL, verbosity=2)
    assert out.count("Embedding stored for") == LISTED_ROWS + 1


def test_without_a_label_every_embedding_is_generated(run: Run) -> None:
    make(1)
    Album.objects.create(title="song", lyrics="la la")
    Note.objects.bulk_create([Note(text="note")])
    out = run("generate_embeddings")
    for name in ("Book.embedding", "Album.title_embedding", "Album.lyrics_embedding"):
        assert f"hybrid_store_test.{name}: found 1 row" in out
    assert "hybrid_store_test.Novel" not in out
    assert not Album.objects.stale("lyrics_embedding").exists()


def test_one_of_several_embeddings_can_be_named(run: Run) -> None:
    Album.objects.create(title="song", lyrics="la la")
    run("generate_embeddings", "hybrid_store_test.Album.lyrics_embedding")
    assert Album.objects.stale("title_embedding").exists()
    assert not Album.objects.stale("lyrics_embedding").exists()


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("Book", "names no model: use app.Model"),
        ("hybrid_store_test.Nothing", "names no model"),
        ("nowhere.Book", "names no model"),
        ("hybrid_store_test.Author", "has no EmbeddingField: add one"),
        ("hybrid_store_test.Book.title", "has no EmbeddingField 'title': choose from 'embedding'"),
        ("hybrid_store_test.Point", "has no EmbeddingField"),
        ("", "names no model"),
    ],
)
def test_a_label_that_names_no_embedding_is_refused(run: Run, label: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("generate_embeddings", label)


def test_vectors_of_another_space_are_left_alone_and_told_of(run: Run) -> None:
    make(2)
    stamp = "0" * 16 + ":" + "0" * 32
    Book.objects.update(embedding=np.ones(384), embedding_fingerprint=stamp)
    out = run("generate_embeddings", LABEL)
    assert "2 rows left alone: their vectors belong to another space" in out
    assert "2 rows embedded" in run("generate_embeddings", LABEL, "--replace-spaces")


def test_vectors_of_unknown_origin_are_left_alone_and_told_of(run: Run) -> None:
    make(2)
    Book.objects.update(embedding=np.ones(384))
    out = run("generate_embeddings", LABEL)
    assert "2 rows left alone: their vectors are of unknown origin" in out
    assert "adopt_embeddings hybrid_store_test.Book.embedding --space hashing@384" in out
    assert Book.objects.filter(embedding=np.ones(384)).count() == 2
    assert "2 rows embedded" in run("generate_embeddings", LABEL, "--replace-spaces")


def test_rows_edited_meanwhile_are_counted(run: Run) -> None:
    make(1)
    with before_each_answer(lambda texts: Book.objects.update(title="edited")):
        out = run("generate_embeddings", LABEL)
    assert "0 rows embedded, 1 changed meanwhile and still stale" in out


def test_an_embedder_that_refuses_ends_the_run_with_its_reason(run: Run) -> None:
    make(2)

    def refuse(texts: Any) -> None:
        raise EmbedderRefusedError("the quota is exhausted")

    with before_each_answer(refuse), pytest.raises(CommandError, match="quota is exhausted"):
        run("generate_embeddings", LABEL)


def test_the_plain_bar_shows_rows_rate_and_time_left() -> None:
    from io import StringIO

    from django.core.management.base import OutputWrapper

    out = StringIO()
    bar = PlainBar(OutputWrapper(out), total=10)
    bar.update(4)
    bar.close()
    assert "4/10 rows" in out.getvalue()
    assert "rows/s" in out.getvalue()
    assert "s left" in out.getvalue()
