"""Killed at any moment, a run is taken up again, and only what was in flight is paid for twice."""

from __future__ import annotations

from hybrid_store.test.models import Book
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.processes import Launcher, asking, wait_until

LABEL = "hybrid_store_test.Book"


def test_one(launcher: Launcher, server: FakeOpenAI) -> None:
    books = Book.objects.bulk_create([Book(title=f"title {n}") for n in range(100)])
    settings = asking(server, lease_seconds=0.5)
    process = launcher.generate(LABEL, "--batch-size=10", settings=settings)
    wait_until(lambda: len(server.answered) >= 30)
    process.kill()
    assert process.wait() == -9
    check_invariants(Book, running=True)
    process = launcher.generate(LABEL, "--batch-size=10", settings=settings)
    assert process.wait() == 0, process.output
    rows = check_invariants(Book)
    assert rows.current == {book.pk for book in books}
    check_paid(server.answered, [f"title {n}\n" for n in range(100)], lost=40)
