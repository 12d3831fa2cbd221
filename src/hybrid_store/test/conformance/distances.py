"""Distances as expressions: values, places, right-hand sides."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Avg, Count, Exists, F, Max, Min, OuterRef, Q, Subquery, Value
from django.db.models.functions import Round
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import VectorValueError
from hybrid_store.models import CosineDistance, L1Distance, L2Distance, MaxInnerProduct
from hybrid_store.models.functions import METRICS, metrics_of
from hybrid_store.test.conformance.base import ConformanceBase, reference_distance
from hybrid_store.test.models import Book, Point
from hybrid_store.vectors import SINGLE, Vector

__all__ = ["DistanceConformance"]

DISTANCES = {name: METRICS[name] for name in metrics_of(SINGLE)}

components = st.floats(-100, 100, width=16).filter(lambda x: x == 0 or abs(x) > 1e-3)
vectors = st.lists(components, min_size=3, max_size=3).filter(any)


class DistanceConformance(ConformanceBase):
    @given(left=vectors, right=vectors)
    def test_values_are_those_of_double_precision_within_1e6(
        self, left: list[float], right: list[float]
    ) -> None:
        pk = Point.objects.create(vector=left, half=left).pk
        for name, distance in DISTANCES.items():
            expected = reference_distance(name, left, right)
            for field in ("vector", "half"):
                found = self._distance(pk, distance(field, right))
                size = max(1.0, *(abs(a * b) for a, b in zip(left, right, strict=True)))
                assert abs(found - expected) <= 1e-6 * max(size, abs(expected)), (name, field)

    def _distance(self, pk: Any, expression: Any) -> Any:
        return Point.objects.annotate(d=expression).values_list("d", flat=True).get(pk=pk)

    def test_many_dimensions_are_as_exact(self) -> None:
        rng = np.random.default_rng(11)
        left, right = rng.normal(size=(2, 384)).astype(np.float32)
        Book.objects.create(title="b", embedding=left)
        for name, distance in DISTANCES.items():
            found = Book.objects.values_list(distance("embedding", right), flat=True).get()
            assert math.isclose(found, reference_distance(name, left, right), rel_tol=2e-6), name

    def test_known_values(self) -> None:
        Point.objects.create(vector=[1, 0, 0])
        row = Point.objects.values_list(
            CosineDistance("vector", [0, 2, 0]),
            L2Distance("vector", [4, 4, 0]),
            L1Distance("vector", [4, 4, 0]),
            MaxInnerProduct("vector", [3, 9, 9]),
        ).get()
        assert row == (1.0, 5.0, 7.0, -3.0)

    def test_a_vector_is_at_no_distance_from_itself(self) -> None:
        value = np.random.default_rng(2).normal(size=384).astype(np.float32)
        Book.objects.create(title="b", embedding=value)
        row = Book.objects.values_list(
            CosineDistance("embedding", value), L2Distance("embedding", value)
        ).get()
        assert 0 <= row[0] < 1e-6
        assert row[1] == 0

    def test_the_right_side_may_be_any_form_of_vector(self) -> None:
        point = Point.objects.create(vector=[1, 0, 0], other=[0, 1, 0], half=[0, 1, 0])
        for right in (
            [0, 1, 0],
            (0, 1, 0),
            np.array([0, 1, 0]),
            Vector([0, 1, 0]),
            "[0, 1, 0]",
            np.array([0, 1, 0], dtype="<f4").tobytes(),
            Value([0, 1, 0]),
            F("other"),
            F("half"),
            Subquery(Point.objects.values("other")[:1]),
        ):
            with self.subTest(right=right):
                found = self._distance(point.pk, L2Distance("vector", right))
                assert math.isclose(found, math.sqrt(2), rel_tol=1e-6)

    def test_an_outer_row_may_be_the_right_side(self) -> None:
        for x in range(4):
            Point.objects.create(name=str(x), vector=[x, x * x, 1])
        near = Point.objects.exclude(pk=OuterRef("pk")).alias(
            d=L2Distance("vector", OuterRef("vector"))
        )
        lonely = Point.objects.exclude(Exists(near.filter(d__lt=4))).values_list("name", flat=True)
        assert list(lonely) == ["3"]
        closest = near.values(one=Value(1)).annotate(least=Min("d")).values("least")
        found = Point.objects.annotate(least=Subquery(closest)).order_by("pk")
        expected = [math.sqrt(2), math.sqrt(2), math.sqrt(10), math.sqrt(26)]
        np.testing.assert_allclose([point.least for point in found], expected, rtol=1e-6)

    def test_distances_stand_wherever_expressions_do(self) -> None:
        for x in range(6):
            Point.objects.create(name=str(x), group=x % 2, vector=[x, 0, 0])
        distance = L2Distance("vector", [0, 0, 0])
        points = Point.objects
        assert points.annotate(d=distance).filter(d__lt=2).count() == 2
        assert points.alias(d=distance).filter(Q(d=3) | Q(d__gte=5)).count() == 2
        assert points.alias(d=distance).exclude(d__gt=0).get().name == "0"
        assert [p.name for p in points.order_by(distance.desc())[:2]] == ["5", "4"]
        assert points.order_by(distance)[1:2].get().name == "1"
        assert points.aggregate(m=Max(distance), n=Min(distance), a=Avg(distance)) == {
            "m": 5.0,
            "n": 0.0,
            "a": 2.5,
        }
        grouped = points.values("group").annotate(a=Avg(distance), n=Count("pk")).order_by("group")
        assert list(grouped) == [
            {"group": 0, "a": 2.0, "n": 3},
            {"group": 1, "a": 3.0, "n": 3},
        ]
        assert points.filter(pk__in=points.order_by(distance)[:2]).count() == 2
        assert points.annotate(d=Round(distance * 2 + 1)).order_by("-d").first().d == 11
        assert points.annotate(d=distance).values("d").distinct().count() == 6
        assert points.update(group=Round(distance)) == 6

    def test_null_on_either_side_gives_null(self) -> None:
        pk = Point.objects.create(vector=[1, 2, 3]).pk
        empty = Point.objects.create().pk
        for distance in DISTANCES.values():
            assert self._distance(pk, distance("vector", F("other"))) is None
            assert self._distance(empty, distance("vector", [1, 2, 3])) is None
            assert self._distance(pk, distance("vector", Value(None))) is None

    def test_an_all_zero_vector_has_no_cosine_distance(self) -> None:
        pk = Point.objects.create(vector=[0, 0, 0]).pk
        found = self._distance(pk, CosineDistance("vector", [1, 2, 3]))
        assert found is None or math.isnan(found)

    def test_a_bad_right_side_is_refused_naming_the_field(self) -> None:
        for value, fault in [
            ([1, 2], "expected 3 dimensions, got 2"),
            ("words", "expected numbers in brackets"),
        ]:
            sentence = f"hybrid_store_test.Point.vector: {fault}"
            with self.subTest(value=value), self.assertRaisesMessage(VectorValueError, sentence):
                Point.objects.annotate(d=L2Distance("vector", value))
        with self.assertRaisesMessage(VectorValueError, "not finite"):
            L2Distance("vector", [1, float("nan"), 3])

    def test_compiling_changes_no_expression(self) -> None:
        for distance in DISTANCES.values():
            expression = distance("vector", [1, 2, 3])
            queryset = Point.objects.annotate(d=expression).order_by("d")
            before = copy.deepcopy(expression), str(queryset.query)
            list(queryset)
            list(queryset.using(connection.alias))
            assert (expression, str(queryset.query)) == before
            assert repr(expression) == repr(before[0])
