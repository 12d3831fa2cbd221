"""Killed at any moment, a run is taken up by the next; what was in flight is paid for again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from signal import SIGKILL

import pytest

from hybrid_store.test.models import Book
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import Launcher, Process, asking, wait_until
from tests.reliability.rows import LABEL, make_books, texts_of_books

ROWS = 120
BATCH_SIZE = 6
WORKERS = 2
LEASE_SECONDS = 0.4
OPTIONS = (LABEL, f"--batch-size={BATCH_SIZE}", f"--workers={WORKERS}")
KILLS = 5
STATEMENTS = 9
"""About as many statements does a batch take."""


class Killing:
    """Starts runs that are killed, each at a point that `random` chooses."""

    def __init__(self, launcher: Launcher, server: FakeOpenAI, random: random.Random) -> None:
        self.launcher = launcher
        self.server = server
        self.random = random
        self.settings = asking(server, lease_seconds=LEASE_SECONDS)

    def start(self, die_after: int | None = None) -> Process:
        return self.launcher.generate(*OPTIONS, settings=self.settings, die_after=die_after)

    def in_a_statement(self) -> Process:
        batches = ROWS // BATCH_SIZE
        return self.start(die_after=self.random.randrange(1, STATEMENTS * batches // KILLS))

    def while_the_provider_works(self) -> Process:
        """Before the answer to a request."""
        seen = len(self.server.requests) + self.random.randrange(1, 5)
        process = self.start()
        self.server.before_answer = lambda request: (
            process.kill() if len(self.server.requests) >= seen else None
        )
        return process

    def after_an_answer(self) -> Process:
        """While it is stored, or soon after."""
        seen = len(self.server.answered) + self.random.randrange(1, 5 * BATCH_SIZE)
        process = self.start()
        wait_until(lambda: len(self.server.answered) >= seen or process.poll() is not None)
        time.sleep(self.random.uniform(0, 0.02))
        process.kill()
        return process

    def at_a_time(self) -> Process:
        process = self.start()
        time.sleep(self.random.uniform(0, 0.6))
        process.kill()
        return process

    def kill_one(self) -> None:
        points: list[Callable[[], Process]] = [
            self.in_a_statement,
            self.in_a_statement,
            self.while_the_provider_works,
            self.after_an_answer,
            self.at_a_time,
        ]
        process = self.random.choice(points)()
        assert process.wait() in (-SIGKILL, 0), process.output
        self.server.before_answer = None


def kill_and_resume(launcher: Launcher, server: FakeOpenAI, seed: int, rounds: int) -> None:
    killing = Killing(launcher, server, random.Random(seed))  # noqa: S311
    make_books(ROWS)
    for number in range(rounds):
        earlier = texts_of_books()
        Book.objects.update(description=f"round {number}")
        server.answered.clear()
        for _ in range(KILLS):
            killing.kill_one()
            check_invariants(Book, earlier=earlier, running=True)
        process = killing.start()
        assert process.wait() == 0, process.output
        assert len(check_invariants(Book).current) == ROWS
        check_paid(server.answered, texts_of_books(), lost=KILLS * WORKERS * BATCH_SIZE)


def test_a_killed_run_is_taken_up_again(launcher: Launcher, server: FakeOpenAI, seed: int) -> None:
    kill_and_resume(launcher, server, seed, rounds=1)


@pytest.mark.long
def test_fifty_killed_runs_are_taken_up_again(
    launcher: Launcher, server: FakeOpenAI, seed: int
) -> None:
    kill_and_resume(launcher, server, seed, rounds=10)


def test_rows_of_a_dead_run_are_waited_for_however_long_the_next_run_takes(
    launcher: Launcher, server: FakeOpenAI
) -> None:
    texts = make_books(40)
    settings = asking(server, lease_seconds=1)
    server.before_answer = lambda request: time.sleep(60)
    process = launcher.generate(*OPTIONS, settings=settings)
    wait_until(lambda: len(server.requests) == WORKERS)
    process.kill()
    # The leases end while the next run is still at work with other rows.
    server.before_answer = lambda request: time.sleep(0.4)
    process = launcher.generate(*OPTIONS, settings=settings)
    assert process.wait() == 0, process.output
    assert len(check_invariants(Book).current) == 40
    check_paid(server.answered, texts)
