"""A streaming standby that a router reads from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections

from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Book
from tests import servers
from tests.databases.other_ways import another_way

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

TITLES = ["apple pie", "pear pie", "stone wall"]


class ReadsFromStandby:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "standby"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, *args: Any, **hints: Any) -> bool:
        return True


@pytest.fixture(scope="module")
def address(django_db_setup: Any, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    host = connection.settings_dict["HOST"]
    if not servers.is_ours(host):
        pytest.skip("the server is not ours to copy")
    with servers.standby(host) as found:
        yield found


@pytest.fixture(autouse=True)
def _reading_from_standby(address: Any, settings: Any) -> Iterator[None]:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}
    settings.DATABASE_ROUTERS = [ReadsFromStandby()]
    with another_way("standby", **address):
        yield


def catch_up() -> None:
    """Wait until the standby has all that was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        [written] = cursor.fetchone()
    deadline = time.monotonic() + 30
    with connections["standby"].cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [written])
            if cursor.fetchone()[0]:
                return
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.02)


def embedded() -> None:
    Book.objects.bulk_create(Book(title=title) for title in TITLES)
    assert Generation(embedding_field(Book), using="default").run().embedded == 3
    catch_up()


def test_searches_are_answered_by_the_standby() -> None:
    embedded()
    ranked = Book.objects.filter(title__contains="pie").nearest("pear pie")[:2]
    assert ranked.db == "standby"
    assert [book.title for book in ranked] == ["pear pie", "apple pie"]
    explanation = ranked.explain_search(prove=True)
    assert (explanation.returned, explanation.recall) == (2, 1.0)
    row = Book.objects.get(title="apple pie")
    assert row._state.db == "standby"
    assert Book.objects.nearest(row)[0].title == "pear pie"


def test_asynchronous_searches_are_too() -> None:
    embedded()

    async def search() -> list[str]:
        ranked = await Book.objects.nearest("stone wall").aembed_query()
        return [book.title async for book in ranked[:1]]

    assert async_to_sync(search)() == ["stone wall"]


def test_coverage_and_stale_rows_are_read_there_and_rows_embedded_where_they_are_written() -> None:
    embedded()
    assert Book.objects.coverage().current == 3
    Book.objects.update(title="apple tart")
    catch_up()
    assert Book.objects.stale().count() == 3
    assert Generation(embedding_field(Book), using="default").run().embedded == 3
    catch_up()
    assert not Book.objects.stale().exists()
