"""Slices that are ordered by a plain expression are found by codes, too, and are the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import SearchError
from hybrid_store.models import (
    CosineDistance,
    HybridManager,
    HybridQuerySetMixin,
    L1Distance,
    L2Distance,
    VectorField,
)
from hybrid_store.models.search_query import SearchQuery
from hybrid_store.test.models import Point
from tests.certified.conftest import fill, random_vectors

pytestmark = pytest.mark.django_db(transaction=True)

NEAR = random_vectors(1, seed=99)[0]
DISTANCE = CosineDistance("vector", NEAR)
K = 10
# What gives no row that has no distance, in one way or another.
HELD = {
    "filter": lambda rows: rows.filter(vector__isnull=False).order_by(DISTANCE),
    "exclude": lambda rows: rows.exclude(vector=None).order_by(DISTANCE.asc(), "name"),
    "annotation": lambda rows: rows.exclude(vector=None).annotate(d=DISTANCE).order_by("d", "pk"),
    "alias": lambda rows: rows.exclude(vector=None).alias(d=DISTANCE).order_by(F("d").asc()),
    "limit": lambda rows: rows.annotate(d=DISTANCE).filter(d__lt=0.8).order_by("d"),
    "last": lambda rows: rows.order_by(DISTANCE.asc(nulls_last=True)),
    "last by name": lambda rows: rows.annotate(d=DISTANCE).order_by(F("d").asc(nulls_last=True)),
}


def is_by_codes(rows: Any) -> bool:
    try:
        index: str | None = rows.explain_search().index
    except SearchError:
        return False
    return index == "certified_place_vec"


@pytest.mark.parametrize("way", HELD)
def test_rows_with_a_distance_are_found_by_codes(way: str, place: Any) -> None:
    place.objects.bulk_create(place(name=f"none {n}") for n in range(5))
    rows = HELD[way](place.objects.all())
    whole = [row for row in rows.all() if row.vector is not None]
    truth = [row.pk for row in whole]
    assert is_by_codes(rows[:K])
    assert [row.pk for row in rows[:K]] == truth[:K]
    assert (
        list(rows.filter(number__lt=300).values_list("pk", flat=True)[2:K])
        == [row.pk for row in rows if row.vector is not None and row.number < 300][2:K]
    )
    assert [row["id"] for row in rows.values("id")[:K].iterator()] == truth[:K]
    assert [rows[3].pk, rows.first().pk] == [truth[3], truth[0]]


def test_objects_are_those_of_the_whole_list(place: Any) -> None:
    rows = place.objects.exclude(vector=None).annotate(d=DISTANCE).order_by("d")
    for found, row in zip(rows[:K], list(rows.all())[:K], strict=True):
        assert (found.pk, found.name, found.d) == (row.pk, row.name, row.d)
        assert np.array_equal(found.vector, row.vector)


def test_rows_that_have_no_distance_are_not_lost(place: Any) -> None:
    """SQLite has NULL before all numbers."""
    held = place.objects.exclude(vector=None).order_by(DISTANCE)
    assert is_by_codes(held[:2])
    zero = place.objects.create(name="zero", vector=np.zeros_like(NEAR))
    none = place.objects.create(name="none")
    assert is_by_codes(held[:2]), "a row that has just changed is in every list"
    assert held[0].pk == zero.pk
    rows = place.objects.order_by(DISTANCE)
    assert not is_by_codes(rows[:2])
    assert {row.pk for row in rows[:2]} == {zero.pk, none.pk}
    fill(place, 300)
    assert not is_by_codes(held[:2])
    assert held[0].pk == zero.pk


def test_everything_else_is_what_django_makes_of_it(place: Any) -> None:
    rows = place.objects.exclude(vector=None).annotate(d=DISTANCE)
    same = Exists(place.objects.filter(pk=OuterRef("pk")).order_by(DISTANCE)[:1])
    for other in (
        rows.order_by("d"),
        rows.order_by("-d")[:K],
        rows.order_by("d").reverse()[:K],
        rows.order_by("name", "d")[:K],
        rows.order_by("name")[:K],
        rows.order_by(F("d") + 1)[:K],
        rows.order_by("?")[:K],
        rows.order_by(CosineDistance("vector", F("vector")))[:K],
        rows.order_by(L1Distance("vector", NEAR))[:K],
        rows.order_by(L2Distance("vector", NEAR))[:K],
        rows.distinct().order_by("d")[:K],
        rows.filter(Q(vector__isnull=False) | Q(number=1)).order_by("pk")[:K],
        place.objects.exclude(Q(vector=None) & Q(number=3)).order_by(DISTANCE)[:K],
    ):
        assert not is_by_codes(other)
        list(other)
    assert rows.filter(same).count() == 600
    assert rows.order_by("d")[:K].count() == K
    assert rows.order_by("d")[:K].exists()


def test_rows_without_a_related_row_are_not_lost(place: Any) -> None:
    """A key of the table with the vectors does not tell of them."""
    model = place
    with isolate_apps("hybrid_store.test"):

        class Visit(models.Model):
            place = models.ForeignKey(model, models.CASCADE, null=True)
            number = models.IntegerField(db_index=True)
            objects = HybridManager()

            class Meta:
                app_label = "hybrid_store_test"

    with connection.schema_editor() as editor:
        editor.create_model(Visit)
    try:
        keys = [None, *place.objects.values_list("pk", flat=True)]
        Visit.objects.bulk_create(Visit(place_id=key, number=n // 3) for n, key in enumerate(keys))
        order = CosineDistance("place__vector", NEAR).asc(nulls_last=True)
        for rows in (Visit.objects.all(), Visit.objects.filter(number=0)):
            ranked = rows.order_by(order, "pk").values_list("place_id", flat=True)
            assert list(ranked[:K]) == list(ranked)[:K]
            joined = ranked.filter(place__vector__isnull=False)
            assert is_by_codes(joined[:K])
            assert list(joined[:K]) == list(joined)[:K]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Visit)


def test_a_queryset_of_ones_own_does_it_too() -> None:
    class OwnQuerySet(HybridQuerySetMixin, models.QuerySet[Any]):
        pass

    with isolate_apps("hybrid_store.test"):

        class Own(models.Model):
            vector = VectorField(dimensions=3)
            objects = OwnQuerySet.as_manager()
            searched = HybridManager()

            class Meta:
                app_label = "hybrid_store_test"

        for manager in (Own.objects, Own.searched):
            rows: Any = manager.order_by(L2Distance("vector", [1, 2, 3]))
            assert isinstance(rows[:3].query.as_search(), SearchQuery)
            assert rows.query.as_search() is None


numbers = st.lists(st.integers(-2, 2).map(float), min_size=3, max_size=3)
conditions = st.sampled_from(
    [Q(), Q(vector__isnull=False), ~Q(vector=None), Q(group=1), Q(group=1) | Q(vector=None)]
)


@given(
    given=st.lists(st.tuples(st.none() | numbers, st.integers(0, 1)), max_size=12),
    near=numbers.filter(any),
    condition=conditions,
    nulls_last=st.sampled_from([None, True]),
    start=st.integers(0, 3),
)
def test_a_slice_is_a_slice_of_the_whole(
    given: Any, near: Any, condition: Q, nulls_last: bool | None, start: int
) -> None:
    Point.objects.all().delete()
    Point.objects.bulk_create(Point(vector=vector, group=group) for vector, group in given)
    order = CosineDistance("vector", near).asc(nulls_last=nulls_last)
    rows = Point.objects.filter(condition).order_by(order, "pk").values_list("pk", flat=True)
    assert list(rows[start : start + 4]) == list(rows)[start : start + 4]
    assert connection.vendor == "sqlite"
