"""Two databases in one project, whatever they are."""

from __future__ import annotations

from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connections, transaction

from hybrid_store.models import CosineDistance, L2Distance, bulk_ingest, stale
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync import tasks
from hybrid_store.sync.verification import verify
from hybrid_store.test.models import Book, Essay, Memo, Note, Point
from hybrid_store.test.watching import count_documents_embedded

pytestmark = pytest.mark.django_db(databases=["default", "other"], transaction=True)

BOTH = ("default", "other")


def test_each_database_is_asked_in_its_own_way() -> None:
    for alias in BOTH:
        Point.objects.using(alias).create(name=alias, vector=[1, 2, 3], half=[1, 2, 3])
    rows = {alias: Point.objects.using(alias).nearest([1, 2, 3], field="vector") for alias in BOTH}
    assert [rows[alias].get().name for alias in BOTH] == list(BOTH)
    moved = Point.objects.nearest([1, 2, 3], field="vector").using("other")
    assert moved.get().name == "other"


def test_one_expression_serves_both_and_gives_the_same_answers() -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(size=(20, 3)).astype(np.float32)
    distance = CosineDistance("vector", [1, 2, 3]) + L2Distance("half", [3, 2, 1])
    answers = []
    for alias in BOTH:
        Point.objects.using(alias).bulk_create([Point(vector=v, half=v) for v in values])
        answers.append(
            list(Point.objects.using(alias).order_by("pk").values_list(distance, flat=True))
        )
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-6, atol=1e-6)


def test_a_row_moves_from_one_database_to_the_other_with_its_embedding() -> None:
    Book.objects.create(title="apple")
    call_command("generate_embeddings", "hybrid_store_test.Book", verbosity=0, stdout=StringIO())
    book = Book.objects.get()
    book.save(using="other")
    assert Book.objects.using("other").get().embedding == book.embedding
    assert not Book.objects.using("other").stale().exists()
    ranked = Book.objects.nearest("apple").get()
    ranked.save(using="other", force_insert=False)
    assert not Book.objects.using("other").stale().exists()


def test_commands_work_on_the_database_they_are_told() -> None:
    Book.objects.using("other").create(title="apple")
    out = StringIO()
    call_command("generate_embeddings", "hybrid_store_test.Book", database="other", stdout=out)
    assert "1 row embedded" in out.getvalue()
    assert verify(embedding_field(Book), using="other").vectors == 1
    call_command("semantic_search", "hybrid_store_test.Book", "apple", database="other", stdout=out)
    call_command("vector_doctor", database="other", stdout=out)
    assert "Book.embedding: 1 of 1 rows current" in out.getvalue()


def test_rows_are_loaded_into_the_database_of_the_queryset() -> None:
    vector = np.ones(384)
    for alias in BOTH:
        rows = [Book(title=alias, embedding=vector)]
        assert Book.objects.using(alias).bulk_ingest(rows, embedded_by="default") == 1
        assert rows[0]._state.db == alias
        essays = {"words": [alias], "embedding": [vector]}
        bulk_ingest(Essay.objects.using(alias), essays, embedded_by="default")
        assert Book.objects.using(alias).get().title == alias
        for model in (Book, Essay):
            assert not stale(model._base_manager.using(alias)).exists()


def test_a_router_says_where_rows_of_a_model_are_loaded(settings: Any) -> None:
    class Router:
        def db_for_write(self, model: Any, **hints: Any) -> str:
            return "other"

    settings.DATABASE_ROUTERS = [Router()]
    for target in (Point, Point.objects, Point.objects.all()):
        bulk_ingest(target, [Point(name="p")])
    assert Point.objects.using("other").count() == 3
    assert not Point.objects.using("default").exists()


def test_on_save_embeds_in_the_database_of_the_save() -> None:
    note = Note(text="apple")
    note.save(using="other")
    assert note.embedding is not None
    assert Note.objects.using("other").get().embedding == note.embedding
    assert not Note.objects.exists()


def test_each_database_embeds_what_it_commits_itself() -> None:
    with count_documents_embedded() as texts, transaction.atomic(using="other"):
        in_other = Note(text="in other")
        in_other.save(using="other")
        with transaction.atomic():
            Note.objects.create(text="rolled back")
            transaction.set_rollback(True)
        Note.objects.create(text="in default")
        assert texts == ["in default"]
    assert texts == ["in default", "in other"]
    assert not any(Note.objects.using(alias).stale().exists() for alias in BOTH)


def test_a_task_knows_its_database(settings: Any) -> None:
    framework = tasks.tasks_framework()
    backend = f"{framework.__name__}.backends.dummy.DummyBackend"
    settings.TASKS = {"default": {"BACKEND": backend}}
    for alias in BOTH:
        Memo(pk=1, text=alias).save(using=alias)
    found = [result.kwargs["database"] for result in framework.default_task_backend.results]
    assert found == list(BOTH)
    tasks.embed_saved_row.call(**framework.default_task_backend.results[1].kwargs)
    assert [Memo.objects.using(alias).stale().exists() for alias in BOTH] == [True, False]


def test_a_row_of_one_database_is_a_target_in_the_other() -> None:
    for alias in BOTH:
        Point.objects.using(alias).create(name=alias, vector=[1, 2, 3])
        Point.objects.using(alias).create(name="near", vector=[1, 2, 4])
    target = Point.objects.using("other").defer("vector").first()
    found = Point.objects.nearest(target, field="vector").values_list("name", flat=True)
    assert "near" in found
    assert connections["other"].alias == "other"
