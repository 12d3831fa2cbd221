"""Columns of sparse vectors: what is stored and read, distances, searches."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
from django.core.exceptions import FieldError, ValidationError
from django.core.serializers import deserialize, serialize
from django.db import transaction
from django.db.models import F, Min, OuterRef, Subquery
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import InvalidTargetError, SearchError, VectorValueError
from hybrid_store.models import CosineDistance, HammingDistance, L1Distance, L2Distance
from hybrid_store.models.functions import METRICS, metrics_of
from hybrid_store.test.conformance.base import ConformanceBase, reference_distance
from hybrid_store.test.models import Weighting
from hybrid_store.vectors import SPARSE, SparseVector, Vector

__all__ = ["SparseConformance"]

places = st.integers(0, 49)
singles = st.dictionaries(places, st.floats(width=32, allow_nan=False, allow_infinity=False))
components = st.floats(-100, 100, width=16).filter(lambda x: x == 0 or abs(x) > 1e-3)
weights = st.dictionaries(places, components, max_size=8)

BAD_VECTORS: list[tuple[Any, str]] = [
    ({50: 1.0}, "place 50 is not among 50 dimensions"),
    ({-1: 1.0}, "place -1 is not among 50 dimensions"),
    ({0: float("nan")}, "position 0 is nan"),
    ({0: 1e300}, "too large for float32"),
    ({"a": 1.0}, "expected integers as places"),
    ({1.5: 1.0}, "expected integers as places"),
    ({0: None}, "None"),
    ({0: [1.0]}, "shape (1, 1)"),
    ([1.0, 2.0], "expected 50 dimensions, got 2"),
    (SparseVector({0: 1}, 51), "expected 50 dimensions, got 51"),
    ("{1:2}/51", "expected 50 dimensions, got 51"),
    ("{0:2}/50", "place -1 is not among 50 dimensions"),
    ("{1:2,1:3}/50", "place 0 is given twice"),
    ("{1:inf}/50", "position 0 is inf"),
    ("words", 'as in "{1:0.5,3:2}/5"'),
    ("{1:2:3}/50", 'as in "{1:0.5,3:2}/5"'),
    (b"12345", "5 bytes are no sparse vector"),
    (7, "shape ()"),
]


def sparse(values: dict[int, float]) -> SparseVector:
    return SparseVector(values, 50)


class SparseConformance(ConformanceBase):
    @given(values=singles)
    def test_vectors_come_back_bit_for_bit(self, values: dict[int, float]) -> None:
        pk = Weighting.objects.create(terms=values).pk
        stored = Weighting.objects.get(pk=pk).terms
        assert isinstance(stored, SparseVector)
        assert stored.to_dict() == {k: v for k, v in sorted(values.items()) if v}
        assert Weighting.objects.get(pk=pk, terms=values).terms == stored

    def test_every_usual_type_is_taken(self) -> None:
        dense = np.zeros(50)
        dense[[3, 49]] = 0.5, -2
        for value in (
            {49: -2, 3: 0.5, 7: 0},
            sparse({3: 0.5, 49: -2}),
            dense,
            dense.tolist(),
            dense.astype(np.float16),
            Vector(dense),
            "{4:0.5,50:-2}/50",
            " { 50 : -2 , 4 : 5e-1 } / 50 ",
            SPARSE.encode(sparse({3: 0.5, 49: -2})),
        ):
            with self.subTest(type=type(value)):
                row = Weighting.objects.create(terms=value)
                assert row.terms == sparse({3: 0.5, 49: -2})
                assert Weighting.objects.get(pk=row.pk).terms.to_text() == "{4:0.5,50:-2.0}/50"

    def test_as_many_dimensions_and_values_as_there_may_be(self) -> None:
        huge = SparseVector({10**9 - 1: 1.5, 0: 2}, 10**9)
        assert Weighting.objects.create(huge=huge).pk
        assert Weighting.objects.get(huge=huge).huge == huge
        most = SparseVector(dict.fromkeys(range(16_000), 1.0), 10**9)
        row = Weighting.objects.create(huge=most)
        row.refresh_from_db()
        assert row.huge == most
        with self.assertRaisesMessage(VectorValueError, "holds 16000 at most"):
            Weighting(huge=dict.fromkeys(range(16_001), 1.0)).save()

    def test_a_bad_value_is_refused_naming_the_field(self) -> None:
        for value, fault in BAD_VECTORS:
            with self.subTest(value=value):
                with self.assertRaises(VectorValueError) as caught, transaction.atomic():
                    Weighting(terms=value).save()
                assert "hybrid_store_test.Weighting.terms: " in str(caught.exception)
                assert fault in str(caught.exception)
                with self.assertRaises(ValidationError) as invalid:
                    Weighting(name="w", terms=value).full_clean()
                assert fault in str(invalid.exception.message_dict["terms"])
        assert not Weighting.objects.exists()

    def test_every_way_of_writing_and_reading(self) -> None:
        rows = Weighting.objects.bulk_create([Weighting(terms={n: 1}) for n in range(4)])
        expected = sparse({9: 0.1})
        Weighting.objects.filter(pk=rows[0].pk).update(terms=expected)
        Weighting.objects.filter(pk=rows[1].pk).update(other=F("terms"), terms=None)
        rows[2].terms, rows[2].other = sparse({}), sparse({1: 2})
        Weighting.objects.bulk_update(rows[2:], ["terms", "other"])
        assert list(Weighting.objects.order_by("pk").values_list("terms", "other")) == [
            (expected, None),
            (None, sparse({1: 1})),
            (sparse({}), sparse({1: 2})),
            (sparse({3: 1}), None),
        ]
        copied = Weighting.objects.filter(pk=OuterRef("pk")).values("terms")[:1]
        found = Weighting.objects.filter(pk=rows[0].pk)
        assert found.defer("terms").get().terms == expected
        assert found.annotate(copy=Subquery(copied)).get().copy == expected
        assert next(iter(found.iterator())).terms == expected
        assert list(found.values_list("terms", flat=True).distinct()) == [expected]
        table = Weighting._meta.db_table
        [raw, *_] = Weighting.objects.raw(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
        assert raw.terms == expected
        created, is_new = Weighting.objects.get_or_create(terms={9: 0.1})
        assert (created.pk, is_new) == (rows[0].pk, False)

    def test_equality_and_null_are_the_only_lookups(self) -> None:
        Weighting.objects.create(name="a", terms={1: 2})
        Weighting.objects.create(name="b", terms={})
        Weighting.objects.create(name="c")
        assert Weighting.objects.get(terms={1: 2}).name == "a"
        assert Weighting.objects.get(terms__in=[{}, {5: 5}]).name == "b"
        assert Weighting.objects.get(terms__isnull=True).name == "c"
        with self.assertRaises(FieldError):
            Weighting.objects.filter(terms__gt={1: 2})

    def test_fixtures_keep_every_bit_and_cost_no_query_a_row(self) -> None:
        rng = np.random.default_rng(6)
        for values in rng.normal(size=(4, 3)).astype(np.float32).tolist():
            Weighting.objects.create(terms=dict(enumerate(values, 40)))
        Weighting.objects.create(terms={})
        Weighting.objects.create()
        before = list(Weighting.objects.order_by("pk").values())
        for kind in ("json", "xml"):
            with self.subTest(format=kind):
                with self.assertNumQueries(1):
                    fixture = serialize(kind, Weighting.objects.order_by("pk"))
                Weighting.objects.all().delete()
                for row in deserialize(kind, fixture):
                    row.save()
                assert list(Weighting.objects.order_by("pk").values()) == before

    # Distances

    @given(left=weights, right=weights)
    def test_distances_are_those_of_double_precision_within_1e6(
        self, left: dict[int, float], right: dict[int, float]
    ) -> None:
        a, b = sparse(left).to_numpy(), sparse(right).to_numpy()
        pk = Weighting.objects.create(terms=left, other=right).pk
        for name in metrics_of(SPARSE):
            if name == "cosine" and not (a.any() and b.any()):
                continue
            expected = reference_distance(name, a, b)
            size = max(1.0, float(np.abs(a * b).sum()), abs(expected))
            for right_side in (sparse(right), F("other")):
                distance = METRICS[name]("terms", right_side)
                found = Weighting.objects.values_list(distance, flat=True).get(pk=pk)
                assert abs(found - expected) <= 1e-6 * size, name

    def test_a_vector_is_at_no_distance_from_itself(self) -> None:
        values = np.random.default_rng(2).normal(size=50).astype(np.float32)
        Weighting.objects.create(terms=values)
        row = Weighting.objects.values_list(
            CosineDistance("terms", values),
            L2Distance("terms", values),
            L1Distance("terms", values),
        ).get()
        assert 0 <= row[0] < 1e-6
        assert row[1:] == (0, 0)

    def test_the_right_side_may_be_any_form_of_vector(self) -> None:
        Weighting.objects.create(terms={1: 3}, other={2: 4})
        dense = np.zeros(50)
        dense[2] = 4
        for right in ({2: 4}, sparse({2: 4}), dense, dense.tolist(), "{3:4}/50", F("other")):
            with self.subTest(right=right):
                found = Weighting.objects.values_list(L2Distance("terms", right), flat=True).get()
                assert found == 5

    def test_distances_stand_wherever_expressions_do(self) -> None:
        Weighting.objects.bulk_create([Weighting(terms={0: n}) for n in range(5)])
        Weighting.objects.create()
        distance = L1Distance("terms", {1: 1})
        assert Weighting.objects.alias(d=distance).filter(d__lt=3).count() == 2
        assert Weighting.objects.aggregate(least=Min(distance)) == {"least": 1.0}
        null = Weighting.objects.values_list(L1Distance("terms", F("other")), flat=True)
        assert set(null) == {None}

    def test_what_does_not_fit_is_refused_in_a_sentence(self) -> None:
        for expression, fault in [
            (L2Distance("terms", {50: 1}), "Weighting.terms: the place 50"),
            (L2Distance("terms", [1, 2]), "Weighting.terms: expected 50 dimensions, got 2"),
            (L2Distance("terms", F("huge")), "1000000000 dimensions cannot be compared with 50"),
            (HammingDistance("terms", "01"), "is no distance between sparse vectors"),
        ]:
            with self.subTest(fault=fault), self.assertRaisesMessage(VectorValueError, fault):
                Weighting.objects.annotate(d=expression)

    # Searches

    @given(rows=st.lists(weights, max_size=8), near=weights, limit=st.integers(1, 5))
    def test_the_rows_are_those_of_brute_force(
        self, rows: list[dict[int, float]], near: dict[int, float], limit: int
    ) -> None:
        Weighting.objects.all().delete()
        stored = Weighting.objects.bulk_create([Weighting(terms=row) for row in rows])
        Weighting.objects.create(name="null")
        target = sparse(near)
        for metric in metrics_of(SPARSE):
            is_cosine = metric == "cosine"
            if is_cosine and target.is_zero():
                continue
            exact = [
                reference_distance(metric, row.terms, target)
                for row in stored
                if not (is_cosine and row.terms.is_zero())
            ]
            found = Weighting.objects.nearest(near, field="terms", metric=metric)[:limit]
            expected = sorted(exact)[:limit]
            np.testing.assert_allclose(
                [row.distance for row in found], expected, rtol=1e-5, atol=2e-6
            )

    def test_rows_without_a_direction_are_never_hits(self) -> None:
        Weighting.objects.create(name="null")
        Weighting.objects.create(name="zero", terms={})
        hit = Weighting.objects.create(name="hit", terms={1: -1})
        assert list(Weighting.objects.nearest({1: 1}, field="terms")) == [hit]
        assert Weighting.objects.nearest({1: 1}, field="terms", metric="l2").count() == 2
        with self.assertRaisesMessage(InvalidTargetError, "all-zero vector has no direction"):
            Weighting.objects.nearest({}, field="terms")

    def test_rows_carry_similarity(self) -> None:
        Weighting.objects.create(terms={0: 3, 1: 4})
        for metric, (distance, similarity) in {
            "cosine": (0.4, 0.6),
            "l2": (math.sqrt(20), 1 / (1 + math.sqrt(20))),
            "l1": (6, 1 / 7),
            "inner_product": (-3, 3),
        }.items():
            [row] = Weighting.objects.nearest({0: 1}, field="terms", metric=metric)
            assert math.isclose(row.distance, distance, rel_tol=1e-6), metric
            assert math.isclose(row.similarity, similarity, rel_tol=1e-6), metric

    def test_a_row_or_a_text_may_be_the_target(self) -> None:
        first = Weighting.objects.create(name="first", terms={1: 1})
        Weighting.objects.create(name="second", terms={1: 1, 2: 1})
        for near in (first, Weighting.objects.defer("terms").get(name="first")):
            assert [row.name for row in Weighting.objects.nearest(near, field="terms")] == [
                "second"
            ]
        for near in ("{2:1}/50", {1: 1}, sparse({1: 1})):
            ranked = Weighting.objects.nearest(near, field="terms", max_distance=1)
            copied = Weighting.objects.all()
            copied.query = pickle.loads(pickle.dumps(ranked.query))  # noqa: S301
            assert [row.name for row in copied] == ["first", "second"]

    def test_recommending_goes_by_the_mean(self) -> None:
        liked = [Weighting.objects.create(terms={place: 1}) for place in (1, 2)]
        unliked = Weighting.objects.create(terms={3: 1})
        both = Weighting.objects.create(name="both", terms={1: 1, 2: 1})
        mixed = Weighting.objects.create(name="mixed", terms={1: 1, 2: 1, 3: 1})
        assert Weighting.objects.recommend(liked, field="terms")[0] == both
        ranked = Weighting.objects.recommend(liked, [unliked], field="terms")
        assert list(ranked) == [both, mixed]
        self.assertAlmostEqual(ranked[0].distance, 1 - 2 / math.sqrt(6), places=6)
        with self.assertRaisesMessage(InvalidTargetError, "cancel out"):
            list(Weighting.objects.recommend([{1: 1}], [{1: 2}], field="terms"))
        with self.assertRaisesMessage(InvalidTargetError, "takes a list"):
            Weighting.objects.recommend({1: 1}, field="terms")

    def test_a_search_that_makes_no_sense_is_refused(self) -> None:
        with self.assertRaisesMessage(SearchError, "'hamming' is none of sparse vectors"):
            Weighting.objects.nearest({1: 1}, field="terms", metric="hamming")
        with self.assertRaisesMessage(InvalidTargetError, "no embedder"):
            Weighting.objects.nearest("words", field="terms")
        with self.assertRaisesMessage(InvalidTargetError, "cannot search near {50: 1}: the place"):
            Weighting.objects.nearest({50: 1}, field="terms")
