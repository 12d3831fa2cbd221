"""What `vector_doctor` tells of SQLite, and of the codes that are stored in it."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections

from hybrid_store.backends import vector_ops
from hybrid_store.backends.reports import TableReport
from hybrid_store.backends.sqlite import health
from hybrid_store.backends.sqlite.engine import log
from hybrid_store.backends.sqlite.engine.kernels import NumPyKernel
from hybrid_store.test.models import Point

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

INDEX = "test_point_vec"


@pytest.fixture(autouse=True)
def _no_codes() -> None:
    """What other tests have left is none of their models."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM hybrid_store_index_{INDEX}_codes")  # noqa: S608


def make_points(count: int) -> None:
    Point.objects.bulk_create(Point(vector=[1, n, 2]) for n in range(count))


def changes(report: TableReport) -> int:
    """Since the index began, which other tests may have written to."""
    [note] = [note for note in report.notes if note.startswith(f"{INDEX}: no codes stored, ")]
    return int(note.rpartition(" ")[2])


def test_says_what_compares_codes_and_finds_words(monkeypatch: Any) -> None:
    [fact] = vector_ops(connection).facts()
    assert (fact.subject, fact.fix) == ("searches", "")
    assert "words are found by FTS5" in fact.detail
    assert fact.detail.endswith(" MiB, journal mode delete")
    monkeypatch.setattr(health, "kernel", NumPyKernel)
    [fact] = vector_ops(connection).facts()
    assert "compared by NumPy (numkong, of the extra 'fast'" in fact.detail


def test_a_table_tells_of_its_codes() -> None:
    ops = vector_ops(connection)
    assert ops.table_report(Point).indexes[INDEX] == 0
    before = changes(ops.table_report(Point))
    make_points(20)
    assert changes(ops.table_report(Point)) == before + 20
    call_command("optimize_vectors", "hybrid_store_test.Point.vector", verbosity=0)
    Point.objects.filter(pk__in=Point.objects.all()[:3]).update(vector=[3, 2, 1])
    report = ops.table_report(Point)
    # Key, scale, error and a byte a dimension.
    assert report.indexes[INDEX] == 20 * (8 + 4 + 4 + 3)
    assert f"{INDEX}: codes of 20 rows stored, changes since: 3" in report.notes


def test_a_large_table_without_stored_codes_is_to_get_them() -> None:
    make_points(20)
    # Nor is there anything to store of the index that has no vectors.
    [ailment] = health.ailments(connection, Point, 30_000)
    assert ailment.detail.startswith(f"{INDEX}: no codes are stored")
    assert (ailment.subject, ailment.slow) == ("codes", True)
    assert ailment.fix == "Run manage.py optimize_vectors."
    assert vector_ops(connection).ailments(Point) == []
    call_command("optimize_vectors", verbosity=0)
    assert health.ailments(connection, Point, 30_000) == []


def test_many_changes_since_codes_were_stored_are_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(health, "MANY_ROWS", 10)
    make_points(20)
    call_command("optimize_vectors", verbosity=0)
    assert health.ailments(connection, Point, 20) == []
    Point.objects.update(vector=[3, 2, 1])
    [ailment] = health.ailments(connection, Point, 20)
    assert ailment.detail.startswith(f"{INDEX}: 20 changes are not in the stored codes")


def test_codes_that_are_of_no_use_later_are_not_missed(monkeypatch: Any) -> None:
    make_points(20)
    assert health.ailments(connection, Point, 30_000)
    with monkeypatch.context() as in_memory:
        in_memory.setattr(type(connections["default"]), "is_in_memory_db", lambda self: True)
        assert health.ailments(connection, Point, 30_000) == []
    # As of a table whose key is a UUID.
    monkeypatch.setattr(log, "has_lasting_keys", lambda raw, table: False)
    assert health.ailments(connection, Point, 30_000) == []


def test_versions_are_told() -> None:
    assert vector_ops(connection).server() == f"SQLite {sqlite3.sqlite_version}"
