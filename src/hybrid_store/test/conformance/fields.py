"""Vector columns: what is stored, what is read back, what is refused."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import numpy as np
from django.core.exceptions import FieldError, ValidationError
from django.core.management import call_command
from django.core.serializers import deserialize, serialize
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import VectorValueError
from hybrid_store.test.conformance.base import ConformanceBase
from hybrid_store.test.models import Book, Point
from hybrid_store.vectors import Vector

__all__ = ["FieldConformance"]

singles = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3
)
halves = st.lists(
    st.floats(width=16, allow_nan=False, allow_infinity=False), min_size=3, max_size=3
)

BAD_VECTORS: list[tuple[Any, str]] = [
    ([1, 2], "expected 3 dimensions, got 2"),
    ([1, 2, 3, 4], "expected 3 dimensions, got 4"),
    ([], "at least one number"),
    ([1, float("nan"), 3], "position 1 is nan"),
    ([float("inf"), 2, 3], "position 0 is inf"),
    ([1e300, 2, 3], "too large for float32"),
    ([1, None, 3], "None"),
    ([[1, 2, 3]], "shape (1, 3)"),
    ("three", "numbers in brackets"),
    (b"\x00" * 11, "expected 12 bytes"),
    (np.zeros(3, dtype=np.float64).tobytes(), "float64"),
    (7, "shape ()"),
    (["a", "b", "c"], "numbers"),
    ([True, False, True], "numbers"),
]


class FieldConformance(ConformanceBase):
    @given(values=singles)
    def test_single_precision_comes_back_bit_for_bit(self, values: list[float]) -> None:
        pk = Point.objects.create(vector=values).pk
        stored = Point.objects.get(pk=pk).vector
        assert isinstance(stored, Vector)
        np.testing.assert_array_equal(np.asarray(stored), np.array(values, dtype=np.float32))

    @given(values=halves)
    def test_half_precision_comes_back_bit_for_bit(self, values: list[float]) -> None:
        pk = Point.objects.create(half=values).pk
        np.testing.assert_array_equal(
            np.asarray(Point.objects.get(pk=pk).half), np.array(values, dtype=np.float16)
        )

    def test_half_precision_is_rounded_when_it_is_assigned(self) -> None:
        point = Point(half=[0.1, 0.2, 0.3])
        point.save()
        rounded = np.array([0.1, 0.2, 0.3], dtype=np.float16).astype(np.float32)
        assert point.half == rounded
        assert Point.objects.get().half == rounded

    def test_every_usual_type_is_taken(self) -> None:
        for value in (
            [1, 2, 3],
            (1.0, 2.0, 3.0),
            np.array([1, 2, 3]),
            np.array([1, 2, 3], dtype=np.float64),
            np.array([1, 2, 3], dtype=np.float16),
            np.array([1, 2, 3], dtype=">f4"),
            np.array([[1, 9], [2, 9], [3, 9]], dtype=np.float32)[:, 0],
            Vector([1, 2, 3]),
            np.array([1, 2, 3], dtype="<f4").tobytes(),
            "[1, 2, 3]",
        ):
            with self.subTest(type=type(value)):
                point = Point.objects.create(vector=value)
                assert point.vector == Vector([1, 2, 3])
                assert Point.objects.get(pk=point.pk).vector == Vector([1, 2, 3])

    def test_a_bad_vector_is_refused_by_save_naming_the_field(self) -> None:
        for value, fault in BAD_VECTORS:
            with self.subTest(value=value):
                with self.assertRaises(VectorValueError) as caught, transaction.atomic():
                    Point(vector=value).save()
                assert "hybrid_store_test.Point.vector" in str(caught.exception)
                assert fault in str(caught.exception)
        assert not Point.objects.exists()

    def test_a_bad_vector_is_refused_by_full_clean_under_its_field(self) -> None:
        for value, fault in BAD_VECTORS:
            with self.subTest(value=value):
                with self.assertRaises(ValidationError) as caught:
                    Point(name="p", vector=value).full_clean()
                assert fault in str(caught.exception.message_dict["vector"])

    def test_half_precision_refuses_what_overflows_it(self) -> None:
        with self.assertRaisesMessage(VectorValueError, "too large for float16"):
            Point(half=[1, 2, 70_000]).save()

    def test_bulk_writes_check_vectors_and_write_all_or_nothing(self) -> None:
        with self.assertRaises(VectorValueError), transaction.atomic():
            Point.objects.bulk_create([Point(vector=[1, 2, 3]), Point(vector=[1, 2])])
        assert not Point.objects.exists()
        Point.objects.bulk_create([Point(vector=[1, 2, 3]), Point(vector=[4, 5, 6]), Point()])
        assert list(Point.objects.order_by("pk").values_list("vector", flat=True)) == [
            Vector([1, 2, 3]),
            Vector([4, 5, 6]),
            None,
        ]

    def test_update_and_bulk_update_write_vectors(self) -> None:
        points = [Point.objects.create(vector=[n, 0, 1]) for n in range(3)]
        Point.objects.filter(pk=points[0].pk).update(vector=[7, 7, 7])
        Point.objects.filter(pk=points[1].pk).update(other=F("vector"), vector=None)
        points[2].vector = [9, 9, 9]
        points[2].half = [0.5, 0.5, 0.5]
        Point.objects.bulk_update(points[2:], ["vector", "half"])
        rows = Point.objects.order_by("pk").values_list("vector", "half", "other")
        assert list(rows) == [
            (Vector([7, 7, 7]), None, None),
            (None, None, Vector([1, 0, 1])),
            (Vector([9, 9, 9]), Vector([0.5, 0.5, 0.5]), None),
        ]
        with self.assertRaisesMessage(VectorValueError, "expected 3 dimensions"):
            Point.objects.update(vector=[1])

    def test_every_way_of_reading_gives_vectors(self) -> None:
        pk = Point.objects.create(name="p", vector=[1, 2, 3]).pk
        expected, table = Vector([1, 2, 3]), Point._meta.db_table
        subquery = Point.objects.filter(pk=OuterRef("pk")).values("vector")[:1]
        assert Point.objects.get().vector == expected
        assert Point.objects.defer("vector").get().vector == expected
        assert Point.objects.values("vector").get() == {"vector": expected}
        assert Point.objects.values_list("vector", flat=True).get() == expected
        assert next(iter(Point.objects.iterator())).vector == expected
        assert Point.objects.annotate(copy=F("vector")).get().copy == expected
        assert Point.objects.annotate(copy=Subquery(subquery)).get().copy == expected
        assert Point.objects.raw(f"SELECT * FROM {table}")[0].vector == expected  # noqa: S608
        assert Point.objects.in_bulk([pk])[pk].vector == expected
        assert Point.objects.values("vector").union(Point.objects.values("vector")).get() == {
            "vector": expected
        }
        assert list(Point.objects.values_list("vector", flat=True).distinct()) == [expected]

    def test_equality_and_null_are_the_only_lookups(self) -> None:
        Point.objects.create(name="a", vector=[1, 2, 3])
        Point.objects.create(name="b", vector=[3, 2, 1])
        Point.objects.create(name="c")
        assert Point.objects.get(vector=[1, 2, 3]).name == "a"
        assert Point.objects.get(vector__in=[[3, 2, 1], [0, 0, 1]]).name == "b"
        assert Point.objects.get(vector__isnull=True).name == "c"
        assert Point.objects.exclude(vector=[1, 2, 3]).count() == 2
        for lookup in ("gt", "contains", "range", "startswith"):
            with self.subTest(lookup=lookup), self.assertRaises(FieldError):
                Point.objects.filter(**{f"vector__{lookup}": [1, 2, 3]})

    def test_an_all_zero_vector_is_a_value_of_a_vector_field_alone(self) -> None:
        assert Point.objects.create(vector=[0, 0, 0]).vector == Vector([0, 0, 0])
        book = Book(title="b", embedding=np.zeros(384))
        with self.assertRaisesMessage(VectorValueError, "all-zero"):
            book.save()
        with self.assertRaises(ValidationError):
            Book._meta.get_field("embedding").clean(np.zeros(384), book)

    def test_fixtures_keep_every_bit_and_cost_no_query_a_row(self) -> None:
        rng = np.random.default_rng(5)
        vectors = rng.normal(size=(4, 3)).astype(np.float32)
        Point.objects.bulk_create([Point(name=str(n), vector=v) for n, v in enumerate(vectors)])
        Point.objects.create(name="none")
        for kind in ("json", "jsonl", "xml"):
            with self.subTest(format=kind):
                with self.assertNumQueries(1):
                    fixture = serialize(kind, Point.objects.order_by("pk"))
                before = list(Point.objects.order_by("pk").values())
                Point.objects.all().delete()
                for row in deserialize(kind, fixture):
                    row.save()
                assert list(Point.objects.order_by("pk").values()) == before

    def test_dumpdata_and_loaddata_keep_embeddings_current(self) -> None:
        book = Book.objects.create(title="t", embedding=np.ones(384))
        Book.objects.update(embedding=np.arange(384), embedding_fingerprint="f" * 49)
        out = StringIO()
        call_command("dumpdata", "hybrid_store_test.Book", stdout=out)
        [row] = json.loads(out.getvalue())
        before = Book.objects.values().get()
        book.delete()
        for item in deserialize("json", json.dumps([row])):
            item.save()
        assert Book.objects.values().get() == before

    def test_a_vector_is_shown_short(self) -> None:
        assert str(Vector(range(384))) == "[0, 1, 2, …] (384 dimensions)"
        assert repr(Vector([0.5])) == "<Vector [0.5] (1 dimensions)>"
