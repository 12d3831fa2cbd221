"""Vectors are read in blocks: the same ones as row by row, of one database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
import pytest
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import BaseVectorOperations
from hybrid_store.backends.blocks import joined
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import UnknownFieldError
from hybrid_store.maps import PCA, map_points
from hybrid_store.maps.rows import Reader
from hybrid_store.models.fields import vector_field
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.conformance.passages import split
from hybrid_store.test.models import Manual, ManualPassage, Point, Tale
from hybrid_store.test.override import override_embedder

pytestmark = pytest.mark.django_db

VALUES = [[0.1, -0.0, 3e38], [1e-45, 2, 3], [-3.5, 65504, 1e-7]]
HALVES = [[0.1, -0.0, 65504], [6e-8, 2, 3], [-3.5, 1000.5, 1e-7]]


@pytest.fixture
def _points() -> None:
    pairs = zip(VALUES, HALVES, strict=True)
    Point.objects.bulk_create(Point(vector=vector, half=half) for vector, half in pairs)


@pytest.mark.usefixtures("_points")
@pytest.mark.parametrize("field", ["vector", "half"])
def test_vectors_are_those_of_the_rows_bit_for_bit(field: str) -> None:
    [block] = Reader(vector_field(Point, field)).blocks(Point.objects.all())
    expected = [getattr(row, field).to_numpy().tobytes() for row in Point.objects.order_by("pk")]
    assert [vector.tobytes() for vector in block.vectors] == expected
    assert block.vectors.dtype == np.float32


@pytest.mark.usefixtures("_points")
@pytest.mark.parametrize("field", ["vector", "half"])
def test_a_database_that_knows_no_blocks_gives_the_same_map(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    expected = map_points(Point.objects.all(), field)
    operations = type(vector_ops(connection))
    for name in ("matrix", "reading"):
        monkeypatch.setattr(operations, name, getattr(BaseVectorOperations, name))
    found = map_points(Point.objects.all(), field)
    assert found.keys == expected.keys
    np.testing.assert_array_equal(found.positions, expected.positions)


def test_values_of_different_lengths_are_not_torn() -> None:
    record = np.dtype(("<f4", 3))
    assert joined([b"\0" * 8, b"\0" * 16], record) is None
    assert joined([b"\0" * 24], record) is None
    assert joined(["\0" * 12], record) is None
    assert joined([b"\0" * 12, memoryview(b"\0" * 12)], record) is not None


class Centring(PCA):
    """Changes the vectors that it is given, and needs a sample."""

    sample = 2

    def fit(self, vectors: Any) -> None:
        vectors -= 1
        super().fit(vectors)

    def transform(self, vectors: Any) -> Any:
        vectors -= 1
        return super().transform(vectors)


@pytest.mark.usefixtures("_points")
@pytest.mark.parametrize("field", ["vector", "half"])
def test_a_projection_may_change_the_vectors_that_it_is_given(field: str) -> None:
    assert len(map_points(Point.objects.all(), field, projection=Centring())) == 3


def test_passages_are_mapped_with_the_columns_of_their_rows() -> None:
    for year in (2000, 2001):
        Manual.objects.create(title=f"Of {year}", body="one two three " * 10, year=year)
    split(ManualPassage)
    generate(ManualPassage)
    points = map_points(ManualPassage.objects.filter(approved=True), color_by="parent__year")
    assert sorted(points.keys) == sorted(ManualPassage.objects.values_list("pk", flat=True))
    assert [group.name for group in points.grouping.groups] == ["2000", "2001"]
    assert len(map_points(ManualPassage.objects.filter(parent__year=2001))) * 2 == len(points)
    with pytest.raises(UnknownFieldError):
        map_points(Manual.objects.all())


class Watching(HashingEmbedder):
    """Keeps whether a transaction was open when it was asked."""

    def embed_batch(self, texts: Sequence[str]) -> Any:
        in_transaction.append(connection.in_atomic_block)
        return super().embed_batch(texts)


in_transaction: list[bool] = []
WATCHING = {"BACKEND": f"{__name__}.Watching", "MODEL": "hashing", "DIMENSIONS": 384}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", [None, 1])
def test_no_transaction_is_open_while_a_text_is_embedded(limit: int | None) -> None:
    Tale.objects.bulk_create(
        Tale(title=f"Bridges of {thing}") for thing in ("wood", "stone", "ice")
    )
    generate(Tale)
    rows = Tale.objects.exclude(title__endswith="ice")
    with override_embedder(default=WATCHING):
        for ranked in (
            rows.nearest("bridges"),
            rows.nearest("bridges")[:9],
            rows.search("bridges"),
        ):
            in_transaction.clear()
            assert len(map_points(ranked, limit=limit)) == (limit or 2)
            assert in_transaction == [False]
    assert not connection.in_atomic_block


class Moving:
    """Reads from one database first, and then from another."""

    answers: Iterator[str] = iter(())

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return next(self.answers)


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.usefixtures("_points")
@pytest.mark.parametrize(
    ("first", "then", "rows"), [("default", "other", 3), ("other", "default", 1)]
)
def test_a_map_is_of_the_database_that_a_router_says_first(
    monkeypatch: pytest.MonkeyPatch, first: str, then: str, rows: int
) -> None:
    Point.objects.using("other").create(vector=[1, 2, 3])
    monkeypatch.setattr(Moving, "answers", chain([first], repeat(then)))
    with (
        override_settings(DATABASE_ROUTERS=[f"{__name__}.Moving"]),
        CaptureQueriesContext(connections[first]) as queries,
    ):
        assert len(map_points(Point.objects.all(), "vector")) == rows
    assert len(queries) == 2
