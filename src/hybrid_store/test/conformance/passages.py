"""Passages: those of the texts as they are now, whoever writes these, and no others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import ChunkingError
from hybrid_store.models import coverage
from hybrid_store.models.chunks import Chunk, Chunking
from hybrid_store.models.unsplit import unsplit
from hybrid_store.sync import tasks
from hybrid_store.sync.passage_verification import verify_passages
from hybrid_store.sync.passages import PassageWriter
from hybrid_store.sync.splitting import SplitReport, Splitting
from hybrid_store.sync.verification import verify
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import (
    Author,
    LoudParagraph,
    Manual,
    ManualPassage,
    Offer,
    OfferText,
    Speech,
    SpeechParagraph,
)
from hybrid_store.test.watching import before_each_answer, count_documents_embedded

__all__ = ["PassageConformance", "PassageOnSaveConformance"]

LINES = ["A wing is a thing that flies.", "Boats float on water.", "Nobody knows why.", "The end."]
BODY = "\n".join(LINES)


def split(model: type[Chunk]) -> SplitReport:
    return Splitting(model.chunking).run()


def left(model: type[Chunk]) -> int:
    return Splitting(model.chunking).left()


def stored(model: type[Chunk], parent: Any) -> list[Any]:
    passages: Any = model._base_manager
    return list(passages.filter(parent=parent).order_by("number"))


def texts(model: type[Chunk], parent: Any) -> list[str]:
    return [passage.text for passage in stored(model, parent)]


def check(model: type[Chunk]) -> None:
    """Every row has exactly the passages of its text, as they are made here."""
    chunking = model.chunking
    for row in chunking.text.model._base_manager.all():
        text = text_of(chunking, row)
        expected = [
            (number, piece.start, piece.end, piece.text)
            for number, piece in enumerate(chunking.split(text))
        ]
        found = stored(model, row)
        assert [(p.number, p.start, p.end, p.text) for p in found] == expected
        assert all(text[p.start : p.end] == p.text for p in found)
        assert {p.total for p in found} <= {len(found)}
    assert left(model) == 0
    assert verify_passages(chunking).ok


def text_of(chunking: Chunking, row: Any) -> str:
    if callable(chunking.source):
        return str(chunking.source(row))
    parts = []
    for path in chunking.source:
        value = row
        for name in path.split("__"):
            value = None if value is None else getattr(value, name)
        parts.append(value or "")
    return "\n".join(parts)


@contextmanager
def before_writing(action: Callable[[], object]) -> Iterator[None]:
    """Once, meanwhile: call `action` when texts are split, and their passages not written yet."""
    write = PassageWriter.write
    waiting = [action]

    def late(self: PassageWriter, split: Any) -> Any:
        while waiting:
            waiting.pop()()
        return write(self, split)

    with mock.patch.object(PassageWriter, "write", late):
        yield


class PassageConformance(ConformanceBase):
    def test_a_long_text_is_kept_in_passages(self) -> None:
        manual = Manual.objects.create(title="On wings", body=BODY * 3)
        report = split(ManualPassage)
        found = stored(ManualPassage, manual)
        assert (report.rows, report.added, report.kept, report.removed) == (1, len(found), 0, 0)
        assert len(found) > 3
        count = ManualPassage.chunking.count_tokens
        assert all(count(passage.text) <= 12 for passage in found)
        check(ManualPassage)
        assert split(ManualPassage).rows == 0
        assert [p.pk for p in stored(ManualPassage, manual)] == [p.pk for p in found]

    def test_a_short_text_is_its_only_passage(self) -> None:
        offer = Offer(name="A chair")
        Offer.objects.bulk_create([offer, Offer(name=" "), Offer()])
        assert split(OfferText).added == 1
        [text] = OfferText.objects.all()
        assert (text.parent_id, text.text, text.start, text.end) == (offer.pk, "A chair", 0, 7)
        check(OfferText)

    def test_sources_may_be_related_or_callable_and_keys_anything(self) -> None:
        ann = Author.objects.create(name="Ann")
        speech = Speech.objects.create(speaker=ann, words="hello\npause\nto all")
        silent = Speech.objects.create()
        for model, expected in (
            (SpeechParagraph, ["Ann", "hello", "to all"]),
            (LoudParagraph, ["HELLO", "PAUSE", "TO ALL"]),
        ):
            assert left(model) == 1
            split(model)
            assert texts(model, speech) == expected
            assert texts(model, silent) == []
            check(model)

    def test_a_text_of_which_nothing_is_made_is_split_all_the_same(self) -> None:
        speech = Speech.objects.create(words="pause")
        split(SpeechParagraph)
        assert texts(SpeechParagraph, speech) == [""]
        assert left(SpeechParagraph) == 0
        assert generate(SpeechParagraph).embedded == 0
        assert verify_passages(SpeechParagraph.chunking).ok

    def test_what_no_column_holds_is_replaced(self) -> None:
        speech = Speech.objects.create(words="x")
        with replaced(LoudParagraph, source=lambda row: "a\0b\ud800c"):
            split(LoudParagraph)
            assert texts(LoudParagraph, speech) == ["a\ufffdb\ufffdc"]
            assert left(LoudParagraph) == 0
            assert verify_passages(LoudParagraph.chunking).ok

    # Freshness

    def test_every_way_of_writing_a_text_is_seen(self) -> None:
        manual = Manual.objects.create(title="t", body=BODY)
        table = Manual._meta.db_table
        ways: list[Callable[[], object]] = [
            lambda: Manual.objects.update(title="by update()"),
            lambda: Manual.objects.bulk_update(
                [Manual(pk=manual.pk, body="by bulk_update()")], ["body"]
            ),
            lambda: run_sql(f"UPDATE {table} SET title = 'by SQL'"),  # noqa: S608
            lambda: Manual(pk=manual.pk, title="by save()", body=BODY).save(),
            lambda: Manual.objects.bulk_create([Manual(title="new", body=BODY)]),
        ]
        split(ManualPassage)
        for way in ways:
            way()
            assert left(ManualPassage) == 1
            split(ManualPassage)
            check(ManualPassage)
        Manual.objects.update(year=1999)
        assert left(ManualPassage) == 0

    def test_an_edit_of_a_related_row_is_seen(self) -> None:
        ann = Author.objects.create(name="Ann")
        Speech.objects.create(speaker=ann, words="hello")
        split(SpeechParagraph)
        Author.objects.update(name="Bob")
        assert left(SpeechParagraph) == 1
        split(SpeechParagraph)
        check(SpeechParagraph)

    def test_a_text_changed_and_changed_back_is_split(self) -> None:
        Manual.objects.create(title="one", body=BODY)
        split(ManualPassage)
        Manual.objects.update(title="two")
        Manual.objects.update(title="one")
        assert left(ManualPassage) == 0

    def test_other_settings_make_other_passages(self) -> None:
        for model, changes in (
            (ManualPassage, [{"tokens": 20}, {"overlap": 0}]),
            (LoudParagraph, [{"splitter": versioned(1)}]),
        ):
            Manual.objects.create(title="t", body=BODY)
            Speech.objects.create(words=BODY)
            split(model)
            rows = model.chunking.text.model._base_manager.count()
            for change in changes:
                with replaced(model, **change):
                    assert left(model) == rows
                    split(model)
                    check(model)
                assert left(model) == rows
                split(model)
        with replaced(LoudParagraph, splitter=versioned(1)):
            split(LoudParagraph)
        with replaced(LoudParagraph, splitter=versioned(1)):
            assert left(LoudParagraph) == 0
        with replaced(LoudParagraph, splitter=versioned(2)):
            assert left(LoudParagraph) > 0

    def test_passages_changed_by_hand_are_noticed(self) -> None:
        manual = Manual.objects.create(title="t", body=BODY * 3)
        other = Manual.objects.create(title="u", body=BODY * 2)
        split(ManualPassage)
        last = stored(ManualPassage, manual)[-1]
        deeds: list[Callable[[], object]] = [
            lambda: ManualPassage.objects.filter(number=1).delete(),
            lambda: ManualPassage.objects.filter(parent=manual).latest("number").delete(),
            lambda: ManualPassage.objects.filter(parent=manual).delete(),
            lambda: ManualPassage.objects.filter(parent=other, number=0).update(
                parent=manual, number=99
            ),
            lambda: ManualPassage.objects.filter(number=0).update(source_fingerprint=""),
        ]
        for deed in deeds:
            deed()
            assert left(ManualPassage) > 0
            split(ManualPassage)
            check(ManualPassage)
        ManualPassage.objects.filter(parent=manual, number=0).update(text="by hand")
        assert left(ManualPassage) == 0
        assert dict(verify_passages(ManualPassage.chunking).faults) == {
            "passages were changed by hand": [manual.pk]
        }
        assert last.total == last.number + 1

    def test_verification_names_every_fault(self) -> None:
        edited, emptied, robbed, new = (
            Manual.objects.create(title=title, body=BODY * 3) for title in "abcd"
        )
        split(ManualPassage)
        Manual.objects.filter(pk=edited.pk).update(title="edited")
        Manual.objects.filter(pk=emptied.pk).update(title="", body=" ")
        ManualPassage.objects.filter(parent=robbed, number=1).delete()
        ManualPassage.objects.filter(parent=new).delete()
        found = verify_passages(ManualPassage.chunking)
        assert (found.rows, found.missing) == (4, 1)
        assert dict(found.faults) == {
            "the passages are of another text, or made in another way": [edited.pk],
            "there are passages, and no text": [emptied.pk],
            "passages are missing": [robbed.pk],
        }

    def test_coverage_knows_what_is_not_split(self) -> None:
        Manual.objects.create(title="t", body=BODY)
        Manual.objects.create(title=" ")
        assert coverage(ManualPassage.objects.all()).unsplit == 1
        split(ManualPassage)
        found = ManualPassage.objects.coverage()
        assert (found.unsplit, found.stale) == (0, found.rows)
        generate(ManualPassage)
        found = ManualPassage.objects.coverage()
        assert (found.unsplit, found.current) == (0, found.rows)

    # Edits

    def test_an_edit_embeds_only_what_changed(self) -> None:
        manual = Manual.objects.create(title="Things", body="\n\n".join(LINES))
        split(ManualPassage)
        generate(ManualPassage)
        before = {p.text: (p.pk, p.embedding) for p in stored(ManualPassage, manual)}
        Manual.objects.update(body="\n\n".join(LINES).replace("Boats", "Ships"))
        report = split(ManualPassage)
        assert (report.added, report.kept, report.removed) == (1, len(before) - 1, 1)
        with count_documents_embedded() as embedded:
            generate(ManualPassage)
        assert len(embedded) == 1
        assert embedded[0].startswith("Ships float on water.")
        check(ManualPassage)
        assert verify(embedding_field(ManualPassage)).ok
        now = {p.text: (p.pk, p.embedding) for p in stored(ManualPassage, manual)}
        assert all(now[text] == before[text] for text in before.keys() & now.keys())

    def test_passages_that_move_are_the_same_rows(self) -> None:
        manual = Speech.objects.create(words="\n".join("abcde"))
        split(SpeechParagraph)
        generate(SpeechParagraph)
        for words in ("edcba", "xedcba", "dcba", "aabbc", "ba", "cba"):
            before = {(p.text, p.pk) for p in stored(SpeechParagraph, manual)}
            Speech.objects.update(words="\n".join(words))
            split(SpeechParagraph)
            check(SpeechParagraph)
            now = {(p.text, p.pk) for p in stored(SpeechParagraph, manual)}
            kept = {text for text, _ in before} & set(words)
            assert kept <= {text for text, _ in before & now}
            assert generate(SpeechParagraph).embedded == len(now - before)

    def test_a_text_that_is_gone_has_no_passages(self) -> None:
        manual = Manual.objects.create(title="t", body=BODY)
        split(ManualPassage)
        Manual.objects.update(title="", body="\u3000\n")
        assert left(ManualPassage) == 1
        assert split(ManualPassage).removed > 0
        assert not ManualPassage.objects.exists()
        Manual.objects.update(body=BODY)
        split(ManualPassage)
        manual.delete()
        assert not ManualPassage.objects.exists()

    def test_a_passage_cannot_outlive_its_row(self) -> None:
        Manual.objects.create(title="t", body=BODY)
        split(ManualPassage)
        with self.assertRaises(IntegrityError), transaction.atomic():
            run_sql(f"DELETE FROM {Manual._meta.db_table}")  # noqa: S608
            connection.check_constraints()
        assert ManualPassage.objects.exists()

    def test_two_passages_of_a_row_cannot_have_one_number(self) -> None:
        Manual.objects.create(title="t", body=BODY)
        split(ManualPassage)
        twin = ManualPassage.objects.filter(number=0).get()
        twin.pk = None
        with self.assertRaises(IntegrityError), transaction.atomic():
            twin.save(force_insert=True)

    def test_what_is_rolled_back_was_never_split(self) -> None:
        Manual.objects.create(title="t", body=BODY)
        split(ManualPassage)
        before = list(ManualPassage.objects.order_by("pk").values())
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            Manual.objects.update(title="another", body="short")
            split(ManualPassage)
            _ = 1 / 0
        assert list(ManualPassage.objects.order_by("pk").values()) == before
        check(ManualPassage)

    # In flight

    def test_an_edit_in_flight_is_split_by_the_next_run(self) -> None:
        cases: list[tuple[type[Chunk], Callable[[], object]]] = [
            (ManualPassage, lambda: Manual.objects.update(title="new")),
            (SpeechParagraph, lambda: Author.objects.update(name="new")),
            (LoudParagraph, lambda: Speech.objects.update(words="new")),
        ]
        Manual.objects.create(title="old", body=BODY)
        Speech.objects.create(speaker=Author.objects.create(name="old"), words=BODY)
        for model, edit in cases:
            with self.subTest(model=model), before_writing(edit):
                report = split(model)
                assert (report.rows, report.changed) == (0, 1)
                assert not model._base_manager.exists()
                assert split(model).rows == 1
                check(model)

    def test_a_row_deleted_in_flight_leaves_nothing(self) -> None:
        Manual.objects.create(title="t", body=BODY)
        with before_writing(Manual.objects.all().delete):
            assert split(ManualPassage).changed == 1
        assert not ManualPassage.objects.exists()

    def test_a_row_split_by_another_run_meanwhile_is_left_as_it_is(self) -> None:
        Manual.objects.create(title="t", body=BODY)
        with before_writing(lambda: split(ManualPassage)):
            report = split(ManualPassage)
        assert (report.added, report.removed) == (0, 0)
        check(ManualPassage)

    def test_a_passage_replaced_while_it_is_embedded_gets_no_vector(self) -> None:
        manual = Manual.objects.create(title="t", body=BODY)
        split(ManualPassage)

        def edit(_: Any) -> None:
            Manual.objects.update(title="", body="Something else.")
            split(ManualPassage)

        with before_each_answer(edit):
            report = generate(ManualPassage)
        assert report.embedded == 0
        assert texts(ManualPassage, manual) == ["Something else."]
        assert generate(ManualPassage).embedded == 1

    def test_a_run_can_be_stopped_and_goes_on_from_there(self) -> None:
        Manual.objects.bulk_create([Manual(title=f"t {n}", body=BODY) for n in range(40)])
        splitting = Splitting(ManualPassage.chunking)
        report = splitting.run(lambda keys: splitting.stop())
        assert report.interrupted
        assert 0 < report.rows < 40
        assert splitting.left() == 40 - report.rows
        assert splitting.run().rows == 40 - report.rows
        check(ManualPassage)

    def test_an_estimate_writes_nothing_and_is_what_comes(self) -> None:
        Manual.objects.create(title="t", body="\n\n".join(LINES))
        splitting = Splitting(ManualPassage.chunking)
        estimate = splitting.estimate()
        assert not ManualPassage.objects.exists()
        report = splitting.run()
        assert (estimate.rows, estimate.passages, estimate.added) == (1, report.added, report.added)
        Manual.objects.update(title="u")
        estimate = splitting.estimate()
        report = splitting.run()
        assert (estimate.rows, estimate.added) == (1, report.added)
        assert report.added < estimate.passages

    def test_a_splitter_that_errs_is_named(self) -> None:
        Speech.objects.create(words="abc")
        for wrong in ([(0, 99)], [(2, 1)], [(-1, 2)], ["ab"], [("a", "b")], [1], [(0, 1, 2)]):
            with (
                replaced(LoudParagraph, splitter=lambda text, wrong=wrong: wrong),
                self.assertRaisesMessage(ChunkingError, "LoudParagraph.chunking"),
            ):
                split(LoudParagraph)
        assert not LoudParagraph.objects.exists()

    @given(st.data())
    def test_any_sequence_of_edits_leaves_the_passages_of_the_texts(self, data: Any) -> None:
        lines = st.lists(st.sampled_from(["", *LINES, "Short.", "한국어 문장입니다."]), max_size=6)
        words = lines.map("\n".join)
        split_now = st.tuples(st.just("split"))
        place = st.integers(0, 4)
        steps = st.lists(
            st.one_of(
                split_now,
                st.tuples(st.just("create"), words),
                st.tuples(st.just("edit"), place, words),
                st.tuples(st.just("delete"), place),
                st.tuples(st.just("delete passage"), place),
            ),
            max_size=8,
        )
        for step, *arguments in data.draw(steps):
            STEPS[step](*arguments)
        split(ManualPassage)
        check(ManualPassage)
        known = set(Manual.objects.values_list("pk", flat=True))
        assert set(ManualPassage.objects.values_list("parent_id", flat=True)) <= known
        generate(ManualPassage)
        assert not ManualPassage.objects.stale().exists()


def edit(place: int, words: str) -> None:
    for manual in Manual.objects.order_by("pk")[place : place + 1]:
        Manual.objects.filter(pk=manual.pk).update(body=words)


def delete(place: int) -> None:
    for manual in Manual.objects.order_by("pk")[place : place + 1]:
        manual.delete()


def delete_passage(place: int) -> None:
    for passage in ManualPassage.objects.order_by("pk")[place : place + 1]:
        passage.delete()


STEPS: dict[str, Callable[..., object]] = {
    "split": lambda: split(ManualPassage),
    "create": lambda words: Manual.objects.create(title="", body=words),
    "edit": edit,
    "delete": delete,
    "delete passage": delete_passage,
}


@contextmanager
def replaced(model: type[Chunk], **changes: Any) -> Iterator[None]:
    """Meanwhile, a model's chunking has other settings."""
    given = {"tokens": None, "overlap": 0, "splitter": None, **vars(model.chunking), **changes}
    names = ("source", "tokens", "overlap", "splitter", "on_save")
    chunking = Chunking(**{name: given[name] for name in names}).of(model)
    with mock.patch.object(model, "chunking", chunking):
        yield


