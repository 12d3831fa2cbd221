"""Embedding on save: when it happens, and that what is rolled back costs nothing.

To be mixed into `TransactionTestCase`: in a `TestCase`, nothing is ever committed.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import numpy as np
from asgiref.sync import async_to_sync
from django.core.serializers import deserialize, serialize
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string

from hybrid_store.exceptions import EmbedderUnavailableError
from hybrid_store.models import stale
from hybrid_store.models.keys import key_text
from hybrid_store.sync import tasks
from hybrid_store.test.conformance.base import ConformanceBase, generate
from hybrid_store.test.models import Lecture, Memo, Note, Passage, Recording, Term
from hybrid_store.test.watching import before_each_answer, count_documents_embedded

__all__ = ["OnSaveConformance", "OnSaveTaskConformance"]


def is_stale(row: Any) -> bool:
    return bool(stale(type(row)._default_manager.filter(pk=row.pk)).exists())


def fail(texts: Any) -> None:
    raise EmbedderUnavailableError("no answer")


class OnSaveConformance(ConformanceBase):
    """`on_save="now"`."""

    def test_a_saved_row_is_embedded_at_once(self) -> None:
        note = Note.objects.create(text="apple")
        assert note.embedding is not None
        assert not is_stale(note)
        assert Note.objects.nearest("apple").get() == note
        note.text = "stone"
        note.save()
        assert not is_stale(note)
        assert Note.objects.get().embedding == note.embedding
        note.text = ""
        note.save(update_fields=["text"])
        assert Note.objects.get().embedding is None
        assert note.embedding is None

    def test_a_row_is_saved_asynchronously_alike(self) -> None:
        note = Note(text="apple")
        async_to_sync(note.asave)()
        assert note.embedding is not None
        assert not is_stale(note)

    def test_a_child_is_embedded_with_its_parents_key(self) -> None:
        recording: Any = Recording.objects.create(text="text", words="words")
        assert recording.embedding is not None
        assert Note.objects.get().embedding == recording.embedding

    def test_a_child_of_two_parents_is_embedded_with_the_right_key(self) -> None:
        lecture = Lecture.objects.create(name="Ann", text="text")
        assert lecture.embedding is not None
        assert Note.objects.get().embedding == lecture.embedding

    def test_saving_what_is_current_calls_no_embedder(self) -> None:
        note = Note.objects.create(text="apple")
        with count_documents_embedded() as texts:
            note.save()
            note.save(update_fields=["text"])
        assert texts == []

    def test_only_saves_that_can_change_the_embedding_look_at_it(self) -> None:
        recording = Recording.objects.create(text="text", words="words")
        recording.words = "others"
        with CaptureQueriesContext(connection) as queries:
            recording.save(update_fields=["words"])
        assert not [query for query in queries if "SELECT" in query["sql"]]

    def test_bulk_writes_and_fixtures_embed_nothing(self) -> None:
        with count_documents_embedded() as texts:
            Note.objects.bulk_create([Note(text="one")])
            Note.objects.update(text="two")
            for row in deserialize("json", serialize("json", [Note(text="three")])):
                row.save()
        assert texts == []
        assert Note.objects.stale().count() == 2

    # Transactions

    def test_a_row_is_embedded_when_the_outermost_transaction_is_committed(self) -> None:
        open_transactions: list[bool] = []

        def look(texts: Any) -> None:
            open_transactions.append(connection.in_atomic_block)

        with before_each_answer(look):
            with transaction.atomic():
                with transaction.atomic():
                    note = Note.objects.create(text="apple")
                assert note.embedding is None
                assert open_transactions == []
            assert open_transactions == [False]
        assert note.embedding == Note.objects.get().embedding
        assert not is_stale(note)

    def test_a_rollback_leaves_no_vector_and_no_paid_call(self) -> None:
        with count_documents_embedded() as texts:
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                note = Note.objects.create(text="apple")
                _ = 1 / 0
            Note.objects.create(text="stone")
        assert texts == ["stone"]
        assert note.embedding is None

    def test_a_savepoint_rollback_leaves_no_vector_and_no_paid_call(self) -> None:
        with count_documents_embedded() as texts, transaction.atomic():
            before = Note.objects.create(text="before")
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                Note.objects.create(text="within")
                before.text = "before, edited"
                before.save()
                _ = 1 / 0
            Note.objects.create(text="after")
        assert sorted(texts) == ["after", "before"]
        assert not Note.objects.stale().exists()

    def test_a_save_after_one_that_was_rolled_back_counts(self) -> None:
        note = Note.objects.create(text="apple")
        with count_documents_embedded() as texts, transaction.atomic():
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                note.text = "pear"
                note.save()
                _ = 1 / 0
            note.text = "stone"
            note.save()
        assert texts == ["stone"]
        assert not is_stale(note)

    def test_several_saves_in_one_transaction_embed_once(self) -> None:
        with count_documents_embedded() as texts, transaction.atomic():
            note = Note.objects.create(text="apple")
            note.text = "pear"
            note.save()
            other = Note.objects.get()
            other.text = "stone"
            other.save()
        assert texts == ["stone"]
        stored = Note.objects.get()
        assert other.embedding == stored.embedding
        assert other.embedding_fingerprint == stored.embedding_fingerprint

    def test_every_instance_that_says_the_same_gets_the_vector(self) -> None:
        with transaction.atomic():
            note = Note.objects.create(text="apple")
            other = Note.objects.get()
            other.save()
        assert note.embedding == other.embedding == Note.objects.get().embedding

    # What the instance holds

    def test_an_instance_edited_meanwhile_keeps_what_it_has(self) -> None:
        vector = np.ones(384)
        with transaction.atomic():
            edited, given, copied = (Note.objects.create(text=text) for text in "abc")
            edited.text = "edited"
            given.embedding = vector
            copied.pk, copied._state.adding = uuid.uuid4(), True
        assert edited.embedding is None
        assert given.embedding == vector
        assert copied.embedding is None
        assert not Note.objects.stale().exists()
        edited.save()
        assert not is_stale(edited)

    def test_an_instance_saved_as_two_rows_embeds_both(self) -> None:
        with transaction.atomic():
            note = Note.objects.create(text="apple")
            note.pk, note._state.adding, note.text = uuid.uuid4(), True, "stone"
            note.save()
        assert not Note.objects.stale().exists()
        assert Note.objects.count() == 2
        assert note.embedding == Note.objects.get(text="stone").embedding

    def test_a_row_deleted_meanwhile_costs_nothing(self) -> None:
        with (
            self.assertNoLogs("hybrid_store"),
            count_documents_embedded() as texts,
            transaction.atomic(),
        ):
            Note.objects.create(text="apple")
            Note.objects.all().delete()
            Note.objects.create(text="stone").delete()
        assert texts == []

    # Failures

    def test_a_failure_is_logged_and_undoes_nothing(self) -> None:
        with before_each_answer(fail), self.assertLogs("hybrid_store", "ERROR") as logs:
            note = Note.objects.create(text="apple")
        assert "Note.embedding" in logs.output[0]
        assert "was saved but not embedded" in logs.output[0]
        assert is_stale(note)
        generate(Note)
        assert not is_stale(note)

    def test_a_failure_does_not_keep_others_from_being_embedded(self) -> None:
        def fail_once(texts: Any) -> None:
            if texts == ["apple"]:
                raise RuntimeError("a fault of any kind")

        with before_each_answer(fail_once), self.assertLogs("hybrid_store", "ERROR") as logs:
            with transaction.atomic():
                apple, stone = (Note.objects.create(text=text) for text in ("apple", "stone"))
            assert len(logs.output) == 1
        assert (is_stale(apple), is_stale(stone)) == (True, False)


class OnSaveTaskConformance(ConformanceBase):
    """`on_save="task"`."""

    def use(self, backend: str, **options: Any) -> None:
        """Have tasks dealt with by a backend of the framework: "dummy" or "immediate"."""
        name = tasks.tasks_framework().__name__
        path = f"{name}.backends.{backend}.{backend.title()}Backend"
        self.enterContext(self.settings(TASKS={"default": {"BACKEND": path, **options}}))

    @property
    def enqueued(self) -> list[dict[str, Any]]:
        """The arguments of the tasks in the dummy backend."""
        results: Any = tasks.tasks_framework().default_task_backend.results
        return [result.kwargs for result in results]

    def expected(self, row: Any) -> dict[str, str]:
        return {
            "model": row._meta.label,
            "field": "embedding",
            "key": key_text(type(row), row.pk),
            "database": connection.alias,
        }

    def test_a_save_enqueues_a_task_with_arguments_in_json(self) -> None:
        self.use("dummy")
        with count_documents_embedded() as texts:
            memo: Any = Memo.objects.create(text="apple")
            passage = Passage.objects.create(
                term=Term.objects.create(word="a,b"), code=uuid.uuid4(), number=1, place="\\"
            )
        assert self.enqueued == [self.expected(memo), self.expected(passage)]
        assert json.loads(json.dumps(self.enqueued)) == self.enqueued
        assert texts == []
        assert is_stale(memo)

    def test_a_worker_finds_the_task_by_its_path(self) -> None:
        self.use("dummy")
        Memo.objects.create(text="apple")
        [result] = tasks.tasks_framework().default_task_backend.results
        assert import_string(result.task.module_path) == result.task

    def test_the_immediate_backend_embeds_behind_the_commit(self) -> None:
        self.use("immediate")
        with count_documents_embedded() as texts, transaction.atomic():
            memo = Memo.objects.create(text="apple")
            passage = Passage.objects.create(
                term=Term.objects.create(word=","), code=uuid.uuid4(), number=1, place="", text="p"
            )
            assert texts == []
        assert texts == ["apple", "\np"]
        assert not is_stale(memo)
        assert Passage.objects.get(pk=passage.pk).embedding is not None

    def test_what_is_rolled_back_enqueues_nothing(self) -> None:
        self.use("dummy")
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            Memo.objects.create(text="apple")
            _ = 1 / 0
        assert self.enqueued == []
        with transaction.atomic():
            before = Memo.objects.create(text="before")
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                Memo.objects.create(text="within")
                _ = 1 / 0
            assert self.enqueued == []
        assert self.enqueued == [self.expected(before)]

    def test_several_saves_in_one_transaction_enqueue_once(self) -> None:
        self.use("dummy")
        with transaction.atomic():
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                first = Memo(pk=1, text="a")
                first.save()
                _ = 1 / 0
            first = Memo.objects.create(pk=1, text="a")
            second = Memo.objects.create(text="b")
            first.save()
            second.save()
            first.save()
        assert self.enqueued == [self.expected(first), self.expected(second)]
        first.save()
        with transaction.atomic():
            first.save()
        assert self.enqueued[2:] == [self.expected(first)] * 2

    def test_a_task_does_what_there_is_to_do_by_then(self) -> None:
        self.use("dummy")
        memo = Memo.objects.create(text="apple")
        [arguments] = self.enqueued
        Memo.objects.update(text="stone")
        with count_documents_embedded() as texts:
            tasks.embed_saved_row.call(**arguments)
            tasks.embed_saved_row.call(**arguments)
            assert not is_stale(memo)
            Memo.objects.update(text="")
            tasks.embed_saved_row.call(**arguments)
            assert Memo.objects.get().embedding is None
            memo.delete()
            tasks.embed_saved_row.call(**arguments)
        assert texts == ["stone"]

    def test_a_lost_task_leaves_a_row_that_is_found(self) -> None:
        self.use("dummy")
        Memo.objects.create(text="apple")
        assert generate(Memo).embedded == 1
        with count_documents_embedded() as texts:
            tasks.embed_saved_row.call(**self.enqueued[0])
        assert texts == []

    def test_a_task_that_fails_is_the_frameworks(self) -> None:
        self.use("immediate")
        with before_each_answer(fail):
            memo = Memo.objects.create(text="apple")
            with self.assertRaises(EmbedderUnavailableError):
                tasks.embed_saved_row.call(**self.expected(memo))
        assert is_stale(memo)

    def test_a_backend_that_takes_no_task_breaks_no_commit(self) -> None:
        for options in ({"BACKEND": "nowhere.Backend"}, {"QUEUES": ["others"]}):
            self.use("immediate", **options)
            with self.assertLogs("hybrid_store", "ERROR") as logs, transaction.atomic():
                memo = Memo.objects.create(text="apple")
            assert "was saved but not embedded" in logs.output[0]
            assert is_stale(memo)
