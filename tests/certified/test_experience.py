"""Searches under conditions of a kind tell the next ones how many rows to compare."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Q

from hybrid_store.models import certified
from hybrid_store.models.experience import MOST_SHAPES, Experience, shape
from hybrid_store.test.models import Point
from tests.certified.conftest import random_vectors

NEAR = random_vectors(1, seed=99)[0]


def kind(*args: Any, **filters: Any) -> Any:
    return shape(Point.objects.filter(*args, **filters).query.where)


def test_conditions_are_of_a_kind_whatever_their_values() -> None:
    assert kind(group=1) == kind(group=2)
    assert kind(Q(group=1) | Q(name="a")) == kind(Q(group=2) | Q(name="b"))
    others = [
        kind(),
        kind(group=1),
        kind(group__gt=1),
        kind(name="a"),
        kind(~Q(group=1)),
        kind(Q(group=1) | Q(name="a")),
        kind(group=1, name="a"),
    ]
    assert len({*others}) == len(others)


def test_a_mean_is_kept_of_each_kind() -> None:
    experience = Experience()
    assert experience.expected("a") == 0
    for rows in (100, 200, 200):
        experience.learn("a", rows)
    assert experience.expected("a") == 175
    assert experience.expected("b") == 0
    for number in range(MOST_SHAPES):
        experience.learn(number, 1)
    assert experience.expected("a") == 0


@pytest.mark.django_db(transaction=True)
def test_the_next_search_compares_enough_rows_at_once(
    place: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(certified, "LEAST_PROPOSED", 8)
    monkeypatch.setattr(certified, "experience", Experience())
    statements = []
    for ending in ("7", "3"):
        ranked = place.objects.filter(name__endswith=ending).nearest(NEAR)[:3]
        with django_assert_num_queries(2 if ending == "7" else 1):
            statements.append(list(ranked))
    assert all(len(rows) == 3 for rows in statements)
