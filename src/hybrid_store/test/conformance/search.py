"""`nearest` and `recommend`."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from asgiref.sync import async_to_sync
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models
from django.db.models import Avg, Count, Q, Window
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import (
    InvalidTargetError,
    SearchError,
    SpaceMismatchError,
    UnknownFieldError,
)
from hybrid_store.models import nearest, recommend
from hybrid_store.models.functions import metrics_of
from hybrid_store.test.conformance.base import ConformanceBase, generate, reference_distance
from hybrid_store.test.models import (
    Album,
    Author,
    Book,
    Clause,
    Code,
    Note,
    Point,
    Post,
    Review,
    ShortBook,
)
from hybrid_store.test.watching import before_each_query, count_queries_embedded
from hybrid_store.vectors import SINGLE

__all__ = ["ExactSearchConformance", "RecommendationConformance", "SearchConformance"]

TITLES = ["red apple pie", "green apple tart", "old stone bridge", "stone wall", "apple tree"]
small = st.integers(-4, 4)
points = st.lists(st.tuples(small, small, small), min_size=0, max_size=12)
query = st.tuples(small, small, small).filter(any)


def titles(rows: Any) -> list[str]:
    return [row.title for row in rows]


class RecommendationConformance(ConformanceBase):
    """`recommend` by weights and by the best match."""

    def setUp(self) -> None:
        super().setUp()
        places = {"east": (1, 0, 0), "east too": (5, 1, 0), "north": (0, 1, 0), "up": (0, 0, 1)}
        places |= {"north-east": (1, 1, 0), "north, up": (0, 1, 1)}
        for name, vector in places.items():
            Point.objects.create(name=name, vector=vector)

    def names(self, *args: Any, **options: Any) -> list[str]:
        rows = Point.objects.recommend(*args, field="vector", **options)
        return [row.name for row in rows]

    def test_weights_shift_the_mean(self) -> None:
        assert self.names({(1, 0, 0): 1, (0, 1, 0): 1})[0] == "north-east"
        assert self.names({(1, 0, 0): 9, (0, 1, 0): 1})[0] == "east too"
        plain = Point.objects.recommend([(1, 0, 0)], [(0, 1, 0)], field="vector")
        weighted = Point.objects.recommend({(1, 0, 0): 3}, {(0, 1, 0): 2}, field="vector")
        for one, other in zip(plain, weighted, strict=True):
            assert math.isclose(one.distance, other.distance, abs_tol=1e-6)

    def test_by_the_best_match_every_like_is_served(self) -> None:
        likes = [(1, 0, 0), (0, 0, 1)]
        assert {*self.names(likes, strategy="best")[:2]} == {"east", "up"}
        rows = Point.objects.recommend(likes, field="vector", strategy="best")
        expected = {
            row.pk: min(reference_distance("cosine", row.vector, like) for like in likes)
            for row in Point.objects.all()
        }
        for row in rows:
            assert math.isclose(row.distance, expected[row.pk], abs_tol=1e-6)
            assert math.isclose(row.similarity, 1 - row.distance, abs_tol=1e-6)
        assert [row.distance for row in rows] == sorted(row.distance for row in rows)
        assert [row.pk for row in rows[:4]] == [row.pk for row in rows][:4]
        assert rows.count() == len(expected)

    def test_the_best_match_counts_by_its_weight(self) -> None:
        names = self.names({(1, 0, 0): 1, (0, 0, 1): 0.5}, strategy="best")
        assert names[:2] == ["east", "east too"]

    def test_rows_nearer_to_what_is_unliked_come_last(self) -> None:
        names = self.names([(1, 0, 0), (0, 0, 1)], [(0, 1, 0)], strategy="best")
        assert names[-1] == "north"
        assert names[0] in ("east", "up")
        found = self.names([(0, 5, 4)], [(0, 1, 0)], strategy="best")
        assert found.index("north, up") < found.index("north")

    def test_rows_given_are_left_out(self) -> None:
        east, north = Point.objects.get(name="east"), Point.objects.get(name="north")
        names = self.names([east], [north], strategy="best")
        assert {"east", "north"}.isdisjoint(names)

    def test_recommendations_can_be_diverse(self) -> None:
        for strategy in ("average", "best"):
            rows = Point.objects.recommend([(9, 1, 0)], field="vector", strategy=strategy)
            alike = [row.name for row in rows[:2]]
            assert {*alike} == {"east", "east too"}
            assert {row.name for row in rows.diversify(lambda_=0.4)[:2]} != {*alike}

    def test_bits_have_a_best_match(self) -> None:
        first = Code.objects.create(name="a", bits="110000000000")
        Code.objects.create(name="b", bits="001111111111")
        likes = ["110100000000", "100000000000"]
        rows = Code.objects.recommend(likes, field="bits", strategy="best")
        assert rows[0] == first

    def test_what_is_no_weight_or_strategy_is_refused(self) -> None:
        for options, message in (
            ({"like": {(1, 0, 0): 0}}, "a weight in 'like' is 0: give a number above 0"),
            ({"like": {(1, 0, 0): "x"}}, "a weight in 'like' is 'x'"),
            ({"like": [(1, 0, 0)], "strategy": "sum"}, "unknown strategy 'sum', use one of"),
            ({"like": "east"}, "takes a list of rows, texts or vectors"),
        ):
            with self.subTest(message), self.assertRaisesMessage(SearchError, message):
                self.names(**options)


class ExactSearchConformance(ConformanceBase):
    @given(rows=points, near=query, limit=st.integers(1, 5), offset=st.integers(0, 3))
    def test_the_rows_are_those_of_brute_force(
        self, rows: list[Any], near: Any, limit: int, offset: int
    ) -> None:
        Point.objects.all().delete()
        stored = Point.objects.bulk_create([Point(name=str(v), vector=v) for v in rows])
        for metric in metrics_of(SINGLE):
            hits = [p for p in stored if metric != "cosine" or any(p.vector)]
            exact = {p.pk: reference_distance(metric, p.vector, near) for p in hits}
            found = list(
                Point.objects.nearest(near, field="vector", metric=metric)[offset : offset + limit]
            )
            expected = sorted(exact.values())[offset : offset + limit]
            np.testing.assert_allclose([p.distance for p in found], expected, rtol=1e-6, atol=1e-6)
            for point in found:
                assert math.isclose(point.distance, exact[point.pk], rel_tol=1e-6, abs_tol=1e-6)


class SearchConformance(ConformanceBase):
    def setUp(self) -> None:
        super().setUp()
        author = Author.objects.create(name="Kim")
        for year, title in enumerate(TITLES, 2000):
            Book.objects.create(title=title, year=year, author=author)
        generate(Book)

    # Ranking

    def test_rows_carry_distance_and_similarity(self) -> None:
        Point.objects.create(name="a", vector=[3, 4, 0])
        for metric, (distance, similarity) in {
            "cosine": (0.4, 0.6),
            "l2": (math.sqrt(20), 1 / (1 + math.sqrt(20))),
            "l1": (6, 1 / 7),
            "inner_product": (-3, 3),
        }.items():
            [row] = Point.objects.nearest([1, 0, 0], field="vector", metric=metric)
            assert math.isclose(row.distance, distance, rel_tol=1e-6), metric
            assert math.isclose(row.similarity, similarity, rel_tol=1e-6), metric

    def test_ties_end_by_primary_key(self) -> None:
        keys = [Point.objects.create(vector=[1, 1, 1]).pk for _ in range(5)]
        assert [p.pk for p in Point.objects.nearest([1, 2, 3], field="vector")] == keys

    def test_window_functions_are_of_all_rows(self) -> None:
        rows = Book.objects.annotate(rows=Window(Count("*"))).nearest(TITLES[0])[:2]
        assert [row.rows for row in rows] == [Book.objects.exclude(embedding=None).count()] * 2

    def test_rows_without_a_direction_are_never_hits(self) -> None:
        Point.objects.create(name="null")
        Point.objects.create(name="zero", vector=[0, 0, 0])
        hit = Point.objects.create(name="hit", vector=[-1, 0, 0])
        assert list(Point.objects.nearest([1, 0, 0], field="vector")) == [hit]
        assert Point.objects.nearest([1, 0, 0], field="vector", metric="l2").count() == 2

    def test_slices_hold_no_vectors_without_a_direction(self) -> None:
        vectors = [[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0], None]
        keys = [Point.objects.create(vector=vector).pk for vector in vectors]
        ranked = Point.objects.nearest([1, 0, 0], field="vector")
        near = [keys[0], keys[2]]
        self.assertEqual([row.pk for row in ranked[:5]], near)
        self.assertEqual([row.pk for row in ranked[1:4]], near[1:])
        self.assertEqual(list(ranked.values_list("pk", flat=True)[:3]), near)
        self.assertEqual([row["id"] for row in ranked.values("id", "distance")[:5]], near)
        self.assertEqual(ranked[:5].count(), 2)
        among = Point.objects.filter(pk__in=ranked.values("pk")[:5])
        self.assertEqual(sorted(row.pk for row in among), near)
        distances = ranked.filter(distance__lt=2).values_list("distance", flat=True)
        self.assertFalse(any(map(math.isnan, distances[:5])))

    def test_the_metric_is_that_of_the_index(self) -> None:
        Point.objects.create(half=[3, 4, 0], vector=[3, 4, 0])
        assert Point.objects.nearest([0, 0, 1], field="half").get().distance > 5
        assert math.isclose(Point.objects.nearest([0, 0, 1], field="vector").get().distance, 1)

    def test_max_distance_drops_the_farther_rows(self) -> None:
        for x in range(5):
            Point.objects.create(vector=[x, 0, 0])
        near = Point.objects.nearest([0, 0, 0], field="vector", metric="l2", max_distance=2)
        assert [p.distance for p in near] == [0, 1, 2]
        for bad in (float("nan"), "near", [1]):
            with self.assertRaisesMessage(SearchError, "give a number"):
                Point.objects.nearest([1, 0, 0], field="vector", max_distance=bad)

    # Targets

    def test_a_text_finds_what_says_the_same(self) -> None:
        assert titles(Book.objects.nearest("stone bridge")[:1]) == ["old stone bridge"]

    def test_a_text_is_embedded_once_when_rows_are_fetched(self) -> None:
        with count_queries_embedded() as texts:
            ranked = Book.objects.filter(year__gt=2000).nearest("apple")
            again = ranked.filter(year__lt=2004)[:2]
            str(ranked.query), repr(again.query)
            Author.objects.filter(books__in=ranked).query.__str__()
            ranked.count(), ranked.exists()
            pickled = pickle.dumps(again.query)
            copied = Book.objects.all()
            copied.query = pickle.loads(pickled)  # noqa: S301
            assert texts == []
            list(ranked), list(again), list(again.all()), ranked.first()
            assert texts == ["apple"]
            assert titles(copied) == titles(again)

    def test_embed_query_computes_the_vector_beforehand(self) -> None:
        with count_queries_embedded() as texts:
            ranked = Book.objects.nearest("apple").embed_query()
            assert texts == ["apple"]
            list(ranked[:2])
            async_to_sync(Book.objects.nearest("pie").aembed_query)()
        assert texts == ["apple", "pie"]

    def test_a_text_is_embedded_before_the_database_is_asked(self) -> None:
        events: list[str] = []

        def executed(execute: Any, *arguments: Any) -> Any:
            events.append("executed")
            return execute(*arguments)

        with (
            before_each_query(lambda texts: events.append("embedded")),
            connection.execute_wrapper(executed),
        ):
            list(Book.objects.nearest("apple")[:2])
        assert events == ["embedded", "executed"]

    def test_a_row_finds_its_like_and_not_itself(self) -> None:
        book = Book.objects.get(title="stone wall")
        assert titles(Book.objects.nearest(book)[:1]) == ["old stone bridge"]
        assert book not in Book.objects.nearest(book)

    def test_a_ranked_row_without_its_vector_can_be_the_next_target(self) -> None:
        book = Book.objects.nearest("stone wall").first()
        assert titles(Book.objects.nearest(book)[:1]) == ["old stone bridge"]

    def test_late_targets_are_computed_wherever_the_search_ends_up(self) -> None:
        for book in Book.objects.all():
            Review.objects.create(book=book, stars=1)
        wall = Book.objects.defer("embedding").get(title="stone wall")
        searches: list[Callable[[], Any]] = [
            lambda: Book.objects.nearest(wall, max_distance=0.9),
            lambda: Book.objects.nearest("stone wall", max_distance=0.9).exclude(pk=wall.pk),
            lambda: Book.objects.recommend([wall, "stone"], ["pie"], max_distance=0.9),
        ]
        for near in searches:
            assert titles(near()[:1]) == ["old stone bridge"]
            assert Review.objects.filter(book__in=near()[:1].values("pk")).count() == 1
            assert near().count() == near().aggregate(n=Count("pk"))["n"] == len(near())
            assert near().exists()
            assert near().update(year=7) == Book.objects.filter(year=7).count() > 0
            Book.objects.update(year=0)
            assert near().explain()
        assert Book.objects.nearest(wall, max_distance=0.9).delete()[0] > 0

    def test_bad_targets_are_refused_with_field_and_fix(self) -> None:
        unsaved, bare = Book(title="new"), Book.objects.create(title="bare")
        other = Point.objects.create(vector=[1, 2, 3])
        for target, sentence in [
            (unsaved, "is not saved: save it first"),
            (bare, f"Book {bare.pk} has no vector yet: run manage.py generate_embeddings"),
            (Book.objects.defer("embedding").get(pk=bare.pk), "has no vector yet"),
            (other, "give a row of hybrid_store_test.Book"),
            ("   ", "blank"),
            ([1, 2, 3], "expected 384 dimensions, got 3"),
            ([float("nan")] * 384, "not finite"),
            ([0.0] * 384, "all-zero"),
            (None, "cannot search near None"),
            (7, "cannot search near 7"),
        ]:
            with self.subTest(target=target), self.assertRaises(InvalidTargetError) as caught:
                list(Book.objects.nearest(target))
            assert sentence in str(caught.exception)
            assert "Book" in str(caught.exception)

    def test_a_text_needs_an_embedder(self) -> None:
        with self.assertRaisesMessage(InvalidTargetError, "Point.vector has no embedder"):
            Point.objects.nearest("text", field="vector")

    def test_an_unknown_field_is_refused_with_those_there_are(self) -> None:
        for model, field, sentence in [
            (Point, None, "several vector fields: say which, one of 'vector', 'half', 'other'"),
            (Point, "name", "no vector field 'name': choose from 'vector', 'half', 'other'"),
            (Author, None, "has no vector field: add one"),
        ]:
            with self.subTest(model=model), self.assertRaises(UnknownFieldError) as caught:
                nearest(model._default_manager.all(), [1, 2, 3], field=field)
            assert sentence in str(caught.exception)
            assert isinstance(caught.exception, FieldDoesNotExist)
        with self.assertRaisesMessage(SearchError, "unknown metric 'angular'"):
            Point.objects.nearest([1, 2, 3], field="vector", metric="angular")

    # Composition

    def test_filters_apply_before_and_after(self) -> None:
        everything = titles(Book.objects.nearest("apple"))
        assert len(everything) == 5
        for queryset in (
            Book.objects.filter(year__gte=2002).nearest("apple"),
            Book.objects.nearest("apple").filter(year__gte=2002),
            Book.objects.nearest("apple").exclude(Q(year__lt=2002)),
            Book.objects.filter(author__name="Kim").nearest("apple").filter(year__gte=2002),
        ):
            expected = [t for t in everything if TITLES.index(t) >= 2]
            assert titles(queryset) == expected

    def test_slices_and_single_rows(self) -> None:
        ranked = Book.objects.nearest("apple")
        everything = titles(ranked.all())
        assert titles(ranked[1:3]) == everything[1:3]
        assert titles(ranked[3:]) == everything[3:]
        assert ranked[2].title == everything[2]
        assert ranked.first().title == everything[0]
        assert titles(ranked.iterator()) == everything
        assert titles(ranked.iterator(chunk_size=2)) == everything
        assert ranked.count() == 5
        assert ranked.exists()
        assert ranked.filter(title="none").first() is None
        assert len(ranked[:3]) == 3
        assert ranked[:3].count() == 3
        assert titles(ranked.reverse()) == everything[::-1]

    def test_values_before_and_after(self) -> None:
        expected = titles(Book.objects.nearest("apple"))
        ranked = Book.objects.nearest("apple")
        assert list(ranked.values_list("title", flat=True)) == expected
        assert [row["title"] for row in ranked.values("title", "similarity")] == expected
        assert [row["title"] for row in Book.objects.values("title").nearest("apple")] == expected
        assert list(Book.objects.values_list("title", flat=True).nearest("apple")) == expected
        only = Book.objects.only("title").nearest("apple").first()
        assert "embedding" in only.get_deferred_fields()
        kept = Book.objects.only("embedding").nearest("apple").first()
        assert "embedding" not in kept.get_deferred_fields()

    def test_joins_prefetches_and_aggregates(self) -> None:
        for book in Book.objects.all():
            Review.objects.create(book=book, stars=book.year - 1999)
        ranked = Book.objects.nearest("apple").select_related("author")
        rows = list(ranked.prefetch_related("reviews")[:3])
        with self.assertNumQueries(0):
            assert [row.author.name for row in rows] == ["Kim"] * 3
            assert [row.reviews.all()[0].stars for row in rows] == [row.year - 1999 for row in rows]
        assert Review.objects.filter(book__in=Book.objects.nearest("pie")[:2]).count() == 2
        assert Book.objects.nearest("pie").annotate(n=Count("reviews")).first().n == 1
        assert Book.objects.nearest("pie").aggregate(mean=Avg("reviews__stars")) == {"mean": 3}
        assert Book.objects.nearest("pie", max_distance=2).aggregate(n=Count("pk")) == {"n": 5}
        joined = Book.objects.filter(reviews__stars__gt=3).nearest("apple")
        assert sorted(titles(joined)) == sorted(TITLES[3:])
        Review.objects.create(book=Book.objects.nearest("apple")[0], stars=5)
        twice = Book.objects.filter(reviews__stars__gt=0).nearest("apple")
        assert len(twice) == 6
        assert titles(twice.distinct()[:10]) == titles(Book.objects.nearest("apple"))
        author = Author.objects.get()
        assert titles(author.books.nearest("apple")) == titles(Book.objects.nearest("apple"))

    def test_combined_and_nested_querysets(self) -> None:
        near, best = Book.objects.nearest("apple"), titles(Book.objects.nearest("apple")[:2])
        assert sorted(titles(Book.objects.filter(pk__in=near[:2].values("pk")))) == sorted(best)
        both = near.order_by().values_list("title").union(Book.objects.values_list("title"))
        assert both.count() == 5
        assert (near.filter(year=2000) | near.filter(year=2001)).count() == 2
        assert (Book.objects.filter(year=2000) | near.filter(year=2001)).count() == 2

    def test_async(self) -> None:
        async def search() -> list[str]:
            return [book.title async for book in Book.objects.nearest("apple")[:2]]

        async def first() -> Any:
            return await Book.objects.nearest("apple").afirst()

        assert async_to_sync(search)() == titles(Book.objects.nearest("apple")[:2])
        assert async_to_sync(first)().title == titles(Book.objects.nearest("apple"))[0]

    def test_only_ranked_rows_leave_their_vector_in_the_database(self) -> None:
        assert Book.objects.nearest("apple").first().get_deferred_fields() == {"embedding"}
        assert not Book.objects.nearest("apple").defer(None).first().get_deferred_fields()
        assert not Book.objects.first().get_deferred_fields()

    def test_names_that_collide_can_be_changed(self) -> None:
        Album.objects.create(title="song")
        generate(Album._meta.get_field("title_embedding"))
        with self.assertRaisesMessage(SearchError, "distance_as="):
            Album.objects.nearest("song", field="title_embedding")
        with self.assertRaisesMessage(SearchError, "choose two names"):
            Book.objects.nearest("song", distance_as="d", similarity_as="d")
        ranked = Album.objects.nearest(
            "song", field="title_embedding", distance_as="how_far", similarity_as=None
        )
        assert ranked.get().how_far < 1e-6
        assert not hasattr(ranked.get(), "similarity")

    def test_functions_search_querysets_of_any_manager(self) -> None:
        assert type(Post.objects) is models.Manager
        post = Post.objects.create(text="apple")
        Post.objects.create(text="stone")
        generate(Post)
        assert nearest(Post.objects.all(), "apple").first() == post
        assert recommend(Post.objects.all(), like=["apple"]).first() == post
        assert titles(ShortBook.objects.short().nearest("pie")[:1]) == ["red apple pie"]

    # Recommendations

    def test_recommendations_are_near_the_likes_and_leave_them_out(self) -> None:
        pie, tart = Book.objects.filter(title__in=TITLES[:2]).order_by("pk")
        found = titles(Book.objects.recommend(like=[pie, tart]))
        assert found[0] == "apple tree"
        assert len(found) == 3

    def test_unlikes_push_away(self) -> None:
        for name, vector in {
            "a": [1, 0, 0],
            "b": [0, 1, 0],
            "c": [1, 0, 1],
            "d": [1, 1, 0],
        }.items():
            Point.objects.create(name=name, vector=vector)
        a, d = Point.objects.get(name="a"), Point.objects.get(name="d")
        found = Point.objects.recommend(like=[a], unlike=[d], field="vector")
        # 2 (1,0,0) - (1,1,0) = (1,-1,0)
        assert [(p.name, round(p.similarity, 4)) for p in found] == [("c", 0.5), ("b", -0.7071)]

    def test_likes_may_be_texts_and_vectors(self) -> None:
        vector = Book.objects.get(title="stone wall").embedding
        found = titles(Book.objects.recommend(like=["bridge", vector], unlike=["apple"])[:2])
        assert set(found) == {"stone wall", "old stone bridge"}

    def test_bad_recommendations_are_refused(self) -> None:
        book = Book.objects.first()
        for like, unlike, sentence in [
            ([], [], "'like' is empty"),
            (book, [], "'like' takes a list"),
            ("text", [], "'like' takes a list"),
            ([book], "text", "'unlike' takes a list"),
            ([Book(title="x")], [], "is not saved"),
        ]:
            with (
                self.subTest(like=like),
                self.assertRaisesMessage(InvalidTargetError, sentence),
            ):
                Book.objects.recommend(like=like, unlike=unlike)
        Point.objects.create(vector=[1, 0, 0])
        with self.assertRaisesMessage(InvalidTargetError, "cancel out"):
            list(Point.objects.recommend([[1, 0, 0]], [[2, 0, 0]], field="vector"))

    def test_rows_with_a_composite_key_are_searched_alike(self) -> None:
        for number, title in enumerate(TITLES):
            Clause.objects.create(tenant=number % 2, number=number, text=title)
        assert generate(Clause, batch_size=2).embedded == 5
        bridge = Clause.objects.nearest("stone bridge")[0]
        assert bridge.pk == (0, 2)
        assert Clause.objects.filter(tenant=1).nearest(bridge).first().text == "stone wall"
        assert bridge not in Clause.objects.nearest(bridge)
        assert Clause.objects.nearest("apple").filter(tenant=0).count() == 3
        bridge.text = "new"
        bridge.save()
        assert Clause.objects.stale().get() == bridge

    def test_a_uuid_key_and_a_row_of_an_unknown_space(self) -> None:
        note = Note.objects.create(text="apple")
        other = Note.objects.create(text="apple pie")
        generate(Note)
        note.refresh_from_db()
        assert list(Note.objects.nearest(note)) == [other]
        note.embedding = np.ones(384)
        with self.assertRaisesMessage(SpaceMismatchError, "unknown origin"):
            Note.objects.nearest(note)
