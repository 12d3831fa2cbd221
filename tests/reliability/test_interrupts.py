"""Ctrl-C and SIGTERM end a run in order; a second one ends it at once."""

from __future__ import annotations

import signal
import threading

import pytest

from hybrid_store.models.work import EmbeddingRun
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Book
from tests.embedders.fake_openai import FakeOpenAI, Request
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import Launcher, Process, asking, wait_until
from tests.reliability.rows import LABEL, make_books

BATCH_SIZE = 5
SIGNALS = [signal.SIGINT, signal.SIGTERM]
WORKERS = [1, 4]


class Holding:
    """A server that holds its answers back from a given one on, until it is let go."""

    def __init__(self, server: FakeOpenAI, passing: int) -> None:
        self.server = server
        self.passing = passing
        self.barrier = threading.Event()
        server.before_answer = self.hold

    def hold(self, request: Request) -> None:
        if len(self.server.requests) > self.passing:
            self.barrier.wait()

    def let_go(self) -> None:
        self.barrier.set()


def start_and_hold(launcher: Launcher, server: FakeOpenAI, workers: int) -> tuple[Process, Holding]:
    """A run of which `workers` requests are under way, after some that were answered."""
    held = Holding(server, passing=workers)
    process = launcher.generate(
        *(LABEL, f"--batch-size={BATCH_SIZE}", f"--workers={workers}"), settings=asking(server)
    )
    wait_until(lambda: len(server.requests) == 2 * workers)
    return process, held


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("workers", WORKERS)
def test_a_signal_ends_a_run_in_order(
    launcher: Launcher, asked: FakeOpenAI, number: signal.Signals, workers: int
) -> None:
    texts = make_books(60)
    process, held = start_and_hold(launcher, asked, workers)
    process.send(number)
    with pytest.raises(TimeoutError):
        process.wait(timeout=0.2)
    held.let_go()
    assert process.wait() == 130, process.output
    rows = check_invariants(Book)
    assert len(rows.current) == len(asked.answered) == 2 * workers * BATCH_SIZE
    assert len(rows.stale) == 60 - len(rows.current)
    assert f"{len(rows.current)} rows embedded, {len(rows.stale)} left" in process.output
    assert "Interrupted. The next run goes on from here." in process.output
    assert "Traceback" not in process.output
    assert EmbeddingRun.objects.get().outcome == EmbeddingRun.Outcome.INTERRUPTED
    assert generate(Book).embedded == len(rows.stale)
    check_paid(asked.answered, texts)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("workers", WORKERS)
def test_a_second_signal_ends_a_run_at_once(
    launcher: Launcher, server: FakeOpenAI, number: signal.Signals, workers: int
) -> None:
    make_books(60)
    process, held = start_and_hold(launcher, server, workers)
    process.send(number)
    with pytest.raises(TimeoutError):
        process.wait(timeout=0.2)
    process.send(number)
    # The provider holds its answers back for longer than this waits.
    assert process.wait(timeout=10) != 0
    rows = check_invariants(Book)
    assert len(rows.current) == len(server.answered) == workers * BATCH_SIZE
    held.let_go()
