"""`manage.py measure_recall`."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.management import CommandError
from django.db import connection

from hybrid_store.backends import vector_ops
from hybrid_store.test.models import Book, Point
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db

POINT = "hybrid_store_test.Point.vector"


@pytest.fixture
def _points() -> None:
    vectors = np.random.default_rng(8).normal(size=(40, 3))
    Point.objects.bulk_create(Point(vector=vector) for vector in vectors)
    Point.objects.create(vector=[0, 0, 0])
    Point.objects.create(vector=None)


@pytest.mark.usefixtures("_points")
def test_recall_and_time_are_shown_for_every_effort(run: Run) -> None:
    out = run("measure_recall", POINT, "--queries=60", "--neighbours=5", "--ef-search", "2", "80")
    if not vector_ops(connection).index_may_lose_rows:
        assert out == f"{connection.display_name} searches exactly: the recall is 1.\n"
        return
    title, head, *lines = [line.split() for line in out.splitlines()]
    assert " ".join(title) == f"{POINT}: 40 searches for 5"
    assert head == ["ef_search", "recall", "least", "ms"]
    # No effort is less than the rows that are wanted.
    assert [line[0] for line in lines] == ["exact", "5", "80"]
    assert [line[1:3] for line in lines if line[0] != "5"] == [["1.000", "1.00"]] * 2


def test_what_cannot_be_searched_for_is_refused_in_a_sentence(run: Run) -> None:
    Book.objects.create(title="not embedded yet")
    if vector_ops(connection).index_may_lose_rows:
        with pytest.raises(CommandError, match="no row has a vector that can be searched for"):
            run("measure_recall", "hybrid_store_test.Book")
    with pytest.raises(CommandError, match="has several vector fields"):
        run("measure_recall", "hybrid_store_test.Point")
    with pytest.raises(CommandError, match="names no model"):
        run("measure_recall", "nowhere.Nothing")
