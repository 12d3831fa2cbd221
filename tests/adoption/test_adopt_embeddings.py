"""`manage.py adopt_embeddings`: vectors are taken over, and only the right ones."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models

from hybrid_store.exceptions import AdoptionError
from hybrid_store.models import nearest
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.adoption import Adoption
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.verification import verify
from hybrid_store.test.models import Album, Article, Author, Book, Essay, Note, Novel
from hybrid_store.test.watching import count_documents_embedded

pytestmark = pytest.mark.django_db

SPACE = "hashing@384"


def adopt(label: str, space: str = SPACE, **options: Any) -> str:
    out = io.StringIO()
    call_command("adopt_embeddings", label, space=space, stdout=out, no_color=True, **options)
    return out.getvalue()


def embed_and_forget(model: Any) -> None:
    """Vectors as another program leaves them: good, but of unknown origin."""
    field = embedding_field(model)
    Generation(field).run()
    model._base_manager.update(**{field.fingerprint_name: None})


def books(count: int) -> Any:
    return Book.objects.bulk_create(
        [Book(title=f"title {n}", description=f"about {n} things") for n in range(count)]
    )


class TestStamping:
    @pytest.mark.parametrize("model", [Book, Article, Essay, Note])
    def test_every_kind_of_source(self, model: Any) -> None:
        author = Author.objects.create(name="Stanislaw Lem")
        rows = {
            Book: [Book(title="Solaris", description="an ocean"), Book(title="Eden")],
            Article: [Article(slug="a", number=1, author=author), Article(slug="b")],
            Essay: [Essay(words="one,two"), Essay(words="three")],
            Note: [Note(text="one"), Note(text="two")],
        }
        model._base_manager.bulk_create(rows[model])
        embed_and_forget(model)
        assert not verify(embedding_field(model)).ok
        out = adopt(model._meta.label)
        assert "found 2 rows with a vector of unknown origin" in out
        assert "2 rows embedded anew: the least similarity is 1.0000." in out
        assert "2 rows stamped as current." in out
        assert verify(embedding_field(model)).ok

    def test_adopted_vectors_are_found_and_never_bought_again(self) -> None:
        books(30)
        embed_and_forget(Book)
        assert list(Book.objects.values_list("embedding_fingerprint").distinct()) == [(None,)]
        adopt("hybrid_store_test.Book", sample=0)
        with count_documents_embedded() as texts:
            assert Generation(embedding_field(Book)).run().done == 0
            assert nearest(Book.objects.all(), "title 7")[:1].get().title == "title 7"
        assert texts == []

    def test_more_rows_than_a_batch(self) -> None:
        books(1203)
        embed_and_forget(Book)
        assert "1203 rows stamped" in adopt("hybrid_store_test.Book")
        assert not Book.objects.stale().exists()

    def test_a_second_run_has_nothing_to_do(self) -> None:
        books(3)
        embed_and_forget(Book)
        adopt("hybrid_store_test.Book")
        with count_documents_embedded() as texts:
            assert "nothing to do" in adopt("hybrid_store_test.Book")
        assert texts == []

    def test_a_child_of_multi_table_inheritance(self) -> None:
        Novel.objects.create(title="Solaris", series="none")
        embed_and_forget(Book)
        assert "1 row stamped" in adopt("hybrid_store_test.Novel")
        assert verify(embedding_field(Book)).ok

    def test_one_of_several_embeddings(self) -> None:
        Album.objects.create(title="one", lyrics="two")
        for name in ("title_embedding", "lyrics_embedding"):
            Generation(embedding_field(Album, name)).run()
        Album.objects.update(title_embedding_fingerprint=None, lyrics_embedding_fingerprint=None)
        with pytest.raises(CommandError, match="several EmbeddingFields: say which"):
            adopt("hybrid_store_test.Album")
        adopt("hybrid_store_test.Album.lyrics_embedding")
        album = Album.objects.get()
        assert album.title_embedding_fingerprint is None
        assert album.lyrics_embedding_fingerprint is not None


class TestWhatIsLeftAlone:
    def test_rows_without_text_vector_or_doubt(self) -> None:
        rows = books(6)
        embed_and_forget(Book)
        blank, empty, ours, foreign = (row.pk for row in rows[:4])
        Book.objects.filter(pk=blank).update(title=" ", description="\n")
        models.QuerySet(Book).filter(pk=empty).update(embedding=None)
        stamps = {ours: "0" * 49, foreign: "f" * 49}
        for key, stamp in stamps.items():
            Book.objects.filter(pk=key).update(embedding_fingerprint=stamp)
        out = adopt("hybrid_store_test.Book")
        assert "2 rows stamped as current, 1 without text left alone." in out
        stored = dict(Book.objects.values_list("pk", "embedding_fingerprint"))
        assert stored[blank] is None
        assert stored[empty] is None
        assert {key: stored[key] for key in stamps} == stamps

    def test_vectors_that_are_none(self) -> None:
        rows = books(3)
        embed_and_forget(Book)
        data = np.full(384, np.nan, "<f4").tobytes()
        if connection.vendor == "postgresql":
            write, data = "%s::vector", str([0] * 384)  # type: ignore[assignment]
        else:
            write = "%s"
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE hybrid_store_test_book SET embedding = {write} WHERE id = %s",  # noqa: S608
                [data, rows[1].pk],
            )
        out = adopt("hybrid_store_test.Book")
        assert "2 rows stamped" in out
        assert "1 row not stamped" in out
        assert f"primary keys {rows[1].pk}." in out
        rows[1].refresh_from_db(fields=["embedding_fingerprint"])
        assert rows[1].embedding_fingerprint is None

    def test_a_row_stamped_or_emptied_meanwhile(self) -> None:
        rows = books(3)
        embed_and_forget(Book)
        adoption = Adoption(embedding_field(Book), SPACE)
        models.QuerySet(Book).filter(pk=rows[0].pk).update(embedding=None)
        Book.objects.filter(pk=rows[1].pk).update(embedding_fingerprint="x")
        assert adoption._write([row.pk for row in rows]) == 1


class TestTheStatement:
    def test_another_space_is_refused(self) -> None:
        books(1)
        embed_and_forget(Book)
        with pytest.raises(CommandError) as caught:
            adopt("hybrid_store_test.Book", "text-embedding-3-small@384")
        assert "hybrid_store_test.Book.embedding" in str(caught.value)
        assert "'text-embedding-3-small@384'" in str(caught.value)
        assert f"'{SPACE}'" in str(caught.value)
        assert Book.objects.get().embedding_fingerprint is None
        with pytest.raises(AdoptionError):
            Adoption(embedding_field(Book), "x")

    def test_it_must_be_made(self) -> None:
        with pytest.raises(CommandError, match="--space"):
            call_command("adopt_embeddings", "hybrid_store_test.Book")

    @pytest.mark.parametrize(
        "arguments", [["--sample", "-1"], ["--sample", "x"], ["--min-similarity", "2"]]
    )
    def test_wrong_numbers(self, arguments: list[str]) -> None:
        with pytest.raises(CommandError, match="is not a"):
            call_command("adopt_embeddings", "hybrid_store_test.Book", "--space", SPACE, *arguments)

    @pytest.mark.parametrize("label", ["hybrid_store_test.Nothing", "Book", "x.y.z"])
    def test_unknown_labels(self, label: str) -> None:
        with pytest.raises(CommandError):
            adopt(label)


class TestTheSample:
    def test_vectors_of_another_model_are_not_stamped(self) -> None:
        from hybrid_store.embedders import embedders

        rows = books(20)
        wrong = embedders["second"].embed([f"title {n}\nabout {n} things" for n in range(20)])
        for row, vector in zip(rows, wrong, strict=True):
            models.QuerySet(Book).filter(pk=row.pk).update(embedding=vector)
        out = io.StringIO()
        with pytest.raises(CommandError) as caught:
            call_command("adopt_embeddings", "hybrid_store_test.Book", space=SPACE, stdout=out)
        assert "10 rows of 10 sampled differ" in str(caught.value)
        assert "nothing was stamped" in str(caught.value)
        assert out.getvalue().count("✗") == 5
        assert not Book.objects.exclude(embedding_fingerprint=None).exists()
        assert "20 rows stamped" in adopt("hybrid_store_test.Book", min_similarity=-1.0)

    def test_it_reaches_from_the_first_row_to_the_last(self) -> None:
        rows = books(25)
        embed_and_forget(Book)
        for count in (1, 2, 7, 24, 25, 26, 100):
            with count_documents_embedded() as texts:
                compared = Adoption(embedding_field(Book), SPACE).compare(count)
            keys = sorted(comparison.pk for comparison in compared)
            assert len(keys) == len(texts) == min(count, 25)
            assert keys[0] == rows[0].pk
            assert count == 1 or keys[-1] == rows[-1].pk

    def test_a_row_edited_since_is_noticed(self) -> None:
        rows = books(5)
        embed_and_forget(Book)
        Book.objects.filter(pk=rows[2].pk).update(title="something else entirely")
        with pytest.raises(CommandError, match="1 row of 5 sampled differ"):
            adopt("hybrid_store_test.Book")
        worst = Adoption(embedding_field(Book), SPACE).compare()[0]
        assert worst.pk == rows[2].pk

    def test_nothing_to_compare(self) -> None:
        books(2)
        embed_and_forget(Book)
        Book.objects.update(title="", description="")
        with count_documents_embedded() as texts:
            out = adopt("hybrid_store_test.Book")
        assert "No sampled row can be compared" in out
        assert "0 rows stamped as current, 2 without text left alone" in out
        assert texts == []