def versioned(number: int) -> Any:
    """A splitter with a version: the first word of a text, and the rest."""

    class Splitter:
        version = number

        def __call__(self, text: str) -> list[tuple[int, int]]:
            place = len(text.split()[0]) + text.index(text.split()[0])
            return [(0, place), (place, len(text))]

    return Splitter()


def run_sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


class PassageOnSaveConformance(ConformanceBase):
    """To be mixed into `TransactionTestCase`: in a `TestCase`, nothing is ever committed."""

    def test_a_saved_row_is_split_and_embedded_at_once(self) -> None:
        offer = Offer.objects.create(name="apple")
        assert OfferText.objects.nearest("apple", field="embedding").get().parent == offer
        assert OfferText.objects.nearest("apple", field="second").get().parent == offer
        offer.name = "stone"
        offer.save(update_fields=["name"])
        [text] = OfferText.objects.all()
        assert text.text == "stone"
        assert not OfferText.objects.stale("embedding").exists()
        with count_documents_embedded() as embedded:
            offer.stock = 5
            offer.save()
            offer.save(update_fields=["stock"])
        assert embedded == []
        offer.name = ""
        offer.save()
        assert not OfferText.objects.exists()

    def test_a_rollback_leaves_no_passage_and_no_paid_call(self) -> None:
        with count_documents_embedded() as embedded:
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                Offer.objects.create(name="apple")
                assert not OfferText.objects.exists()
                _ = 1 / 0
            with transaction.atomic():
                offer = Offer.objects.create(name="pear")
                offer.name = "stone"
                offer.save()
                Offer.objects.create(name="chair").delete()
        assert set(embedded) == {"stone"}
        assert [text.text for text in OfferText.objects.all()] == ["stone"]

    def test_a_failure_is_logged_and_undoes_nothing(self) -> None:
        def fail(_: Any) -> None:
            raise RuntimeError("a fault of any kind")

        with before_each_answer(fail), self.assertLogs("hybrid_store", "ERROR") as logs:
            Offer.objects.create(name="apple")
        assert "OfferText.chunking" in logs.output[0]
        assert generate(embedding_field(OfferText, "embedding")).embedded == 1

    def test_a_task_splits_what_is_there_by_then(self) -> None:
        framework = tasks.tasks_framework()
        path = f"{framework.__name__}.backends.dummy.DummyBackend"
        self.enterContext(self.settings(TASKS={"default": {"BACKEND": path}}))
        with transaction.atomic():
            speech = Speech.objects.create(key=uuid.uuid4(), words="hello")
            speech.save()
        results: Any = framework.default_task_backend.results
        [arguments] = [result.kwargs for result in results]
        assert not SpeechParagraph.objects.exists()
        Speech.objects.update(words="to all")
        with count_documents_embedded() as embedded:
            tasks.split_saved_row.call(**arguments)
            tasks.split_saved_row.call(**arguments)
        assert embedded == ["to all"]
        assert texts(SpeechParagraph, speech) == ["to all"]
        speech.delete()
        tasks.split_saved_row.call(**arguments)
        assert not SpeechParagraph.objects.exists()

    def test_an_edit_and_a_run_at_the_same_time_leave_no_old_passage(self) -> None:
        Manual.objects.create(title="old", body=BODY)
        with before_writing(lambda: Manual.objects.update(title="new")):
            split(ManualPassage)
            split(ManualPassage)
        check(ManualPassage)
        assert not unsplit(Manual.objects.all(), ManualPassage.chunking).exists()
