"""While a provider works, no transaction is open, and its threads know no database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.signals import connection_created

from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Article, Author, Book, Essay
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.concurrently import concurrently
from tests.reliability.invariants import check_invariants
from tests.reliability.rows import make_books

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 12

OTHER_SESSIONS = """
SELECT state, xact_start IS NOT NULL FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture(params=[Book, Article, Essay])
def model(request: pytest.FixtureRequest) -> Any:
    """Own columns, columns of a related row, and a callable."""
    make_books(ROWS)
    author = Author.objects.create(name="author")
    Article.objects.bulk_create([Article(slug=f"s{n}", author=author) for n in range(ROWS)])
    Essay.objects.bulk_create([Essay(words=f"words,{n}") for n in range(ROWS)])
    return request.param


@pytest.fixture
def openers() -> Iterator[list[str]]:
    """The names of the threads that have opened connections."""
    names: list[str] = []

    def opened(**facts: Any) -> None:
        names.append(threading.current_thread().name)

    connection_created.connect(opened)
    yield names
    connection_created.disconnect(opened)


def sessions() -> list[tuple[str, bool]]:
    """State of the other sessions of this database, and whether they are in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(OTHER_SESSIONS)
        return [(state, in_transaction) for state, in_transaction in cursor.fetchall()]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database")
@pytest.mark.parametrize("workers", [1, 4])
def test_no_session_is_in_a_transaction_while_the_provider_works(
    asked: FakeOpenAI, model: Any, workers: int
) -> None:
    found: list[list[tuple[str, bool]]] = []
    asked.before_answer = lambda request: found.append(concurrently(sessions))
    generate(model, batch_size=ROWS, workers=workers)
    # The one session is that of the thread which has called.
    assert found == [[("idle", False)]]


@pytest.mark.parametrize("workers", [1, 4])
def test_others_can_write_while_the_provider_works(
    asked: FakeOpenAI, model: Any, workers: int
) -> None:
    locked: list[int] = []

    def write() -> None:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                connection.cursor().execute("SET LOCAL lock_timeout = '20s'")
            locked.append(len(model.objects.select_for_update(of=("self",))))
            Author.objects.update(born=1)

    asked.before_answer = lambda request: concurrently(write)
    report = generate(model, batch_size=3, workers=workers)
    assert (report.embedded, report.changed) == (ROWS, 0)
    assert locked == [ROWS] * (ROWS // 3)
    assert len(check_invariants(model).current) == ROWS


def test_the_threads_that_ask_the_provider_open_no_connection(
    asked: FakeOpenAI, model: Any, openers: list[str]
) -> None:
    asked.before_answer = lambda request: threads.update(
        thread.name for thread in threading.enumerate()
    )
    threads: set[str] = set()
    concurrently(lambda: generate(model, batch_size=2, workers=4))
    assert "hybrid-store-embedder" in threads
    assert "hybrid-store-embedder" not in openers
    assert len(openers) == 1
