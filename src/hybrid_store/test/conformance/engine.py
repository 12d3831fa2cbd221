"""The engine of generation: leases, failures, what is recorded and what is announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

from django.utils import timezone

from hybrid_store.embedders import BaseEmbedder, embedders
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import (
    EmbedderRefusedError,
    EmbedderUnavailableError,
    InvalidEmbedderError,
    TextRefusedError,
)
from hybrid_store.models.coverage import Coverage
from hybrid_store.models.work import EmbeddingRun, EmbeddingWork
from hybrid_store.signals import embeddings_failed, embeddings_stored, generation_finished
from hybrid_store.sync import failures, throttle
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.sources import SourceText, source_reader
from hybrid_store.sync.verification import verify
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import Article, Author, Book, Clause, Essay, Post
from hybrid_store.test.watching import before_each_answer, count_documents_embedded

__all__ = ["FailureConformance", "LeaseConformance", "RunConformance"]


def make_books(count: int, title: str = "title") -> list[Book]:
    return list(Book.objects.bulk_create([Book(title=f"{title} {n}") for n in range(count)]))


def leases_and_texts(model: Any, seconds: float = 60.0) -> tuple[Leases, list[SourceText]]:
    """Another run, and what it would claim."""
    field = embedding_field(model)
    reader = source_reader(field, "default")
    return Leases(field, "default", seconds), reader.read(reader.rows.order_by("pk"))


def refusing(*words: str) -> Any:
    """Meanwhile the embedder refuses texts that hold one of the words."""

    def refuse(texts: Sequence[str]) -> None:
        if any(word in text for text in texts for word in words):
            raise TextRefusedError("the provider does not like this text")

    return before_each_answer(refuse)


class LeaseConformance(ConformanceBase):
    def test_a_row_that_another_run_holds_is_left_alone(self) -> None:
        make_books(3)
        other, texts = leases_and_texts(Book)
        assert other.claim(texts[1:2]) == texts[1:2]
        report = generate(Book)
        assert (report.embedded, report.elsewhere) == (2, 1)
        assert Book.objects.coverage().in_flight == 1
        other.release()
        assert generate(Book).embedded == 1

    def test_a_claim_gives_every_row_to_one_run_only(self) -> None:
        Clause.objects.bulk_create([Clause(tenant=1, number=n, text=f"{n}") for n in range(4)])
        Post.objects.bulk_create([Post(text=f"{n}") for n in range(4)])
        Essay.objects.bulk_create([Essay(words=f"{n}") for n in range(4)])
        for model in (Clause, Post, Essay):
            with self.subTest(model=model):
                first, texts = leases_and_texts(model)
                second, _ = leases_and_texts(model)
                assert first.claim(texts[:3]) == texts[:3]
                assert second.claim(texts) == texts[3:]
                assert first.claim(texts) == texts[:3]

    def test_a_lease_that_has_ended_is_taken_over_and_the_late_write_refused(self) -> None:
        make_books(2)

        def let_another_run_do_it(texts: Sequence[str]) -> None:
            EmbeddingWork.objects.update(lease_until=timezone.now() - timedelta(hours=1))
            other, found = leases_and_texts(Book)
            assert len(other.claim(found)) == 2

        with before_each_answer(let_another_run_do_it):
            report = generate(Book)
        assert (report.embedded, report.lost, report.texts) == (0, 2, 2)
        assert not Book.objects.filter(embedding__isnull=False).exists()
        EmbeddingWork.objects.all().delete()
        assert generate(Book).embedded == 2

    def test_leases_hold_where_statements_return_nothing(self) -> None:
        with mock.patch.object(Leases, "_can_return", False):
            self.test_a_claim_gives_every_row_to_one_run_only()
            self.test_a_lease_that_has_ended_is_taken_over_and_the_late_write_refused()

    def test_a_lease_that_has_ended_is_good_while_nobody_takes_it_over(self) -> None:
        make_books(2)
        past = timezone.now() - timedelta(hours=1)
        with before_each_answer(lambda texts: EmbeddingWork.objects.update(lease_until=past)):
            assert generate(Book).embedded == 2

    def test_a_run_gives_back_all_leases(self) -> None:
        make_books(6)
        generate(Book, limit=2)
        assert not EmbeddingWork.objects.exists()
        with before_each_answer(_refuse), self.assertRaises(EmbedderRefusedError):
            generate(Book, workers=2, batch_size=1)
        assert not EmbeddingWork.objects.exists()
        with before_each_answer(_interrupt), self.assertRaises(KeyboardInterrupt):
            generate(Book)
        assert not EmbeddingWork.objects.exists()

    def test_a_renewed_lease_lasts_longer(self) -> None:
        make_books(1)
        leases, texts = leases_and_texts(Book)
        leases.claim(texts)
        EmbeddingWork.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
        leases.renew()
        [record] = EmbeddingWork.objects.all()
        assert record.lease_until is not None
        assert record.lease_until > timezone.now() + timedelta(seconds=30)

    def test_rows_of_an_ended_run_are_waited_for(self) -> None:
        make_books(3)
        dead, texts = leases_and_texts(Book, seconds=0.4)
        dead.claim(texts[:2])
        assert generate(Book, wait_for_others=True, lease_seconds=2).embedded == 3


def _refuse(texts: Sequence[str]) -> None:
    raise EmbedderRefusedError("quota exhausted")


def _interrupt(texts: Sequence[str]) -> None:
    raise KeyboardInterrupt


class FailureConformance(ConformanceBase):
    def test_a_refused_text_is_set_aside_and_all_others_are_embedded(self) -> None:
        books = make_books(20)
        poison = books[7]
        Book.objects.filter(pk=poison.pk).update(title="poison")
        with refusing("poison"):
            report = generate(Book, batch_size=8)
        assert (report.embedded, report.failed) == (19, 1)
        [failed] = Book.objects.failed()
        assert failed.pk == poison.pk
        assert failed.reason == "the provider does not like this text"
        assert report.reasons == {failed.reason: [poison.pk]}
        coverage = Book.objects.coverage()
        assert coverage == Coverage(20, 19, 1, 0, 0, 0, failed=1, in_flight=0)
        assert verify(embedding_field(Book)).ok

    def test_a_failed_row_is_tried_again_only_when_there_is_reason_to(self) -> None:
        essay = Essay.objects.create(words="poison")
        article = Article.objects.create(slug="poison", author=Author.objects.create(name="a"))
        cases: list[tuple[Any, Any, Callable[[], object]]] = [
            (Essay, essay, lambda: Essay.objects.update(words="good")),
            (Article, article, lambda: Author.objects.update(name="good")),
        ]
        for model, row, edit in cases:
            with self.subTest(model=model):
                with refusing("oison"):
                    assert generate(model).failed == 1
                    assert [found.pk for found in model.objects.failed()] == [row.pk]
                with count_documents_embedded() as texts:
                    assert generate(model).done == 0
                    assert texts == []
                    edit()
                    assert not model.objects.failed().exists()
                    assert generate(model).embedded == 1
                assert not EmbeddingWork.objects.exists()

    def test_failed_rows_can_be_tried_again_as_they_are(self) -> None:
        make_books(3, "poison")
        with refusing("poison"):
            assert generate(Book).failed == 3
        assert generate(Book, retry_failed=True).embedded == 3
        assert not EmbeddingWork.objects.exists()

    def test_a_text_without_a_good_answer_is_tried_again_after_a_while(self) -> None:
        make_books(1)
        with mock.patch.object(HashingEmbedder, "embed_batch", lambda *_: [[0.0] * 384]):
            assert generate(Book).failed == 1
            [record] = EmbeddingWork.objects.all()
            assert record.next_try is not None
            assert record.next_try > timezone.now()
            assert generate(Book).done == 0
            EmbeddingWork.objects.update(next_try=timezone.now() - timedelta(seconds=1))
            assert generate(Book).failed == 1
        [again] = EmbeddingWork.objects.all()
        assert again.attempts == 2
        assert again.next_try is not None
        assert again.next_try - timezone.now() > failures.RETRY_WAIT
        EmbeddingWork.objects.update(next_try=timezone.now() - timedelta(seconds=1))
        assert generate(Book).embedded == 1

    def test_nothing_is_kept_of_failed_rows_that_are_gone_or_embedded(self) -> None:
        books = make_books(4, "poison")
        with refusing("poison"):
            generate(Book)
        Book.objects.filter(pk=books[0].pk).delete()
        Book.objects.filter(pk=books[1].pk).update(title="")
        Book.objects.filter(pk=books[2].pk).update(title="good")
        assert generate(Book).embedded == 1
        assert [record.key for record in EmbeddingWork.objects.all()] == [str(books[3].pk)]

    def test_a_run_stops_when_every_text_fails(self) -> None:
        make_books(40, "poison")
        with (
            refusing("poison"),
            self.assertRaisesMessage(EmbedderRefusedError, "texts failed one after the other"),
        ):
            generate(Book)
        assert Book.objects.failed().count() == failures.MOST_IN_A_ROW

    def test_a_provider_that_is_away_for_a_moment_is_waited_for(self) -> None:
        make_books(12)
        times = iter([EmbedderUnavailableError("busy"), EmbedderUnavailableError("busy", 0.01)])

        def be_busy(texts: Sequence[str]) -> None:
            for error in times:
                raise error

        with mock.patch.object(throttle, "FIRST_WAIT", 0.01), before_each_answer(be_busy):
            for workers in (1, 3):
                with self.subTest(workers=workers):
                    assert generate(Book, batch_size=3, workers=workers, limit=6).embedded == 6

    def test_a_provider_that_stays_away_ends_the_run(self) -> None:
        make_books(3)

        def be_away(texts: Sequence[str]) -> None:
            raise EmbedderUnavailableError("gone", self.retry_after)

        with mock.patch.object(throttle, "FIRST_WAIT", 0.01), before_each_answer(be_away):
            for self.retry_after, patience in ((None, 0.1), (3600.0, 100.0)):
                with self.assertRaisesMessage(EmbedderUnavailableError, "gone"):
                    generate(Book, patience=patience)
        assert not EmbeddingWork.objects.exists()
        assert generate(Book).embedded == 3

    retry_after: float | None

    def test_a_text_on_which_the_provider_breaks_is_found(self) -> None:
        """It answers with a passing failure, but to this text alone, again and again."""
        books = make_books(8)
        Book.objects.filter(pk=books[5].pk).update(title="breaks")

        def breaks(texts: Sequence[str]) -> None:
            if "breaks\n" in texts:
                raise EmbedderUnavailableError("internal error", 0.0)

        with before_each_answer(breaks):
            report = generate(Book, batch_size=2)
        assert (report.embedded, report.failed) == (7, 1)
        assert [book.pk for book in Book.objects.failed()] == [books[5].pk]


class RunConformance(ConformanceBase):
    def test_a_run_leaves_a_record_of_what_it_did_and_cost(self) -> None:
        make_books(5)
        make_books(2, "same")
        Book.objects.filter(title__startswith="same").update(title="same")
        with priced(1_000_000.0):
            report = generate(Book)
        [run] = EmbeddingRun.objects.all()
        assert (run.model, run.field) == ("hybrid_store_test.Book", "embedding")
        assert run.space == embedding_field(Book).space
        assert run.outcome == EmbeddingRun.Outcome.FINISHED
        assert (run.rows, run.texts) == (7, 6)
        assert run.tokens == report.tokens > 0
        assert run.cost == report.cost == float(run.tokens)

    def test_a_run_that_finds_nothing_leaves_no_record(self) -> None:
        generate(Book)
        assert not EmbeddingRun.objects.exists()

    def test_the_record_says_how_a_run_ended(self) -> None:
        make_books(4)
        with before_each_answer(_refuse), self.assertRaises(EmbedderRefusedError):
            generate(Book)
        run = EmbeddingRun.objects.get()
        assert (run.outcome, run.reason) == ("stopped", "quota exhausted")
        generation = Generation(embedding_field(Book), batch_size=1)
        with before_each_answer(lambda texts: generation.stop()):
            report = generation.run()
        assert (report.interrupted, report.embedded) == (True, 1)
        assert EmbeddingRun.objects.filter(outcome="interrupted", rows=1).exists()

    def test_equal_texts_of_a_run_are_paid_for_once(self) -> None:
        titles = ["a", "b", "a", "c", "b", "a", "", "a", "d", "a"]
        Book.objects.bulk_create([Book(title=title) for title in titles])
        for workers in (1, 3):
            with self.subTest(workers=workers), count_documents_embedded() as texts:
                Book.objects.update(embedding=None, embedding_fingerprint=None)
                report = generate(Book, batch_size=2, workers=workers)
                assert sorted(texts) == ["a\n", "b\n", "c\n", "d\n"]
                assert (report.embedded, report.texts) == (9, 4)
                assert verify(embedding_field(Book)).ok

    def test_a_row_without_text_is_cleared_and_never_sent(self) -> None:
        make_books(3)
        generate(Book)
        Book.objects.update(title=" ", description="\t")
        with count_documents_embedded() as texts:
            report = generate(Book)
        assert texts == []
        assert (report.cleared, report.embedded, report.failed) == (3, 0, 0)
        assert EmbeddingRun.objects.filter(rows=3, texts=0).exists()
        assert not EmbeddingWork.objects.exists()

    def test_several_calls_are_made_at_once(self) -> None:
        make_books(40)
        with count_documents_embedded() as texts:
            assert generate(Book, batch_size=3, workers=4).embedded == 40
        assert len(texts) == 40
        assert verify(embedding_field(Book)).ok

    def test_an_estimate_tells_what_a_run_would_cost(self) -> None:
        make_books(5)
        Book.objects.bulk_create([Book(title="same"), Book(title="same"), Book(title="  ")])
        with priced(2_000_000.0), count_documents_embedded() as texts:
            estimate = Generation(embedding_field(Book)).estimate()
            assert texts == []
            report = generate(Book)
        assert (estimate.rows, estimate.texts) == (7, 6)
        assert estimate.tokens == report.tokens
        assert estimate.cost == report.cost == 2.0 * report.tokens

    def test_a_run_ends_before_it_costs_more_than_allowed(self) -> None:
        make_books(10)
        with priced(1_000_000.0):
            whole = Generation(embedding_field(Book)).estimate().cost
            assert whole is not None
            report = generate(Book, batch_size=1, max_cost=whole / 2)
        assert report.too_dear
        assert report.cost is not None
        assert whole / 4 < report.cost <= whole / 2
        assert report.embedded == Book.objects.coverage().current

    def test_a_cost_cannot_be_limited_without_a_price(self) -> None:
        with self.assertRaisesMessage(InvalidEmbedderError, "PRICE"):
            generate(Book, max_cost=1.0)

    def test_rows_whose_texts_are_cut_off_are_reported(self) -> None:
        make_books(3)
        long = Book.objects.create(title="long " * 30)
        with (
            mock.patch.object(HashingEmbedder, "max_tokens", 20),
            mock.patch.object(HashingEmbedder, "truncates", new=True),
            self.assertLogs("hybrid_store.generation", "WARNING") as logs,
        ):
            report = generate(Book)
        assert (report.embedded, report.truncated) == (4, 1)
        assert f"[{long.pk}]" in logs.output[0]
        assert "long long" not in logs.output[0]

    def test_signals_tell_what_happens(self) -> None:
        [*good, bad] = make_books(4)
        Book.objects.filter(pk=bad.pk).update(title="poison")
        with heard() as signals, refusing("poison"), priced(1.0):
            report = generate(Book, batch_size=3)
        stored, failed, finished = signals
        assert stored["sender"] is Book
        assert stored["keys"] == [book.pk for book in good]
        assert (stored["texts"], stored["tokens"]) == (3, report.tokens)
        assert stored["cost"] == report.cost
        assert stored["seconds"] >= 0
        assert (failed["keys"], failed["next_try"]) == ([bad.pk], None)
        assert finished["report"] is report

    def test_a_receiver_that_raises_stops_nothing(self) -> None:
        make_books(2)

        def fail(**kwargs: Any) -> None:
            raise ValueError("the receiver is broken")

        embeddings_stored.connect(fail)
        try:
            with self.assertLogs("django.dispatch", "ERROR"):
                assert generate(Book).embedded == 2
        finally:
            embeddings_stored.disconnect(fail)


@contextmanager
def priced(price: float) -> Iterator[None]:
    """Meanwhile a million tokens of the embedder "default" cost so much."""
    embedder: BaseEmbedder = embedders["default"]
    with mock.patch.object(embedder, "price", price):
        yield


@contextmanager
def heard() -> Iterator[list[dict[str, Any]]]:
    """What the signals of generation told meanwhile."""
    told: list[dict[str, Any]] = []

    def hear(**kwargs: Any) -> None:
        told.append(kwargs)

    signals = (embeddings_stored, embeddings_failed, generation_finished)
    for signal in signals:
        signal.connect(hear)
    try:
        yield told
    finally:
        for signal in signals:
            signal.disconnect(hear)
