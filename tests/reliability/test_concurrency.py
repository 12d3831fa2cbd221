"""Several runs at once: nobody pays for what another has paid for."""

from __future__ import annotations

import re
import threading
import time
from typing import Any
from unittest import mock

import pytest

from hybrid_store.sync.leases import Leases
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Book
from tests.embedders.fake_openai import FakeOpenAI, Request
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import Launcher, Process, asking, wait_until
from tests.reliability.rows import LABEL, make_books

EMBEDDED = re.compile(r"(\d+) rows? embedded")


def embedded_by(process: Process) -> int:
    found = EMBEDDED.search(process.output)
    return int(found[1]) if found else 0


def generate_at_once(
    launcher: Launcher, server: FakeOpenAI, rows: int, processes: int, workers: int
) -> None:
    texts = make_books(rows)
    server.before_answer = lambda request: time.sleep(0.002)
    options = (LABEL, "--batch-size=20", f"--workers={workers}")
    started = [launcher.generate(*options, settings=asking(server)) for _ in range(processes)]
    for process in started:
        assert process.wait() == 0, process.output
        assert "failed" not in process.output, process.output
    assert len(check_invariants(Book).current) == rows
    check_paid(server.answered, texts)
    assert sum(map(embedded_by, started)) == rows


@pytest.mark.parametrize(("processes", "workers"), [(2, 1), (2, 4), (8, 1)])
def test_processes_pay_for_no_text_twice(
    launcher: Launcher, server: FakeOpenAI, processes: int, workers: int
) -> None:
    generate_at_once(launcher, server, 1000, processes, workers)


@pytest.mark.long
@pytest.mark.parametrize(("processes", "workers"), [(2, 1), (2, 4), (8, 1), (8, 4)])
def test_processes_pay_for_no_text_of_many_twice(
    launcher: Launcher, server: FakeOpenAI, processes: int, workers: int
) -> None:
    generate_at_once(launcher, server, 10_000, processes, workers)


@pytest.mark.django_db
def test_a_row_embedded_by_another_run_before_it_is_claimed_is_not_paid_for(
    asked: FakeOpenAI,
) -> None:
    texts, claim = make_books(20), Leases.claim

    def claim_late(self: Leases, *args: Any, **options: Any) -> Any:
        with mock.patch.object(Leases, "claim", claim):
            generate(Book, batch_size=10, limit=5)
        return claim(self, *args, **options)

    with mock.patch.object(Leases, "claim", claim_late):
        assert generate(Book, batch_size=10, workers=1).embedded == 10
    assert len(check_invariants(Book).current) == 20
    check_paid(asked.answered, texts)


def test_a_late_vector_is_refused_after_another_run_has_taken_the_row_over(
    launcher: Launcher, server: FakeOpenAI
) -> None:
    texts = make_books(20)
    settings, barrier = asking(server, lease_seconds=0.5), threading.Event()

    def hold_the_first(request: Request) -> None:
        if request is server.requests[0]:
            barrier.wait()

    server.before_answer = hold_the_first
    options = (LABEL, "--batch-size=10", "--workers=1")
    late = launcher.generate(*options, settings=settings)
    wait_until(lambda: server.requests)
    late.pause()
    barrier.set()
    prompt = launcher.generate(*options, settings=settings)
    assert prompt.wait() == 0, prompt.output
    assert embedded_by(prompt) == 20
    check_invariants(Book)
    late.resume()
    assert late.wait() == 0, late.output
    assert "taken over by another run" in late.output
    assert embedded_by(late) == 0
    assert len(check_invariants(Book).current) == 20
    check_paid(server.answered, texts, lost=20)
