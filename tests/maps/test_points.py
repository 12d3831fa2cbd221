"""Rows of a queryset become points: all of them, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db.models import F, Value
from django.db.models.functions import Left

from hybrid_store.exceptions import MapError, UnknownFieldError
from hybrid_store.maps import PCA, map_points
from hybrid_store.maps.labels import labels_of
from hybrid_store.maps.packing import packed
from hybrid_store.maps.summary import summaries
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book, Clause, Code, Novel, Point, ShortBook, Weighting
from tests.maps.unpacking import unpacked

pytestmark = pytest.mark.django_db

MakePoints = Callable[..., list[Point]]


def names(points: Any) -> list[tuple[str, int]]:
    return [(group.name, group.rows) for group in points.grouping.groups]


def test_the_points_are_the_rows_with_a_vector_and_keep_their_distances(
    make_points: MakePoints,
) -> None:
    rows = make_points(40)
    Point.objects.create(name="without")
    found = map_points(Point.objects.all(), "vector")
    assert found.keys == [row.pk for row in rows]
    assert found.positions.dtype == np.float32
    assert np.abs(found.positions).max() == 1
    flat = np.array([row.vector for row in rows])
    flat[:, 2] = 0
    ratios = _distances(found.positions) / _distances(flat)
    assert ratios.std() / ratios.mean() < 0.01
    assert names(found) == [("all", 40)]
    assert found.left_out.without_vector == 1
    assert found.notes[0].startswith("40 rows: principal components, 100% of the variance")
    assert found.notes[1:] == ["1 row without a vector left out."]


def _distances(points: Any) -> Any:
    wide = np.asarray(points, np.float64)
    first, second = np.triu_indices(len(wide), 1)
    return np.linalg.norm(wide[first] - wide[second], axis=1)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_make_a_map_too(make_points: MakePoints, rows: int) -> None:
    make_points(rows)
    found = map_points(Point.objects.all(), "vector", color_by="name")
    assert found.positions.shape == (rows, 2)
    assert np.isfinite(found.positions).all()
    assert sum(group.rows for group in found.grouping.groups) == rows


def test_equal_vectors_are_one_point_in_the_middle() -> None:
    Point.objects.bulk_create(Point(vector=[1, 2, 3]) for _ in range(5))
    assert not map_points(Point.objects.all(), "vector").positions.any()


class Far(PCA):
    """Positions of double precision, beyond which there are no steps between them."""

    def transform(self, vectors: Any) -> Any:
        return vectors[:, :2].astype(np.float64) + 1e16


def test_no_point_is_beyond_the_map_whatever_a_projection_gives() -> None:
    Point.objects.bulk_create(Point(vector=[0, n, 0]) for n in (0, 2, 4, 6))
    found = map_points(Point.objects.all(), "vector", projection=Far())
    assert np.abs(found.positions).max() == 1
    assert np.abs(unpacked(packed(found)).positions).max() == 1


def test_half_precision_is_mapped_as_well() -> None:
    Point.objects.bulk_create(Point(half=[n, 0, 0]) for n in range(3))
    found = map_points(Point.objects.all(), "half").positions
    np.testing.assert_allclose(found, [[-1, 0], [0, 0], [1, 0]], atol=1e-6)


@pytest.mark.usefixtures("books")
def test_rows_outside_of_the_queryset_never_appear() -> None:
    wanted = Book.objects.filter(author__name="Bob")
    every = set(wanted.values_list("pk", flat=True))
    scopes = [
        wanted,
        wanted.order_by("-title"),
        wanted.distinct(),
        Book.objects.filter(author__name="Bob")[:9],
        wanted.nearest("bridges")[:9],
        wanted.filter(year__lt=2004) | wanted.filter(year=2004),
        wanted.filter(year__lt=2004).union(wanted.filter(year=2004)),
        wanted.only("title"),
        wanted.defer("embedding").select_related("author"),
    ]
    for rows in scopes:
        found = map_points(rows, color_by="year")
        assert set(found.keys) == every
        assert names(found) == [("2002", 1), ("2003", 1), ("2004", 1)]


def test_vectors_of_another_space_are_left_out_and_counted(books: list[Book]) -> None:
    Book.objects.filter(pk=books[0].pk).update(embedding_fingerprint="f" * 16 + ":" + "0" * 32)
    Book.objects.filter(pk=books[1].pk).update(embedding_fingerprint=None)
    found = map_points(Book.objects.all())
    assert found.keys == [book.pk for book in books[2:5]]
    assert found.left_out.other_space == 2
    assert "2 rows of another or unknown vector space left out." in found.notes


def test_of_more_rows_than_the_limit_a_fair_sample_is_shown(make_points: MakePoints) -> None:
    rows = make_points(400)
    found = map_points(Point.objects.all(), "vector", limit=100)
    again = map_points(Point.objects.order_by("-pk"), "vector", limit=100)
    assert sorted(found.keys) == sorted(again.keys)
    assert len(set(found.keys)) == 100
    assert found.left_out.beyond_limit == 300
    assert "300 rows not shown: these are a fair sample of all." in found.notes
    # Not the first ones, nor the last.
    first_half = sum(key <= rows[199].pk for key in found.keys)
    assert 30 < first_half < 70


def test_rows_beyond_the_sample_are_placed_by_what_it_has_told(
    make_points: MakePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_points(300)
    whole = map_points(Point.objects.all(), "vector")
    fitted: list[int] = []

    class Watched(PCA):
        sample = 50

        def fit(self, vectors: Any) -> None:
            fitted.append(len(vectors))
            super().fit(vectors)

    monkeypatch.setattr("hybrid_store.maps.rows.BLOCK", 25)
    found = map_points(Point.objects.all(), "vector", projection=Watched())
    assert fitted == [50]
    order = np.argsort(found.keys)
    assert [found.keys[place] for place in order] == whole.keys
    ratios = _distances(found.positions[order]) / _distances(whole.positions)
    assert ratios.std() / ratios.mean() < 0.05


def test_a_sample_is_of_rows_with_a_vector(make_points: MakePoints) -> None:
    Point.objects.bulk_create(Point(name="without") for _ in range(300))
    make_points(5)

    class Small(PCA):
        sample = 5

    for rows in (Point.objects.order_by("pk"), Point.objects.order_by("pk")[:305]):
        found = map_points(rows, "vector", projection=Small())
        assert len(found) == 5
        assert found.left_out.without_vector == 300


@pytest.mark.usefixtures("books")
def test_points_are_coloured_by_columns_of_related_rows_and_by_annotations() -> None:
    assert names(map_points(Book.objects.all(), color_by="author__name")) == [
        ("Bob", 3),
        ("Ann", 2),
    ]
    rows = Book.objects.annotate(first_letter=Left("title", 1), one=Value(1), again=F("year"))
    found = map_points(rows, color_by="first_letter")
    assert names(found) == [("g", 1), ("i", 1), ("o", 1), ("r", 1), ("s", 1)]
    assert found.coloured_by == "first letter"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("author", "is a row of its own: name a field of it, such as author__name"),
        ("author__books__title", "has several values a row: annotate"),
        ("author__shoe", "is no field: Cannot resolve keyword 'shoe'"),
        ("year__gte", "is no field: Cannot resolve keyword 'gte'"),
        ("embedding", "is a EmbeddingField: name a field of texts or numbers"),
        ("title') --", "is no field: Cannot resolve keyword"),
    ],
)
def test_what_is_no_single_value_is_refused_as_colour_and_as_label(path: str, fault: str) -> None:
    for ask in (
        lambda: map_points(Book.objects.all(), color_by=path),
        lambda: labels_of(Book.objects.all(), [1], path),
    ):
        with pytest.raises(MapError) as raised:
            ask()
        assert str(raised.value).startswith("hybrid_store_test.Book.")
        assert fault in str(raised.value)


@pytest.mark.parametrize(("model", "field"), [(Code, "bits"), (Weighting, "terms")])
def test_vectors_that_are_not_dense_are_refused(model: Any, field: str) -> None:
    with pytest.raises(MapError, match=f"{field} holds .*: a map is made of dense vectors"):
        map_points(model.objects.all(), field)


def test_a_field_has_to_be_chosen_among_several() -> None:
    with pytest.raises(UnknownFieldError, match="has several vector fields"):
        map_points(Point.objects.all())


def test_children_proxies_and_composite_keys_are_mapped() -> None:
    Novel.objects.create(title="a novel", series="one")
    Clause.objects.create(tenant=1, number=2, text="a clause")
    generate(Book)
    generate(Clause)
    assert len(map_points(Novel.objects.all(), color_by="series")) == 1
    assert len(map_points(ShortBook.objects.all())) == 1
    assert map_points(Clause.objects.all()).keys == [(1, 2)]


def test_labels_are_those_of_rows_in_the_queryset(books: list[Book]) -> None:
    mine = Book.objects.filter(author__name="Ann")
    keys = [book.pk for book in books]
    expected = {books[0].pk: "red apples", books[1].pk: "green apples"}
    assert labels_of(mine, keys) == expected
    assert labels_of(mine[:9], keys) == expected
    assert labels_of(mine.filter(year=2000).union(mine.filter(year=2001)), keys) == expected
    assert labels_of(mine, keys, "author__name") == dict.fromkeys(expected, "Ann")
    assert labels_of(Book.objects.all(), keys[5:], "author__name") == {books[5].pk: ""}


def test_reading_costs_no_query_a_row(books: list[Book], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        map_points(Book.objects.all(), color_by="author__name")
    with django_assert_num_queries(1):
        labels_of(Book.objects.all(), [book.pk for book in books])


@pytest.mark.usefixtures("books")
def test_packed_points_are_what_they_were() -> None:
    points = map_points(Book.objects.all(), color_by="author__name")
    found = unpacked(packed(points))
    np.testing.assert_allclose(found.positions, points.positions, atol=2e-5)
    assert found.keys == [str(key) for key in points.keys]
    assert found.groups == points.grouping.of.tolist() == [1, 1, 0, 0, 0]
    assert found.head["groups"][0] == {"name": "Bob", "colour": "category-0", "rows": 3}
    assert found.head["colouredBy"] == "author name"
    assert found.head["notes"] == points.notes


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("length", range(1, 5))
def test_packed_positions_begin_where_a_browser_reads_them_in_place(length: int) -> None:
    Author.objects.filter(name="Bob").update(name="b" * length)
    data = packed(map_points(Book.objects.all(), color_by="author__name"))
    assert int.from_bytes(data[:4], "little") % 4 == 0
    assert unpacked(data).head["groups"][0]["name"] == "b" * length


def test_a_group_is_told_of_by_the_rows_in_its_middle() -> None:
    for x in (0, 1, 2, 10, 20):
        Point.objects.create(name=f"{x}", group=1, vector=[x, 0, 0])
    Point.objects.create(name="alone", group=2, vector=[5, 0, 0])
    points = map_points(Point.objects.all(), "vector", color_by="group")
    rows = {row.pk: row.name for row in Point.objects.all()}
    found = [[rows[key] for key in each.middle] for each in summaries(points)]
    assert found == [["10", "2", "1"], ["alone"]]


def test_authors_without_vectors_have_no_map() -> None:
    with pytest.raises(UnknownFieldError, match="has no vector field: add one to the model"):
        map_points(Author.objects.all())
