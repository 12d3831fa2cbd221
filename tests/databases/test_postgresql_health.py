"""What `vector_doctor` and `check --database` find wrong in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from hybrid_store.backends import vector_ops
from hybrid_store.checks import check_databases
from hybrid_store.test.models import Book, Point

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
