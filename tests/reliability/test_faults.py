"""Whatever a provider does, a run recovers or stops with the reason; nothing wrong is stored."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, cast
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from hybrid_store.models.work import EmbeddingRun
from hybrid_store.sync import throttle
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.throttle import Throttle
from hybrid_store.test.conformance.base import embedding_field, generate
from hybrid_store.test.models import Book
from tests.embedders.fake_openai import FakeOpenAI, failed
from tests.embedders.fake_server import VECTOR_DAMAGES, Request
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import asking
from tests.reliability.rows import LABEL, make_books

pytestmark = pytest.mark.django_db

STOPPING = {
    "quota": "quota",
    "unauthorized": "Incorrect API key",
    "forbidden": "Not allowed",
    "unknown_model": "does not exist",
    "bad_setting": "No such dimensions",
    "rate_limited_for_long": "Slow down",
}
"""Faults after which it makes no sense to go on, and what the provider says."""

HARMLESS = ("shuffled", "no_usage", "strange_usage", "zero_usage")
DAMAGES = (*VECTOR_DAMAGES, *FakeOpenAI.damages)
"""What is not quite as it should be, and all the same a good answer."""

BAD_ANSWERS = [name for name in (*DAMAGES, "other_json", "plain_list") if name not in HARMLESS]
LASTING_ANSWERS = [name for name in BAD_ANSWERS if name != "same_index"]
"""The index of one text alone cannot but be right."""
PASSING = [
    name
    for name in FakeOpenAI.faults()
    if name not in {*STOPPING, *HARMLESS, *BAD_ANSWERS, "bad_text"}
]


@pytest.fixture(autouse=True)
def _without_waiting(settings: Any, asked: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HYBRID_STORE = asking(asked, OPTIONS={"timeout": 0.3})
    monkeypatch.setattr(throttle, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(throttle, "LONGEST_WAIT", 0.05)


@pytest.mark.parametrize("fault", [*PASSING, *BAD_ANSWERS, *HARMLESS, "bad_text"])
def test_a_run_recovers_from_what_happens_once(asked: FakeOpenAI, fault: str) -> None:
    texts = make_books(20)
    asked.script("", fault)
    report = generate(Book, batch_size=5, workers=1)
    assert (report.embedded, report.failed) == (20, 0)
    assert len(check_invariants(Book).current) == 20
    # A bad answer was paid for.
    check_paid(asked.answered, texts, lost=5 if fault in BAD_ANSWERS else 0)


@pytest.mark.parametrize("fault", STOPPING)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_run_stops_at_once_where_it_is_no_use_to_go_on(
    asked: FakeOpenAI, fault: str, workers: int
) -> None:
    make_books(60)
    asked.script("", *[fault] * 20)
    reason = stopped(f"--workers={workers}")
    assert STOPPING[fault] in reason
    assert "the next run goes on from there" in reason
    assert len(asked.requests) <= 1 + 2 * workers
    rows = check_invariants(Book)
    assert len(rows.current) == len(asked.answered)
    assert rows.failed == set()


@pytest.mark.parametrize("fault", [*PASSING, *LASTING_ANSWERS, "bad_text"])
def test_a_fault_that_lasts_stops_a_run_with_the_reason(
    asked: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    make_books(60)
    asked.script(*[fault] * 1000)
    monkeypatch.setitem(cast(Any, Generation.__init__).__kwdefaults__, "patience", 0.5)
    assert stopped("--workers=2")
    rows = check_invariants(Book)
    assert rows.current == set()
    assert all(book.reason for book in Book.objects.failed())
    assert (len(rows.failed) > 0) == (fault not in PASSING)


def stopped(*options: str) -> str:
    """Run the command, which has to fail; returns what it says then."""
    with pytest.raises(CommandError) as caught:
        call_command("generate_embeddings", LABEL, "--batch-size=5", *options, verbosity=0)
    assert caught.value.returncode == 1
    assert EmbeddingRun.objects.get().outcome == EmbeddingRun.Outcome.STOPPED
    assert EmbeddingRun.objects.get().reason in str(caught.value)
    return str(caught.value)


# Overload


@pytest.mark.parametrize("fault", ["rate_limited", "rate_limited_briefly"])
def test_an_overloaded_provider_is_asked_again_and_no_text_is_blamed(
    asked: FakeOpenAI, seed: int, fault: str
) -> None:
    texts = make_books(120)
    numbers = random.Random(seed)  # noqa: S311
    asked.script(*(fault if numbers.random() < 0.5 else "" for _ in range(200)))
    report = generate(Book, batch_size=2, workers=4)
    assert (report.embedded, report.failed) == (120, 0)
    assert len(check_invariants(Book).current) == 120
    check_paid(asked.answered, texts)


def test_no_call_is_made_before_the_provider_has_asked_for(asked: FakeOpenAI) -> None:
    make_books(40)
    moments: list[float] = []
    asked.before_answer = lambda request: moments.append(time.monotonic())
    asked.script("", "rate_limited_briefly")
    with mock.patch.dict(
        FakeOpenAI.failures, rate_limited_briefly=failed(429, "Wait.", retry_after="0.3")
    ):
        generate(Book, batch_size=10, workers=1)
    assert moments[2] - moments[1] >= 0.3
    assert len(check_invariants(Book).current) == 40


def test_calls_at_once_become_fewer_when_the_provider_is_overloaded(asked: FakeOpenAI) -> None:
    """One that takes two calls at a time refuses others; hardly any is made in vain."""
    texts = make_books(200)
    most = Most(asked, 2)
    generate(Book, batch_size=2, workers=8)
    assert len(check_invariants(Book).current) == 200
    check_paid(asked.answered, texts)
    assert most.refused < len(asked.requests) / 2


class Most:
    """A provider that refuses what goes beyond so many calls at once."""

    def __init__(self, server: FakeOpenAI, most: int) -> None:
        self.most = most
        self.refused = self.now = 0
        self._lock = threading.Lock()
        respond = server.respond

        def limited(request: Request) -> Any:
            with self._lock:
                self.now += 1
                refuse = self.now > self.most
                self.refused += refuse
            try:
                if refuse:
                    server.script("rate_limited_briefly")
                return respond(request)
            finally:
                with self._lock:
                    self.now -= 1

        server.respond = limited  # type: ignore[method-assign]


# Patience


def test_patience_is_counted_from_the_first_failure(asked: FakeOpenAI) -> None:
    """However long it took before to find something to ask."""
    make_books(10)
    asked.script("server_error")
    claim = Leases.claim

    def claim_slowly(self: Leases, *args: Any, **options: Any) -> Any:
        time.sleep(0.4)
        return claim(self, *args, **options)

    with mock.patch.object(Leases, "claim", claim_slowly):
        assert generate(Book, batch_size=5, workers=1, patience=0.3).embedded == 10
    assert len(check_invariants(Book).current) == 10


def test_a_throttle_that_opens_meanwhile_is_not_waited_for(asked: FakeOpenAI) -> None:
    make_books(5)
    allows, refusals = Throttle.allows, iter([False])

    def refusing_once(self: Throttle, calls: int) -> bool:
        return next(refusals, True) and allows(self, calls)

    generation = Generation(embedding_field(Book), workers=1)
    generation._stop = waited = Waited()
    with mock.patch.object(Throttle, "allows", refusing_once):
        assert generation.run().embedded == 5
    assert max(waited.seconds, default=0) == 0


class Waited(threading.Event):
    """An event that nobody waits for in vain; it remembers for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return self.is_set()
