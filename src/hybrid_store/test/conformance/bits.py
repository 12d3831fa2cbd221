"""Columns of bits: what is stored and read, distances, searches."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
from django.core.exceptions import FieldError, ValidationError
from django.core.serializers import deserialize, serialize
from django.db import transaction
from django.db.models import F, Max, OuterRef, Subquery
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import InvalidTargetError, SearchError, VectorValueError
from hybrid_store.models import CosineDistance, HammingDistance, JaccardDistance
from hybrid_store.test.conformance.base import ConformanceBase, reference_distance
from hybrid_store.test.models import Code, Point
from hybrid_store.vectors import BitVector

__all__ = ["BitConformance"]

bits = st.lists(st.booleans(), min_size=12, max_size=12)
PATTERN = "101000000011"

BAD_BITS: list[tuple[Any, str]] = [
    ("101", "expected 12 bits, got 3"),
    ("1" * 13, "expected 12 bits, got 13"),
    ("10100000002x", "zeros and ones, found '2'"),
    ("", "at least one bit"),
    ([0, 1] * 5 + [0, 2], "position 11 is 2, neither 0 nor 1"),
    ([0.5] * 12, "expected zeros and ones, got float64"),
    ([None] * 12, "expected zeros and ones"),
    ([[True] * 12], "shape (1, 12)"),
    (b"\xff", "expected 2 bytes that hold 12 bits, got 1"),
    (b"\xff\xff", "last 4 bits of the last byte must be zero"),
    (7, "shape ()"),
]


class BitConformance(ConformanceBase):
    @given(values=bits)
    def test_bits_come_back_bit_for_bit(self, values: list[bool]) -> None:
        pk = Code.objects.create(bits=values, whole=[*values, *values[:4]]).pk
        stored = Code.objects.get(pk=pk)
        assert isinstance(stored.bits, BitVector)
        assert stored.bits == values
        assert stored.whole == [*values, *values[:4]]
        assert Code.objects.get(pk=pk, bits=values) == stored

    def test_every_usual_type_is_taken(self) -> None:
        values = [digit == "1" for digit in PATTERN]
        for value in (
            values,
            tuple(map(int, values)),
            np.array(values),
            np.array(values, dtype=np.int8),
            PATTERN,
            b"\xa0\x30",
            bytearray(b"\xa0\x30"),
            BitVector(PATTERN),
            (bit for bit in values),
        ):
            with self.subTest(type=type(value)):
                code = Code.objects.create(bits=value)
                assert code.bits == values
                assert Code.objects.get(pk=code.pk).bits.to_text() == PATTERN

    def test_a_bad_value_is_refused_naming_the_field(self) -> None:
        for value, fault in BAD_BITS:
            with self.subTest(value=value):
                with self.assertRaises(VectorValueError) as caught, transaction.atomic():
                    Code(bits=value).save()
                assert "hybrid_store_test.Code.bits: " in str(caught.exception)
                assert fault in str(caught.exception)
                if value:
                    with self.assertRaises(ValidationError) as invalid:
                        Code(name="c", bits=value).full_clean()
                    assert fault in str(invalid.exception.message_dict["bits"])
        assert not Code.objects.exists()

    def test_every_way_of_writing_and_reading(self) -> None:
        codes = Code.objects.bulk_create([Code(bits=f"{n:012b}") for n in range(4)])
        Code.objects.filter(pk=codes[0].pk).update(bits=PATTERN)
        Code.objects.filter(pk=codes[1].pk).update(other=F("bits"), bits=None)
        codes[2].bits, codes[2].other = BitVector("1" * 12), BitVector("0" * 12)
        Code.objects.bulk_update(codes[2:], ["bits", "other"])
        rows = Code.objects.order_by("pk").values_list("bits", "other")
        assert list(rows) == [
            (BitVector(PATTERN), None),
            (None, BitVector("000000000001")),
            (BitVector("1" * 12), BitVector("0" * 12)),
            (BitVector("000000000011"), None),
        ]
        expected, pk = BitVector(PATTERN), codes[0].pk
        copied = Code.objects.filter(pk=OuterRef("pk")).values("bits")[:1]
        found = Code.objects.filter(pk=pk)
        assert found.defer("bits").get().bits == expected
        assert found.annotate(copy=Subquery(copied)).get().copy == expected
        assert next(iter(found.iterator())).bits == expected
        assert list(found.values_list("bits", flat=True).distinct()) == [expected]
        table = Code._meta.db_table
        [raw, *_] = Code.objects.raw(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
        assert raw.bits == expected
        created, is_new = Code.objects.get_or_create(bits=PATTERN)
        assert (created.pk, is_new) == (pk, False)

    def test_equality_and_null_are_the_only_lookups(self) -> None:
        Code.objects.create(name="a", bits=PATTERN)
        Code.objects.create(name="b", bits="0" * 12)
        Code.objects.create(name="c")
        assert Code.objects.get(bits=PATTERN).name == "a"
        assert Code.objects.get(bits__in=["0" * 12, "1" * 12]).name == "b"
        assert Code.objects.get(bits__isnull=True).name == "c"
        with self.assertRaises(FieldError):
            Code.objects.filter(bits__gt=PATTERN)

    def test_fixtures_keep_every_bit_and_cost_no_query_a_row(self) -> None:
        Code.objects.bulk_create([Code(bits=f"{n:012b}", whole=f"{n:016b}") for n in range(4)])
        Code.objects.create()
        before = list(Code.objects.order_by("pk").values())
        for kind in ("json", "xml"):
            with self.subTest(format=kind):
                with self.assertNumQueries(1):
                    fixture = serialize(kind, Code.objects.order_by("pk"))
                Code.objects.all().delete()
                for row in deserialize(kind, fixture):
                    row.save()
                assert list(Code.objects.order_by("pk").values()) == before

    # Distances

    @given(left=bits, right=bits)
    def test_distances_are_those_of_numpy(self, left: list[bool], right: list[bool]) -> None:
        pk = Code.objects.create(bits=left, other=right).pk
        row = Code.objects.values_list(
            HammingDistance("bits", right),
            JaccardDistance("bits", np.array(right)),
            HammingDistance("bits", F("other")),
        ).get(pk=pk)
        hamming = reference_distance("hamming", left, right)
        assert row == (hamming, row[1], hamming)
        self.assertAlmostEqual(row[1], reference_distance("jaccard", left, right), places=6)

    def test_sets_without_a_bit_have_nothing_in_common(self) -> None:
        Code.objects.create(bits="0" * 12)
        distance = JaccardDistance("bits", "0" * 12)
        assert Code.objects.values_list(distance, flat=True).get() == 1

    def test_distances_stand_wherever_expressions_do(self) -> None:
        Code.objects.bulk_create([Code(bits="1" * n + "0" * (12 - n)) for n in range(12)])
        Code.objects.create()
        distance = HammingDistance("bits", "0" * 12)
        assert Code.objects.alias(d=distance).filter(d__lt=3).count() == 3
        assert Code.objects.aggregate(most=Max(distance)) == {"most": 11.0}
        assert Code.objects.order_by(distance.asc(nulls_last=True)).first().bits.is_zero()
        null = Code.objects.values_list(HammingDistance("bits", F("other")), flat=True)
        assert set(null) == {None}

    def test_what_does_not_fit_is_refused_in_a_sentence(self) -> None:
        for expression, fault in [
            (CosineDistance("bits", [1, 0]), "use one of HammingDistance, JaccardDistance"),
            (CosineDistance("bits", F("other")), "CosineDistance is no distance between bit"),
            (HammingDistance("bits", F("whole")), "16 bits cannot be compared with 12"),
            (HammingDistance("bits", "101"), "Code.bits: expected 12 bits, got 3"),
            (HammingDistance("bits", "words"), "Code.bits: expected text of zeros and ones"),
        ]:
            with self.subTest(fault=fault), self.assertRaisesMessage(VectorValueError, fault):
                Code.objects.annotate(d=expression)
        with self.assertRaisesMessage(VectorValueError, "is no distance between single-precision"):
            Point.objects.annotate(d=HammingDistance("vector", [1, 0, 1]))
        with self.assertRaisesMessage(VectorValueError, "neither 0 nor 1"):
            HammingDistance("bits", [1, 2])

    # Searches

    @given(rows=st.lists(bits, max_size=8), near=bits, limit=st.integers(1, 5))
    def test_the_rows_are_those_of_brute_force(
        self, rows: list[list[bool]], near: list[bool], limit: int
    ) -> None:
        Code.objects.all().delete()
        stored = Code.objects.bulk_create([Code(bits=row) for row in rows])
        Code.objects.create(name="null")
        for metric in ("hamming", "jaccard"):
            expected = sorted(
                (round(reference_distance(metric, code.bits, near), 6), code.pk) for code in stored
            )
            found = Code.objects.nearest(near, field="bits", metric=metric)[:limit]
            assert [(round(row.distance, 6), row.pk) for row in found] == expected[:limit]

    def test_the_default_metric_is_that_of_the_index_or_hamming(self) -> None:
        Code.objects.create(bits=PATTERN, other=PATTERN, whole="1" * 16)
        near = "111000000011"
        assert Code.objects.nearest(near, field="bits").get().distance == 1
        assert Code.objects.nearest(near, field="other").get().distance == 1
        assert Code.objects.nearest("1" * 8 + "0" * 8, field="whole").get().distance == 0.5

    def test_rows_carry_similarity(self) -> None:
        Code.objects.create(bits=PATTERN)
        near = "111000000010"
        [row] = Code.objects.nearest(near, field="bits")
        self.assertAlmostEqual(row.similarity, 1 - 2 / 12)
        [row] = Code.objects.nearest(near, field="bits", metric="jaccard")
        self.assertAlmostEqual(row.similarity, 3 / 5)
        ranked = Code.objects.nearest(near, field="bits", similarity_as=None, max_distance=1)
        assert not ranked.exists()

    def test_a_row_text_and_bytes_may_be_the_target(self) -> None:
        first = Code.objects.create(name="first", bits=PATTERN)
        Code.objects.create(name="second", bits="1" * 12)
        for near in (first, Code.objects.defer("bits").get(name="first")):
            assert [row.name for row in Code.objects.nearest(near, field="bits")] == ["second"]
        for near in (PATTERN, b"\xa0\x30", BitVector(PATTERN)):
            ranked = Code.objects.nearest(near, field="bits")
            copied = Code.objects.all()
            copied.query = pickle.loads(pickle.dumps(ranked.query))  # noqa: S301
            assert [row.name for row in copied] == ["first", "second"]

    def test_a_search_that_makes_no_sense_is_refused(self) -> None:
        code = Code.objects.create(bits=PATTERN)
        with self.assertRaisesMessage(
            SearchError, "'cosine' is none of bit vectors, use one of 'hamming', 'jaccard'."
        ):
            Code.objects.nearest(PATTERN, field="bits", metric="cosine")
        with self.assertRaisesMessage(SearchError, "unknown metric 'angular'"):
            Code.objects.nearest(PATTERN, field="bits", metric="angular")
        with self.assertRaisesMessage(SearchError, "bit vectors have no mean"):
            Code.objects.recommend([code], field="bits")
        with self.assertRaisesMessage(InvalidTargetError, "no embedder"):
            Code.objects.nearest("words", field="bits")
        with self.assertRaisesMessage(InvalidTargetError, "expected 12 bits, got 2"):
            Code.objects.nearest([1, 0], field="bits")
        with self.assertRaisesMessage(SearchError, "'hamming' is none of single-precision"):
            Point.objects.nearest([1, 0, 0], field="vector", metric="hamming")
