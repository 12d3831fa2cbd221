"""A streaming standby that a router reads from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

from hybrid_store.checks import check_databases
from hybrid_store.exceptions import IngestError
from hybrid_store.models import bulk_ingest
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Book, Point
from hybrid_store.test.watching import count_documents_embedded
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


def run(name: str, *arguments: str, **options: Any) -> str:
    """What a command says of the standby."""
    out = StringIO()
    call_command(name, *arguments, database="standby", stdout=out, no_color=True, **options)
    return out.getvalue()


def setting(name: str) -> str:
    with connections["standby"].cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


def test_check_and_doctor_examine_it_and_change_nothing() -> None:
    embedded()
    before = list(Book.objects.using("default").order_by("pk").values())
    said = run("vector_doctor", "--skip-embedders")
    assert ", read-only: nothing can be written here\n" in said
    assert "✓ indexes: as the models declare them" in said
    assert "✓ hybrid_store_test.Book.embedding: 3 of 3 rows current, 0 stale" in said
    assert said.endswith("All is well.\n")
    assert check_databases(databases=["standby"]) == []
    assert setting("enable_seqscan") == "on"
    assert list(Book.objects.using("default").order_by("pk").values()) == before


def test_the_doctor_says_nothing_of_the_sort_of_the_primary() -> None:
    out = StringIO()
    call_command("vector_doctor", "--skip-embedders", stdout=out, no_color=True)
    assert "read-only" not in out.getvalue()


def test_recall_is_measured_there() -> None:
    vectors = np.random.default_rng(4).normal(size=(400, 3))
    Point.objects.using("default").bulk_create(Point(vector=vector) for vector in vectors)
    catch_up()
    options = {"queries": 5, "neighbours": 3, "ef_search": [40]}
    lines = run("measure_recall", "hybrid_store_test.Point.vector", **options).splitlines()
    assert lines[0] == "hybrid_store_test.Point.vector: 5 searches for 3"
    assert [line.split()[:2] for line in lines[2:]] == [["exact", "1.000"], ["40", "1.000"]]


def test_vectors_are_verified_there() -> None:
    embedded()
    said = run("verify_embeddings", "hybrid_store_test.Book")
    assert "✓ every vector is sound and current." in said


Ranked = Callable[[Any], list[str]]
WAYS: dict[str, Ranked] = {
    "rows": lambda ranked: [book.title for book in ranked[:2]],
    "tuned": lambda ranked: [book.title for book in ranked.tuned(ef_search=300)[:2]],
    "exact": lambda ranked: [book.title for book in ranked.tuned(exact=True)[:2]],
    "iterator": lambda ranked: [book.title for book in ranked.iterator(chunk_size=1)],
    "sliced iterator": lambda ranked: [book.title for book in ranked[:2].iterator()],
    "values": lambda ranked: [row["title"] for row in ranked.values("title", "distance")[:2]],
    "values_list": lambda ranked: list(ranked.values_list("title", flat=True)[:2]),
    "first": lambda ranked: [ranked.first().title, ranked[1:].first().title],
    "subquery": lambda ranked: sorted(
        Book.objects.filter(pk__in=ranked[:2].values("pk")).values_list("title", flat=True),
        reverse=True,
    ),
}


@pytest.mark.parametrize("within", [False, True], ids=["autocommit", "atomic"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_read_a_search_works_in_and_outside_of_transactions(
    way: str, within: bool
) -> None:
    embedded()
    ranked = Book.objects.filter(title__contains="pie").nearest("pear pie")
    if within:
        with transaction.atomic(using="standby"):
            assert WAYS[way](ranked) == ["pear pie", "apple pie"]
            assert setting("hnsw.ef_search") == "40"
    else:
        assert WAYS[way](ranked) == ["pear pie", "apple pie"]
    assert setting("hnsw.ef_search") == "40"


@pytest.mark.parametrize("form", ["columns", "objects"])
def test_rows_are_not_loaded_there_in_a_sentence(form: str) -> None:
    embedded()
    vectors = np.ones((5, 384))
    columns = {"title": [f"new {n}" for n in range(5)], "embedding": vectors}
    objects: list[Any] = [
        Book(title=f"new {n}", embedding=vector) for n, vector in enumerate(vectors)
    ]
    rows: Any = columns if form == "columns" else objects
    for batch_size in (2, 2000):
        with pytest.raises(IngestError, match="Database 'standby' can only be read") as raised:
            bulk_ingest(
                Book.objects.using("standby"), rows, embedded_by="default", batch_size=batch_size
            )
        assert isinstance(raised.value.__cause__, DatabaseError)
        assert {book.pk for book in objects} == {None}
        assert {book.embedding_fingerprint for book in objects} == {None}
    # The connection is in order, and the primary is as before.
    assert Book.objects.nearest("pear pie")[0].title == "pear pie"
    assert Book.objects.using("default").count() == 3
    # By the router, rows go where they can be written.
    assert bulk_ingest(Book.objects, rows, embedded_by="default") == 5
    catch_up()
    assert Book.objects.filter(title__startswith="new").count() == 5
    assert not Book.objects.stale().exists()


def test_rows_are_not_embedded_there_and_it_costs_nothing() -> None:
    Book.objects.bulk_create(Book(title=title) for title in TITLES)
    catch_up()
    with (
        count_documents_embedded() as paid,
        pytest.raises(CommandError, match=r"refused: cannot execute .* in a read-only"),
    ):
        run("generate_embeddings", "hybrid_store_test.Book", verbosity=0)
    assert paid == []
    assert Book.objects.using("default").stale().count() == 3
