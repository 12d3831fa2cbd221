"""What `vector_doctor` and `check --database` find wrong in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from hybrid_store.backends import vector_ops
from hybrid_store.backends.postgresql import health
from hybrid_store.checks import check_databases
from hybrid_store.test.models import Book, Point
from tests.commands.examining import findings

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]


def execute(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def warnings() -> list[str]:
    """Of the indexes over vectors."""
    found = check_databases(databases=["default"])
    return [message.msg for message in found if message.id == "hybrid_store.W030"]


def diagnosis() -> str:
    out = StringIO()
    with pytest.raises(CommandError, match="found wrong"):
        call_command("vector_doctor", "--skip-embedders", stdout=out)
    return out.getvalue()


@pytest.fixture
def invalid_index() -> Iterator[None]:
    sql = "UPDATE pg_index SET indisvalid = %s WHERE indexrelid = 'test_point_vec'::regclass"
    execute(sql, False)
    yield
    execute(sql, True)


@pytest.mark.usefixtures("invalid_index")
def test_an_invalid_index_is_found() -> None:
    [warning] = warnings()
    assert warning.startswith("The index 'test_point_vec' is invalid")
    assert "'test_point_vec' is invalid" in diagnosis()


@pytest.mark.usefixtures("invalid_index")
def test_an_invalid_index_is_told_once() -> None:
    [fault] = [finding for finding in findings("Indexes") if not finding.ok]
    assert "'test_point_vec' is invalid" in fault.detail


def test_an_invalid_index_that_no_model_declares_is_to_be_dropped() -> None:
    execute("CREATE INDEX stray ON hybrid_store_test_point USING hnsw (other vector_l2_ops)")
    execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'stray'::regclass")
    try:
        [fault] = [finding for finding in findings("Indexes") if not finding.ok]
    finally:
        execute("DROP INDEX stray")
    assert fault.subject == "index stray"
    assert fault.detail.startswith("invalid, and declared by no model: hnsw over other by l2, ")
    assert fault.fix == "Drop it: it costs and serves nothing."


def test_a_missing_index_is_found() -> None:
    index = next(index for index in Point._meta.indexes if index.name == "test_point_half")
    with connection.schema_editor() as editor:
        editor.remove_index(Point, index)
    try:
        [warning] = warnings()
        assert warning.startswith("The index 'test_point_half' is missing")
        assert "'test_point_half' is missing" in diagnosis()
    finally:
        with connection.schema_editor() as editor:
            editor.add_index(Point, index)


def test_missing_privileges_are_found_with_the_statement_that_grants_them() -> None:
    execute("CREATE ROLE reader")
    execute("GRANT SELECT ON hybrid_store_test_book TO reader")
    execute("SET ROLE reader")
    try:
        ailment = vector_ops(connection).ailments(Book)[0]
    finally:
        execute("RESET ROLE")
        execute("DROP OWNED BY reader")
        execute("DROP ROLE reader")
    assert ailment.subject == "privileges"
    assert "may not INSERT, UPDATE, DELETE in hybrid_store_test_book" in ailment.detail
    assert ailment.fix.startswith('GRANT INSERT, UPDATE, DELETE ON "hybrid_store_test_book" TO ')


def test_updates_that_an_index_pays_for_are_found() -> None:
    Point.objects.bulk_create(Point(vector=[1, n, 2], group=n) for n in range(300))
    execute("SELECT pg_stat_reset()")
    for group in range(5):
        # An indexed column changes, so no update is HOT.
        Point.objects.update(vector=[1, group, 3], group=group)
    execute("SELECT pg_stat_force_next_flush()")
    execute("SELECT 1")
    [ailment] = vector_ops(connection).ailments(Point)
    assert ailment.subject == "updates"
    assert "of 1500 updates of hybrid_store_test_point were HOT" in ailment.detail
    assert "fillfactor = 50" in ailment.fix
    execute("SELECT pg_stat_reset()")


def test_a_sound_database_has_no_ailments() -> None:
    execute("SELECT pg_stat_reset()")
    for model in (Book, Point):
        assert vector_ops(connection).ailments(model) == []
    assert warnings() == []


def test_a_table_tells_its_size_its_updates_and_when_it_was_vacuumed() -> None:
    Point.objects.bulk_create(Point(vector=[1, n, 2], group=n) for n in range(100))
    execute("SELECT pg_stat_reset()")
    Point.objects.update(group=1, vector=[1, 1, 3])
    execute("SELECT pg_stat_force_next_flush()")
    execute("SELECT 1")
    report = vector_ops(connection).table_report(Point)
    assert report.bytes
    assert {"test_point_vec", "test_point_half", "hybrid_store_test_point_pkey"} <= {
        *report.indexes
    }
    assert report.indexes["test_point_vec"] > 0
    assert report.notes[0] == "updates: 100, 0% HOT"
    assert report.notes[1].startswith("100 of ")
    assert report.notes[2] == "never vacuumed"
    execute("VACUUM hybrid_store_test_point")
    execute("SELECT 1")
    assert vector_ops(connection).table_report(Point).notes[-1].startswith("vacuumed 20")
    execute("SELECT pg_stat_reset()")


@pytest.fixture
def activity(monkeypatch: Any) -> Any:
    """What the statistics say of every table: live and dead rows, and whether ANALYZE ran."""

    def says(live: int, dead: int, is_unknown: bool) -> None:
        row = f"SELECT {live}, {dead}, 0, 0, {is_unknown}, NULL WHERE %s IS NOT NULL"
        monkeypatch.setattr(health, "ACTIVITY", row)

    return says


def test_dead_rows_that_nobody_removes_are_found(activity: Any) -> None:
    activity(15_000, 12_000, False)
    [ailment] = vector_ops(connection).ailments(Point)
    assert (ailment.subject, ailment.slow) == ("dead rows", True)
    assert "12000 of 27000 rows of hybrid_store_test_point are dead" in ailment.detail
    assert ailment.fix.startswith('VACUUM (ANALYZE) "hybrid_store_test_point";')
    # What autovacuum leaves for later, and small tables.
    for live, dead in ((50_000, 12_000), (10, 9_000)):
        activity(live, dead, False)
        assert vector_ops(connection).ailments(Point) == []


def test_a_large_table_that_was_never_analyzed_is_found(activity: Any) -> None:
    activity(15_000, 0, True)
    [ailment] = vector_ops(connection).ailments(Point)
    assert (ailment.subject, ailment.fix) == ("statistics", 'ANALYZE "hybrid_store_test_point";')
    activity(5_000, 0, True)
    assert vector_ops(connection).ailments(Point) == []
