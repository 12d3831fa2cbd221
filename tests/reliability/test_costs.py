"""What a run says that it did, or would do, and what the provider has seen of it."""

from __future__ import annotations

import re
import threading
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hybrid_store.models.work import EmbeddingRun
from hybrid_store.sync.generation import Generation
from hybrid_store.test.conformance.base import embedding_field, generate
from hybrid_store.test.models import Book
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.concurrently import concurrently
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import Launcher, asking, wait_until
from tests.reliability.rows import LABEL, make_books

pytestmark = pytest.mark.django_db

PRICE = 20_000
"""Of a million tokens; with two tokens, a text costs 0.04."""
ROWS = 60


@pytest.fixture(autouse=True)
def _priced(settings: Any, asked: FakeOpenAI) -> None:
    settings.HYBRID_STORE = asking(asked, PRICE=PRICE)


def make_all_kinds() -> None:
    """Rows with texts of their own, with equal texts, and without any."""
    make_books(ROWS)
    Book.objects.bulk_create([Book(title="the same text") for _ in range(10)])
    Book.objects.bulk_create([Book(title=" ") for _ in range(5)])


def run(*options: str) -> str:
    out = StringIO()
    call_command("generate_embeddings", LABEL, *options, stdout=out, no_color=True)
    return out.getvalue()


def tokens_of(server: FakeOpenAI) -> int:
    """What the server has put on the bill."""
    return sum(len(text.split()) for text in server.answered)


def check_record(server: FakeOpenAI, record: EmbeddingRun) -> None:
    assert record.texts == len(server.answered)
    assert record.tokens == tokens_of(server)
    assert record.cost == pytest.approx(tokens_of(server) * PRICE / 1_000_000)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_run_tells_what_the_provider_has_seen(asked: FakeOpenAI, workers: int) -> None:
    make_all_kinds()
    report = generate(Book, batch_size=7, workers=workers)
    record = EmbeddingRun.objects.get()
    check_record(asked, record)
    assert (report.texts, report.tokens, report.cost) == (record.texts, record.tokens, record.cost)
    assert record.rows == report.embedded + report.cleared == ROWS + 10
    assert (record.outcome, record.failed) == (EmbeddingRun.Outcome.FINISHED, 0)
    assert record.space == "hashing@384"


def test_a_failure_is_on_record_too(asked: FakeOpenAI) -> None:
    make_books(20)
    asked.poison = {"title 7\n"}
    generate(Book, batch_size=5)
    record = EmbeddingRun.objects.get()
    check_record(asked, record)
    assert (record.rows, record.failed) == (19, 1)


@pytest.mark.django_db(transaction=True)
def test_what_edits_made_useless_is_on_record_too(asked: FakeOpenAI) -> None:
    make_books(20)
    asked.before_answer = lambda request: concurrently(Book.objects.filter(title="title 7").delete)
    generate(Book, batch_size=20)
    record = EmbeddingRun.objects.get()
    check_record(asked, record)
    assert (record.rows, record.texts) == (19, 20)


@pytest.mark.parametrize("limit", [None, 1, 30, ROWS + 3, 1000])
def test_a_dry_run_says_what_is_paid_then(asked: FakeOpenAI, limit: int | None) -> None:
    make_all_kinds()
    generation = Generation(embedding_field(Book), batch_size=7, limit=limit)
    estimate = generation.estimate()
    assert asked.requests == []
    assert not EmbeddingRun.objects.exists()
    report = generation.run()
    assert estimate.rows - estimate.blank == report.embedded
    assert estimate.texts == report.texts == len(asked.answered)
    assert estimate.tokens == sum(embedding_field(Book).embedder.count_tokens(asked.answered))
    assert estimate.cost == pytest.approx(estimate.tokens * PRICE / 1_000_000)


def test_a_dry_run_is_told_in_a_sentence(asked: FakeOpenAI) -> None:
    make_all_kinds()
    out = run("--dry-run", "--limit=30")
    assert "30 rows to embed, 30 distinct texts, about " in out
    assert asked.requests == []
    assert "30 rows embedded" in run("--limit=30")


def test_a_limit_is_the_most_that_is_paid(asked: FakeOpenAI) -> None:
    make_books(ROWS)
    for number in (1, 2, 3):
        assert "25 rows embedded" in run("--limit=25", "--workers=4") or number == 3
        assert len(asked.answered) == min(25 * number, ROWS)
    assert len(check_invariants(Book).current) == ROWS


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("most", [0, 0.1, 0.7, 1.5])
def test_no_more_is_spent_than_allowed(asked: FakeOpenAI, workers: int, most: float) -> None:
    texts = make_books(ROWS)
    out = run(f"--max-cost={most}", "--batch-size=3", f"--workers={workers}")
    spent = tokens_of(asked) * PRICE / 1_000_000
    assert spent <= most
    # Tokens are estimated before, and a batch is sent as a whole or not at all.
    batch = 3 * 3 * PRICE / 1_000_000
    assert spent > most - 2 * batch
    assert "ended, more would cost more than allowed" in out
    rows = check_invariants(Book)
    assert len(rows.current) == len(asked.answered)
    run("--max-cost=1000")
    check_paid(asked.answered, texts)
    assert check_invariants(Book).stale == set()


def test_a_limit_of_the_cost_that_is_not_reached_is_not_spoken_of(asked: FakeOpenAI) -> None:
    make_books(ROWS)
    out = run("--max-cost=100")
    assert "allowed" not in out
    found = re.search(r"(\d+) texts and (\d+) tokens, cost ([\d.]+)\.", out)
    assert found
    assert (int(found[1]), int(found[2])) == (ROWS, tokens_of(asked))
    assert float(found[3]) == pytest.approx(tokens_of(asked) * PRICE / 1_000_000)


# Ended before the end


def test_a_run_that_is_stopped_is_on_record(asked: FakeOpenAI) -> None:
    make_books(ROWS)
    asked.script("", "", "quota")
    with pytest.raises(CommandError, match="quota"):
        run("--batch-size=10", "--workers=1")
    record = EmbeddingRun.objects.get()
    check_record(asked, record)
    assert (record.rows, record.outcome) == (20, EmbeddingRun.Outcome.STOPPED)


def test_a_run_that_is_interrupted_is_on_record(asked: FakeOpenAI) -> None:
    make_books(ROWS)
    generation = Generation(embedding_field(Book), batch_size=10, workers=2)
    asked.before_answer = lambda request: generation.stop()
    report = generation.run()
    record = EmbeddingRun.objects.get()
    check_record(asked, record)
    assert report.interrupted
    assert record.outcome == EmbeddingRun.Outcome.INTERRUPTED
    assert record.rows == len(check_invariants(Book).current) < ROWS


def test_a_run_that_is_killed_is_on_record_as_far_as_it_came(
    launcher: Launcher, asked: FakeOpenAI
) -> None:
    make_books(ROWS)
    barrier = threading.Event()
    asked.before_answer = lambda request: len(asked.requests) > 3 and barrier.wait()
    process = launcher.generate(
        *(LABEL, "--batch-size=10", "--workers=1"), settings=asking(asked, PRICE=PRICE)
    )
    wait_until(lambda: len(asked.requests) == 4)
    process.kill()
    process.wait()
    barrier.set()
    rows = check_invariants(Book, running=True)
    record = EmbeddingRun.objects.get()
    assert record.outcome == EmbeddingRun.Outcome.RUNNING
    assert record.rows == record.texts == len(rows.current) == 30
    assert record.tokens == 60
    assert record.cost == pytest.approx(60 * PRICE / 1_000_000)
