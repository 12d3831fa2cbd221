"""Searches of an index of words that is so large that some words are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection

from hybrid_store.backends.sqlite.text import frequencies
from hybrid_store.models import search
from tests.databases.words import tales

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

ROWS = frequencies.LARGE + 500
# What a word that most rows have may add to a score, of which a query has a few.
LEFT_OUT = 1e-5


@pytest.fixture(scope="module")
def model(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """Nearly all rows have w0, few have a high number."""
    if connection.vendor != "sqlite":
        return
    rng = np.random.default_rng(2)
    with django_db_blocker.unblock(), tales(language=None) as made:
        made.objects.bulk_create(
            made(pk=n + 1, title="", body=text(rng), year=n % 10) for n in range(ROWS)
        )
        yield made


def text(rng: Any) -> str:
    words = np.minimum(rng.zipf(1.25, size=rng.integers(5, 40)), 4000) - 1
    return " ".join(f"w{word}" for word in words)


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    frequencies._known.clear()


def best(rows: Any, query: str, count: int | None = None) -> Any:
    return [row.score for row in search(rows, query, mode="text")[:count]]


QUERIES = ["w3000 w0", "w700 w0 w1", "w0", "w0 w1", "w40 w90 w0", '"w0 w1"', "w200 -w0", "w9 or w0"]


@pytest.mark.parametrize("query", QUERIES)
def test_the_best_rows_are_those_of_a_ranking_of_all(model: Any, query: str) -> None:
    for rows in (model.objects.all(), model.objects.filter(year=3)):
        exact, few = best(rows, query), best(rows, query, 10)
        np.testing.assert_allclose(few, exact[:10], atol=LEFT_OUT)


def test_rows_that_only_have_the_words_of_most_rows_fill_a_slice(model: Any) -> None:
    has_rare = len(best(model.objects.all(), "w3000"))
    assert 0 < has_rare < 20
    assert len(best(model.objects.all(), "w3000 w0", 50)) == 50
    assert len(best(model.objects.filter(year=3), "w3000 w0", 50)) == 50
