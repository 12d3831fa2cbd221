"""Looking at a database in use: nothing is written, and nothing takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import DatabaseError, connection, transaction

from hybrid_store.backends import vector_ops
from hybrid_store.backends.sqlite import examining
from hybrid_store.backends.sqlite.engine.cache import files
from hybrid_store.backends.sqlite.engine.source import source_of
from hybrid_store.models import SearchExplanation
from hybrid_store.models.fields import vector_field
from hybrid_store.models.known_indexes import known_indexes
from hybrid_store.test.models import Book, Point
from tests.databases.other_ways import another_way
from tests.durability.disturbing import own_session

pytestmark = pytest.mark.django_db
# Where sessions meet, or none is in a transaction before.
committed = pytest.mark.django_db(transaction=True)

IS_SQLITE = connection.vendor == "sqlite"
BOOKS, POINTS = (model._meta.db_table for model in (Book, Point))
ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    if IS_SQLITE
    else "SELECT pg_sleep(60)"
)
LOCK = "BEGIN EXCLUSIVE" if IS_SQLITE else f"BEGIN; LOCK TABLE {BOOKS} IN ACCESS EXCLUSIVE MODE"
CODES = "hybrid_store_index_test_point_vec_codes"
LONG, SHORT = 30, 0.05
"""Seconds that are allowed."""


def execute(sql: str, using: Any = connection) -> list[Any]:
    with using.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def update() -> None:
    Book.objects.update(year=2)


def create() -> None:
    Book.objects.create(title="new")


WRITES = [
    update,
    create,
    lambda: execute(f"DELETE FROM {BOOKS}"),  # noqa: S608
    lambda: execute("CREATE TABLE made (id integer)"),
    lambda: execute(f"ALTER TABLE {BOOKS} ADD COLUMN made integer"),
]


def expect_no_writes() -> None:
    Book.objects.create(title="text", year=1)
    ops = vector_ops(connection)
    for write in WRITES:
        with pytest.raises(DatabaseError) as raised:
            examine(ops, lambda write=write: (Book.objects.get(), write()))  # type: ignore[misc]
        assert ops.is_read_only(raised.value)
        assert not ops.is_timeout(raised.value)
    assert list(Book.objects.values_list("title", "year")) == [("text", 1)]
    update()
    assert Book.objects.get().year == 2


def examine(ops: Any, look: Callable[[], object]) -> None:
    with ops.examining(LONG):
        look()


def test_nothing_can_be_written_within_a_transaction() -> None:
    expect_no_writes()


@committed
def test_nothing_can_be_written() -> None:
    expect_no_writes()


def end_by_statement(ops: Any) -> None:
    with ops.examining(SHORT):
        execute(ENDLESS)


def end_by_lock(ops: Any) -> None:
    with own_session() as other:
        execute(LOCK, other)
        try:
            with ops.examining(SHORT):
                list(Book.objects.all())
        finally:
            execute("ROLLBACK", other)


@committed
@pytest.mark.parametrize("end", [end_by_statement, end_by_lock])
def test_a_statement_that_takes_too_long_is_ended(end: Callable[[Any], None]) -> None:
    ops = vector_ops(connection)
    execute("SELECT 1")
    started = time.monotonic()
    with pytest.raises(DatabaseError) as raised:
        end(ops)
    assert time.monotonic() - started < 5
    assert ops.is_timeout(raised.value)
    assert not ops.is_read_only(raised.value)


def test_other_errors_are_no_timeouts() -> None:
    with pytest.raises(DatabaseError) as raised:
        execute("SELECT nothing FROM nowhere")
    assert not vector_ops(connection).is_timeout(raised.value)


def settings() -> list[Any]:
    """Of the session, as far as it is told anything."""
    if IS_SQLITE:
        names = ("query_only", "busy_timeout")
        return [execute(f"PRAGMA {name}") for name in names] + [connection.transaction_mode]  # type: ignore[attr-defined]
    names = ("transaction_read_only", "statement_timeout")
    return [execute(f"SHOW {name}") for name in names]


@committed
def test_the_session_is_as_before_afterwards() -> None:
    before = settings()
    ops = vector_ops(connection)
    with ops.examining(LONG):
        assert settings()[:2] != before[:2]
    assert settings() == before
    with pytest.raises(DatabaseError), ops.examining(SHORT):
        execute(ENDLESS)
    assert settings() == before
    with transaction.atomic():
        before = settings()
        with ops.examining(LONG):
            pass
        assert settings() == before
    Book.objects.create(title="text")


@pytest.mark.skipif(not IS_SQLITE, reason="the server itself sees to it")
def test_each_statement_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(examining, "time", SimpleNamespace(monotonic=lambda: now))
    with vector_ops(connection).examining(1):
        for _ in range(3):
            now += 0.9
            execute(ENDLESS.replace("FROM n)", "FROM n WHERE i < 9999)"))


def test_what_was_to_be_done_on_commit_is_not_done() -> None:
    done: list[int] = []
    with vector_ops(connection).examining(LONG):
        transaction.on_commit(lambda: done.append(1))
    assert done == []


@committed
def test_others_write_meanwhile() -> None:
    Book.objects.create(title="text", year=1)
    with vector_ops(connection).examining(LONG), own_session() as other:
        # Where one can write at a time, it is not the one that only looks.
        execute("BEGIN IMMEDIATE" if IS_SQLITE else "BEGIN", other)
        execute(f"UPDATE {BOOKS} SET year = 2", other)  # noqa: S608
        assert Book.objects.get().year == 1
        execute("ROLLBACK", other)


def test_a_database_says_whether_it_can_be_written_not_whether_it_is_examined() -> None:
    ops = vector_ops(connection)
    with ops.examining(LONG):
        assert not ops.reads_only()


@pytest.mark.skipif(IS_SQLITE, reason="has no such setting of sessions")
def test_sessions_that_are_told_to_write_nothing_say_so() -> None:
    with another_way("reader", {"options": "-c default_transaction_read_only=on"}) as reader:
        assert vector_ops(reader).reads_only()


@pytest.mark.skipif(not IS_SQLITE, reason="only there a search may write")
@committed
class TestSearchesOnSQLite:
    """Codes of 1,024 rows or more are stored by the first search."""

    @pytest.fixture(autouse=True)
    def _rows(self) -> None:
        """No codes are known, as if no other test had searched before."""
        files.clear()
        execute(f"DELETE FROM {CODES}")  # noqa: S608
        Point.objects.bulk_create(Point(vector=[1, n, 2]) for n in range(1100))

    def codes(self) -> int:
        [[count]] = execute(f"SELECT count(*) FROM {CODES}")  # noqa: S608
        return int(count)

    def index(self) -> str | None:
        ranked = Point.objects.nearest([1, 2, 3], field="vector")[:3]
        return cast("SearchExplanation", ranked.explain_search()).index

    def test_use_the_index_and_store_nothing(self) -> None:
        with vector_ops(connection).examining(LONG):
            assert self.index() == "test_point_vec"
        assert self.codes() == 0
        # Which the next one does.
        Point.objects.update(group=1, vector=[1, 2, 4])
        assert self.index() == "test_point_vec"
        assert self.codes() > 0

    def test_make_no_codes_for_longer_than_they_may(self) -> None:
        with vector_ops(connection).examining(0), pytest.raises(DatabaseError) as raised:
            self.index()
        assert vector_ops(connection).is_timeout(raised.value)
        [spec] = known_indexes(vector_field(Point, "vector"))
        key = Path(connection.settings_dict["NAME"]).resolve(), source_of(Point, spec)
        assert files.state(cast("Any", key)) is None
        assert self.index() == "test_point_vec"
        assert files.state(cast("Any", key)) is not None
