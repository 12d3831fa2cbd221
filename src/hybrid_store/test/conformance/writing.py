"""Batches of embeddings: each row is written whole, and only if its text is the embedded one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import DEFAULT_DB_ALIAS, connection, models, transaction

from hybrid_store.backends import vector_ops
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.exceptions import VectorValueError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.paths import in_own_table
from hybrid_store.sync.sources import SourceText, source_reader
from hybrid_store.sync.statements import GuardedUpdate
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field
from hybrid_store.test.models import (
    Album,
    Article,
    Author,
    Book,
    Clause,
    Essay,
    Note,
    Novel,
    Passage,
    Point,
    Recording,
    Remix,
    Term,
)
from hybrid_store.vectors import Vector

__all__ = ["WritingConformance"]

# Keys that are texts, with everything that lists and formats put between them.
WORDS = ["plain", "", " ", "a,b", 'quo"te', "apo's", "{x}", "NULL", "back\\slash", "100 %s", "한 é"]


def numbered_vector(number: int) -> Vector:
    return Vector(np.arange(number + 1, number + 385))


def texts_of(field: EmbeddingField) -> list[SourceText]:
    """All rows as they are now, by key."""
    reader = source_reader(field, DEFAULT_DB_ALIAS)
    return reader.read(reader.rows.order_by("pk"))


def stored(texts: Sequence[SourceText]) -> list[tuple[Any, str, Vector]]:
    """What `GuardedUpdate.store` takes, with another vector for each text."""
    return [(text.pk, text.content, numbered_vector(n)) for n, text in enumerate(texts)]


def cleared(texts: Sequence[SourceText]) -> list[tuple[Any, str]]:
    return [(text.pk, text.content) for text in texts]


class WritingConformance(ConformanceBase):
    def pairs(self, field: EmbeddingField) -> dict[Any, tuple[Vector | None, str | None]]:
        rows = field.model._base_manager.order_by("pk")
        names = "pk", field.attname, field.fingerprint_name
        return {key: (vector, stamp) for key, vector, stamp in rows.values_list(*names)}

    def assert_written_to_every_row(self, field: EmbeddingField) -> None:
        texts = texts_of(field)[::-1]
        assert len(texts) > 2
        update = GuardedUpdate(field, DEFAULT_DB_ALIAS, guarded=in_own_table(field))
        assert update.store(stored(texts)) == [True] * len(texts)
        expected = {
            text.pk: (numbered_vector(n), field.space_prefix + text.content)
            for n, text in enumerate(texts)
        }
        assert self.pairs(field) == expected
        assert update.clear(cleared(texts)) == [True] * len(texts)
        assert set(self.pairs(field).values()) == {(None, None)}

    def test_whatever_the_primary_key_is(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(3)])
        Book.objects.create(pk=-(2**40), title="far")
        Clause.objects.bulk_create([Clause(tenant=n % 2, number=n, text="t") for n in range(4)])
        Note.objects.bulk_create([Note(text=f"text {n}") for n in range(3)])
        Term.objects.bulk_create([Term(word=word) for word in WORDS])
        terms = Term.objects.all()
        Passage.objects.bulk_create(
            [
                Passage(term=term, code=uuid.UUID(int=n), number=n, place=term.word[::-1], text="t")
                for n, term in enumerate(terms)
            ]
        )
        for n in range(3):
            Remix.objects.create(title=f"title {n}", words="w")
        for model in (Book, Clause, Note, Term, Passage):
            with self.subTest(model=model):
                self.assert_written_to_every_row(embedding_field(model))
        for model, name in [(Recording, "words_embedding"), (Remix, "title_embedding")]:
            with self.subTest(model=model):
                self.assert_written_to_every_row(embedding_field(model, name))

    def test_a_key_that_is_none_is_never_taken_for_another(self) -> None:
        longest = "a" * 100
        Term.objects.create(word=longest)
        [text] = texts_of(embedding_field(Term))
        update = GuardedUpdate(embedding_field(Term), DEFAULT_DB_ALIAS)
        for key in (f"{longest}a", f"{longest} ", longest.upper()):
            assert update.store([(key, text.content, numbered_vector(0))]) == [False]

    def test_rows_that_have_changed_or_gone_are_refused_and_no_others(self) -> None:
        for keyed in (False, True):
            with self.subTest(composite=keyed):
                model: Any = Clause if keyed else Book
                name = "text" if keyed else "title"
                field = embedding_field(model)
                model.objects.bulk_create(
                    [
                        Clause(tenant=7, number=n, text="t") if keyed else Book(title="t")
                        for n in range(5)
                    ]
                )
                texts = texts_of(field)
                model.objects.filter(pk=texts[1].pk).update(**{name: "edited"})
                model.objects.filter(pk=texts[3].pk).delete()
                update = GuardedUpdate(field, DEFAULT_DB_ALIAS)
                answers = [True, False, True, False, True]
                assert update.store(stored(texts)) == answers
                pairs = self.pairs(field)
                assert pairs[texts[1].pk] == (None, None)
                assert [pairs[text.pk][0] for text in texts[::2]] == [
                    numbered_vector(n) for n in (0, 2, 4)
                ]
                assert update.store(stored(texts[3:])) == answers[3:]
                assert update.store(stored(texts[1:2])) == [False]

    def test_no_answer_depends_on_the_size_of_a_batch(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(3000)])
        field = embedding_field(Book)
        texts = texts_of(field)
        changed = {0, 1250, 2999}
        edited = [texts[n].pk for n in changed]
        Book.objects.filter(pk__in=edited).update(title="edited")
        answers = GuardedUpdate(field, DEFAULT_DB_ALIAS).store(stored(texts))
        assert {n for n, answer in enumerate(answers) if not answer} == changed
        assert len(answers) == 3000
        pairs = self.pairs(field)
        for n, text in enumerate(texts):
            assert pairs[text.pk][0] == (None if n in changed else numbered_vector(n))

    def test_an_empty_batch_is_no_query(self) -> None:
        update = GuardedUpdate(embedding_field(Book), DEFAULT_DB_ALIAS)
        with self.assertNumQueries(0):
            assert update.store([]) == update.clear([]) == []

    def test_a_row_edited_back_and_forth_is_as_it_was(self) -> None:
        book = Book.objects.create(title="t")
        texts = texts_of(embedding_field(Book))
        for title in ("other", "t"):
            Book.objects.update(title=title)
        Book.objects.update(year=1999)
        assert GuardedUpdate(embedding_field(Book), DEFAULT_DB_ALIAS).store(stored(texts)) == [True]
        assert not Book.objects.stale().filter(pk=book.pk).exists()

    def test_a_row_stored_by_another_worker_and_edited_since_is_refused(self) -> None:
        Book.objects.create(title="t")
        field = embedding_field(Book)
        texts = texts_of(field)
        update = GuardedUpdate(field, DEFAULT_DB_ALIAS)
        assert update.store(stored(texts)) == [True]
        Book.objects.update(title="edited")
        assert update.store([(texts[0].pk, texts[0].content, numbered_vector(9))]) == [False]
        assert update.clear(cleared(texts)) == [False]
        assert self.pairs(field)[texts[0].pk][0] == numbered_vector(0)

    def test_without_a_guard_only_the_key_counts(self) -> None:
        for model in (Essay, Book):
            with self.subTest(model=model):
                field = embedding_field(model)
                keys = [model._default_manager.create().pk for _ in range(3)]
                model._default_manager.filter(pk=keys[1]).delete()
                update = GuardedUpdate(field, DEFAULT_DB_ALIAS, guarded=False)
                rows = [(key, "0" * 32, numbered_vector(n)) for n, key in enumerate(keys)]
                assert update.store(rows) == [True, False, True]
                assert self.pairs(field)[keys[2]] == (
                    numbered_vector(2),
                    field.space_prefix + "0" * 32,
                )
                assert update.clear([row[:2] for row in rows]) == [True, False, True]

    def test_one_embedding_of_a_row_leaves_the_other_alone(self) -> None:
        Album.objects.create(title="t", lyrics="l")
        for name in ("title_embedding", "lyrics_embedding"):
            field = embedding_field(Album, name)
            update = GuardedUpdate(field, DEFAULT_DB_ALIAS)
            assert update.store(stored(texts_of(field))) == [True]
        assert not Album.objects.stale(field="title_embedding").exists()
        assert not Album.objects.stale(field="lyrics_embedding").exists()

    def test_what_the_field_does_not_take_is_refused_before_anything_is_written(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(2)])
        field = embedding_field(Book)
        first, second = texts_of(field)
        update = GuardedUpdate(field, DEFAULT_DB_ALIAS)
        for bad in (Vector([1.0, 2.0]), Vector(np.zeros(384))):
            with self.assertRaisesMessage(VectorValueError, "Book.embedding"):
                update.store(
                    [
                        (first.pk, first.content, numbered_vector(0)),
                        (second.pk, second.content, bad),
                    ]
                )
        assert set(self.pairs(field).values()) == {(None, None)}

    def test_a_batch_belongs_to_the_transaction_around_it(self) -> None:
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(3)])
        field = embedding_field(Book)
        with transaction.atomic():
            answers = GuardedUpdate(field, DEFAULT_DB_ALIAS).store(stored(texts_of(field)))
            transaction.set_rollback(True)
        assert answers == [True] * 3
        assert set(self.pairs(field).values()) == {(None, None)}

    def test_a_source_is_in_its_own_table_or_not(self) -> None:
        cases: list[tuple[type[models.Model], str, bool]] = [
            (Book, "embedding", True),
            (Novel, "embedding", True),
            (Recording, "words_embedding", True),
            (Remix, "title_embedding", True),
            (Remix, "parent_embedding", False),
            (Article, "embedding", False),
            (Essay, "embedding", False),
        ]
        for model, name, own in cases:
            with self.subTest(model=model, name=name):
                field = embedding_field(model, name)
                assert in_own_table(field) is own
                if not own:
                    with self.assertRaisesMessage(ValueError, f"{field.label}: "):
                        GuardedUpdate(field, DEFAULT_DB_ALIAS)

    def test_readers_store_what_the_database_cannot_compare_in_its_update(self) -> None:
        for n in range(2):
            Remix.objects.create(title=f"title {n}", words="w")
            Article.objects.create(slug="s", author=Author.objects.create(name=f"name {n}"))
            Essay.objects.create(words=f"word {n}")
        edits: list[tuple[Any, str, Any]] = [
            (Remix, "parent_embedding", lambda key: Recording.objects.filter(pk=key)),
            (Article, "embedding", lambda key: Author.objects.filter(article=key)),
            (Essay, "embedding", lambda key: Essay.objects.filter(pk=key)),
        ]
        columns = {Remix: "words", Article: "name", Essay: "words"}
        for model, name, edited in edits:
            with self.subTest(model=model):
                field = embedding_field(model, name)
                texts = texts_of(field)
                edited(texts[0].pk).update(**{columns[model]: "edited"})
                reader = source_reader(field, DEFAULT_DB_ALIAS)
                vectors = [numbered_vector(n) for n in range(2)]
                assert reader.store(texts, vectors) == [False, True]
                assert reader.store(texts_of(field), [None, None]) == [True, True]
                assert set(self.pairs(field).values()) == {(None, None)}

    def test_vectors_of_both_precisions_and_gaps_go_in_one_batch(self) -> None:
        points = [Point.objects.create(name=str(n)) for n in range(3)]
        fields: list[Any] = [Point._meta.get_field(name) for name in ("vector", "half", "name")]
        update = RowUpdate(
            table=Point._meta.db_table,
            columns=[Column.of(field, connection) for field in fields],
            keys=[Column.of(Point._meta.pk, connection)],
        )
        held = [(Vector([1, 2, 3]), Vector([0.5, -1, 2])), (None, Vector([1, 0, 0])), (None, None)]
        rows = [(*held[n], f"name {n}", point.pk) for n, point in enumerate(points)]
        assert vector_ops(connection).update_rows(update, [*rows, (None, None, "", -1)]) == [
            *(True, True, True),
            False,
        ]
        found = Point.objects.order_by("pk").values_list("vector", "half", "name")
        assert list(found) == [(*held[n], f"name {n}") for n in range(3)]
