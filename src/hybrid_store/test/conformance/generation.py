"""Generation: what is embedded, what is paid for, and edits in flight."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import EmbedderRefusedError
from hybrid_store.models.coverage import Coverage
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.verification import verify
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import Article, Author, Book, Essay, Novel, Recording
from hybrid_store.test.watching import before_each_answer, count_documents_embedded

__all__ = ["GenerationConformance"]


class GenerationConformance(ConformanceBase):
    def test_every_stale_row_is_embedded_and_only_once(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(25)])
        with count_documents_embedded() as texts:
            assert generate(Book, batch_size=10).embedded == 25
            assert sorted(texts) == sorted(f"title {n}\n" for n in range(25))
            assert generate(Book).embedded == 0
        assert len(texts) == 25
        assert verify(embedding_field(Book)).ok

    def test_equal_texts_of_a_batch_are_embedded_once(self) -> None:
        Book.objects.bulk_create([Book(title="same") for _ in range(5)])
        with count_documents_embedded() as texts:
            assert generate(Book).embedded == 5
        assert texts == ["same\n"]
        assert verify(embedding_field(Book)).ok

    def test_a_limit_is_the_most_rows(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(9)])
        assert generate(Book, limit=5, batch_size=3).embedded == 5
        assert Book.objects.stale().count() == 4

    def test_with_keys_only_those_rows_are_embedded(self) -> None:
        for model, name in ((Book, "title"), (Essay, "words")):
            with self.subTest(model=model):
                rows = [model.objects.create(**{name: f"text {n}"}) for n in range(3)]
                keys = [row.pk for row in rows[:2]]
                field = embedding_field(model)
                assert Generation(field, keys=keys).left() == 2
                assert Generation(field, keys=keys).estimate().rows == 2
                assert generate(model, keys=keys).embedded == 2
                assert model.objects.stale().get() == rows[2]
                assert generate(model, keys=[]).embedded == 0

    def test_an_edit_in_flight_is_never_overwritten(self) -> None:
        cases: list[tuple[Any, Any, Any]] = [
            (Book, {"title": "old"}, lambda: Book.objects.update(title="new")),
            (Essay, {"words": "old"}, lambda: Essay.objects.update(words="new")),
            (
                Article,
                {"slug": "s", "author": Author.objects.create(name="old")},
                lambda: Author.objects.update(name="new"),
            ),
        ]
        for model, values, edit in cases:
            with self.subTest(model=model):
                row = model.objects.create(**values)
                with before_each_answer(partial(_ignoring_texts, edit)):
                    report = generate(model)
                assert (report.embedded, report.changed) == (0, 1)
                row.refresh_from_db()
                assert row.embedding is None
                assert generate(model).embedded == 1
                assert verify(embedding_field(model)).ok

    def test_a_row_deleted_in_flight_stays_deleted(self) -> None:
        cases: list[tuple[Any, Any]] = [(Book, {"title": "t"}), (Essay, {"words": "t"})]
        for model, values in cases:
            model.objects.create(**values)
            with before_each_answer(partial(_ignoring_texts, model.objects.all().delete)):
                assert generate(model).changed == 1
            assert not model.objects.exists()

    def test_an_error_of_the_embedder_keeps_what_was_stored(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(6)])

        def fail(texts: Any) -> None:
            if "title 4\n" in texts:
                raise EmbedderRefusedError("quota exhausted")

        with before_each_answer(fail), self.assertRaisesMessage(EmbedderRefusedError, "quota"):
            generate(Book, batch_size=2)
        assert Book.objects.stale().count() == 2
        assert verify(embedding_field(Book)).ok

    def test_a_bad_answer_is_never_stored(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(3)])
        for name, spoil in BAD_ANSWERS.items():
            with self.subTest(name), answering(spoil):
                assert generate(Book, retry_failed=True).failed == 3
        assert not Book.objects.filter(embedding__isnull=False).exists()
        assert Book.objects.failed().count() == 3

    def test_a_child_is_embedded_through_its_parent(self) -> None:
        novel = Novel.objects.create(title="novel", series="s")
        assert generate(Novel).embedded == 1
        novel.refresh_from_db()
        assert novel.embedding is not None
        assert Book.objects.nearest("novel").get().pk == novel.pk

    def test_a_child_can_have_an_embedding_of_its_own(self) -> None:
        recording: Any = Recording.objects.create(text="text", words="words")
        field = Recording._meta.get_field("words_embedding")
        assert generate(field).embedded == 1
        assert verify(field).ok
        near = Recording.objects.nearest("words", field="words_embedding")
        assert near.get() == recording
        assert near.get().text == "text"

    def test_coverage_counts_the_states(self) -> None:
        Book.objects.create(title="current")
        generate(Book)
        Book.objects.create(title="new")
        Book.objects.create(title=" ")
        other = Book.objects.create(title="other")
        Book.objects.filter(pk=other.pk).update(
            embedding=np.ones(384), embedding_fingerprint="0" * 16 + ":" + "0" * 32
        )
        Book.objects.create(title="by hand", embedding=np.ones(384))
        assert Book.objects.coverage() == Coverage(
            rows=5,
            current=1,
            stale=3,
            blank=1,
            other_spaces=1,
            unknown=1,
            failed=0,
            in_flight=0,
        )

    def test_verification_names_every_fault_with_its_keys(self) -> None:
        books = [Book.objects.create(title=f"title {n}") for n in range(4)]
        generate(Book)
        Book.objects.filter(pk=books[0].pk).update(title="edited")
        same = Book.objects.get(pk=books[1].pk).embedding
        rows = Book.objects.filter(pk=books[2].pk)
        rows.update(embedding=same, embedding_fingerprint=books_fingerprint(books[2].pk))
        Book.objects.filter(pk=books[3].pk).update(embedding_fingerprint=None)
        found = verify(embedding_field(Book))
        assert dict(found.faults) == {
            "the text has changed since it was embedded": [books[0].pk],
            "the vector is that of a row with another text": [books[2].pk],
            "the vector is of unknown origin (no fingerprint)": [books[3].pk],
        }

    def test_batches_go_on_behind_rows_that_stay_stale(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(6)])
        with before_each_answer(lambda texts: Book.objects.update(year=1, description="edited")):
            report = Generation(embedding_field(Book), batch_size=2).run()
        assert (report.changed, report.embedded) == (2, 4)


BAD_ANSWERS: dict[str, Callable[[Any], Any]] = {
    "one too few": lambda vectors: vectors[:-1],
    "one too many": lambda vectors: np.vstack([vectors, vectors[:1]]),
    "too short": lambda vectors: vectors[:, :100],
    "NaN": lambda vectors: vectors * np.nan,
    "zero": lambda vectors: vectors * 0,
}


def answering(spoil: Callable[[Any], Any]) -> Any:
    """Meanwhile the embedder's answers are spoilt."""
    embed_batch = HashingEmbedder.embed_batch

    def spoilt(self: HashingEmbedder, texts: Any) -> Any:
        return spoil(np.asarray(embed_batch(self, texts)))

    return mock.patch.object(HashingEmbedder, "embed_batch", spoilt)


def _ignoring_texts(action: Callable[[], object], texts: Any) -> None:
    action()


def books_fingerprint(pk: Any) -> Any:
    return Book.objects.values_list("embedding_fingerprint", flat=True).get(pk=pk)
