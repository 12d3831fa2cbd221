"""`search` by words and by meaning, and what may follow it."""

from __future__ import annotations

import math
import pickle
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django.db import NotSupportedError, models
from django.db.models import Count, Max, Q
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import (
    InvalidTargetError,
    RerankerError,
    SearchError,
    UnknownFieldError,
)
from hybrid_store.models import diversify, highlight, nearest, rerank, search
from hybrid_store.ranking.fusion import RRF_K
from hybrid_store.test.conformance.base import ConformanceBase, generate
from hybrid_store.test.models import Fable, Saga, Tale, TaleTeller
from hybrid_store.test.watching import count_queries_embedded

__all__ = ["FusedConformance", "FusedFuzzConformance"]

TALES = [
    ("red apple pie", "A pie of red apples, baked by a cook."),
    ("green apple tart", "A tart; the cook forgot the pie."),
    ("old stone bridge", "A bridge of stone over a river."),
    ("stone wall", "A wall, a garden, an apple tree."),
    ("apple tree", "A tree in the garden of a cook."),
    ("river", "Water flows under the bridge."),
]


def make_tales() -> None:
    for year, (title, body) in enumerate(TALES, 2000):
        Tale.objects.create(title=title, body=body, year=year)
    generate(Tale)


def titles(rows: Any) -> list[str]:
    return [row.title for row in rows]


def by_length(query: str, texts: list[str]) -> list[float]:
    return [len(text) for text in texts]


class FusedConformance(ConformanceBase):
    def setUp(self) -> None:
        super().setUp()
        make_tales()

    # Fusion

    def test_the_score_is_the_sum_of_reciprocal_ranks(self) -> None:
        rows = list(Tale.objects.search("apple cook"))
        assert rows
        for row in rows:
            ranks = [rank for rank in (row.vector_rank, row.text_rank) if rank is not None]
            assert math.isclose(row.score, sum(1 / (RRF_K + rank) for rank in ranks))
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)

    def test_places_are_those_of_the_legs_alone(self) -> None:
        fused = {row.pk: row for row in Tale.objects.search("apple cook")}
        for place, row in enumerate(Tale.objects.nearest("apple cook"), 1):
            assert fused[row.pk].vector_rank == place
            assert math.isclose(fused[row.pk].distance, row.distance, abs_tol=1e-6)
        for row in Tale.objects.search("apple cook", mode="text"):
            assert fused[row.pk].text_rank == row.text_rank

    def test_a_weighted_mean_is_from_0_to_1(self) -> None:
        rows = list(Tale.objects.search("apple cook", fusion="weighted"))
        assert max(row.score for row in rows) <= 1
        assert min(row.score for row in rows) >= 0

    def test_alpha_shifts_between_words_and_meaning(self) -> None:
        for fusion in ("rrf", "weighted"):
            words = Tale.objects.search("apple cook", fusion=fusion, alpha=0)
            alone = Tale.objects.search("apple cook", mode="text")
            assert titles(words[: alone.count()]) == titles(alone)
            meaning = Tale.objects.search("apple cook", fusion=fusion, alpha=1)
            assert titles(meaning) == titles(Tale.objects.nearest("apple cook"))

    def test_by_meaning_alone_it_is_nearest(self) -> None:
        rows = list(Tale.objects.search("apple cook", mode="vector"))
        near = list(Tale.objects.nearest("apple cook"))
        assert titles(rows) == titles(near)
        assert [row.score for row in rows] == [row.similarity for row in near]
        assert [row.vector_rank for row in rows] == [*range(1, len(rows) + 1)]
        assert {row.text_rank for row in rows} == {None}

    def test_rows_are_the_best_candidates_of_either_leg(self) -> None:
        near = titles(Tale.objects.nearest("bridge")[:2])
        by_words = titles(Tale.objects.search("bridge", mode="text")[:2])
        narrow = Tale.objects.search("bridge", candidates=2)
        assert {*titles(narrow)} == {*near, *by_words}
        assert narrow.count() == len(narrow)

    def test_a_slice_has_as_many_rows_as_there_are(self) -> None:
        assert len(Tale.objects.search("bridge", candidates=1)[:5]) == 5

    def test_rows_without_a_vector_are_found_by_words(self) -> None:
        Tale.objects.create(title="bridge of sighs")
        row = Tale.objects.search("sighs").get(title="bridge of sighs")
        assert (row.vector_rank, row.distance, row.text_rank) == (None, None, 1)

    def test_rows_without_any_of_the_words_are_found_by_meaning(self) -> None:
        assert Tale.objects.search("zebra").count() == len(TALES)

    def test_no_row_beyond_the_greatest_distance_is_found_by_meaning(self) -> None:
        rows = Tale.objects.search("zebra crossing", max_distance=0.01)
        assert list(rows) == []

    def test_what_the_text_demands_holds_for_all_rows(self) -> None:
        stones = {"stone wall", "old stone bridge"}
        assert {*titles(Tale.objects.search('apple "stone"'))} == stones
        assert "green apple tart" not in titles(Tale.objects.search("apple -tart"))
        assert Tale.objects.search("apple -tart").count() == len(TALES) - 1

    def test_signs_have_no_meaning_for_the_embedder(self) -> None:
        quoted = Tale.objects.search('"apple" -tart cook').first()
        plain = Tale.objects.nearest("apple cook").get(pk=quoted.pk)
        assert math.isclose(quoted.distance, plain.distance, abs_tol=1e-6)

    # A queryset as any

    def test_filters_count_before_and_after(self) -> None:
        before = Tale.objects.filter(year__gte=2002).search("apple")
        after = Tale.objects.search("apple").filter(year__gte=2002)
        assert [(r.pk, r.score) for r in before] == [(r.pk, r.score) for r in after]
        assert [row.vector_rank for row in after.order_by("vector_rank")] == [1, 2, 3, 4]

    def test_scores_can_be_filtered_and_ordered_by(self) -> None:
        rows = Tale.objects.search("apple cook")
        best = max(row.score for row in rows)
        assert [row.score for row in rows.filter(score__gte=best)] == [best]
        assert titles(rows.order_by("title")) == sorted(titles(rows))
        assert titles(rows.order_by("-score", "pk")[:2]) == titles(rows[:2])
        assert titles(rows.reverse()) == titles(rows)[::-1]
        assert rows.last() == list(rows)[-1]
        assert rows.aggregate(best=Max("score")) == {"best": best}

    def test_values_can_be_chosen(self) -> None:
        rows = Tale.objects.search("apple cook")
        assert list(rows.values_list("title", flat=True)) == titles(rows)
        assert list(rows.values_list("title", "score")[:1]) == [(rows[0].title, rows[0].score)]
        assert list(Tale.objects.values_list("title", flat=True).search("apple cook")) == titles(
            rows
        )

    def test_rows_leave_the_vector_in_the_database(self) -> None:
        assert Tale.objects.search("apple")[0].get_deferred_fields() == {"embedding"}
        chosen = Tale.objects.only("title", "embedding").search("apple")[0]
        assert "embedding" not in chosen.get_deferred_fields()

    def test_joins_give_a_row_as_often_as_they_do(self) -> None:
        tale = Tale.objects.get(title="apple tree")
        tale.tellers.set([TaleTeller.objects.create(name=name) for name in "ab"])
        told = Tale.objects.filter(tellers__name__in="ab").search("apple")
        assert titles(told) == ["apple tree"] * 2
        assert titles(told.distinct()) == ["apple tree"]
        assert {row.vector_rank for row in told} == {1}

    def test_grouping_is_of_the_rows_found(self) -> None:
        groups = Tale.objects.search("bridge", mode="text").values("year").annotate(n=Count("pk"))
        assert sum(group["n"] for group in groups.order_by("year")) == 2

    def test_a_search_may_be_a_part_of_another_query(self) -> None:
        for options in self.every_way:
            rows = Tale.objects.search("apple cook", **options)
            best = {row.pk for row in rows[:3]}
            inside = Tale.objects.filter(pk__in=rows.values("pk")[:3])
            assert {row.pk for row in inside} == best, options

    def test_equal_scores_are_in_the_same_order_inside_of_another_query(self) -> None:
        by_words, by_meaning = self.best_of_each_leg("garden")
        assert by_words != by_meaning
        rows = Tale.objects.search("garden", candidates=1)
        assert len({row.score for row in rows}) == 1
        assert rows[0] == by_meaning
        assert Tale.objects.get(pk__in=rows.values("pk")[:1]) == by_meaning

    def best_of_each_leg(self, text: str) -> list[Any]:
        return [Tale.objects.search(text, mode=mode)[0] for mode in ("text", "vector")]

    every_way: ClassVar[list[dict[str, Any]]] = [
        {},
        {"alpha": 0.3},
        {"fusion": "weighted"},
        {"fusion": "weighted", "alpha": 0.8},
        {"mode": "vector"},
        {"mode": "text"},
        {"candidates": 2},
    ]

    def test_a_search_may_be_a_part_of_a_union(self) -> None:
        old = Tale.objects.filter(year__lt=2002).search("apple").order_by()
        new = Tale.objects.filter(year__gte=2002).search("apple").order_by()
        assert len(old.union(new)) == len(TALES)

    def test_rows_found_can_be_written_and_deleted(self) -> None:
        Tale.objects.search("bridge", mode="text").update(year=1)
        assert Tale.objects.filter(year=1).count() == 2
        Tale.objects.search("bridge", mode="text").delete()
        assert Tale.objects.count() == len(TALES) - 2

    def test_a_search_can_be_pickled(self) -> None:
        rows = Tale.objects.search("apple")
        again = Tale.objects.all()
        again.query = pickle.loads(pickle.dumps(rows.query))  # noqa: S301
        assert titles(again) == titles(rows)

    def test_a_search_can_be_awaited(self) -> None:
        async def found() -> list[str]:
            return [row.title async for row in Tale.objects.search("apple")[:2]]

        assert async_to_sync(found)() == titles(Tale.objects.search("apple")[:2])

    def test_any_queryset_can_be_searched(self) -> None:
        plain: models.QuerySet[Any] = models.QuerySet(Tale)
        assert titles(search(plain, "apple")) == titles(Tale.objects.search("apple"))
        assert len(highlight(search(plain, "apple"), "title")) == len(TALES)
        assert len(diversify(search(plain, "apple"))) == len(TALES)
        assert len(rerank(search(plain, "apple"), by_length)) == len(TALES)

    def test_children_are_found_with_their_parents_columns(self) -> None:
        Saga.objects.create(title="apple saga", volumes=3)
        generate(Tale)
        assert titles(Saga.objects.search("apple")) == ["apple saga"]

    # Lazy

    def test_nothing_is_embedded_before_rows_are_fetched(self) -> None:
        with count_queries_embedded() as embedded:
            rows = Tale.objects.search("apple").filter(year__gt=1)
            str(rows.query)
            pickle.dumps(rows.query)
            assert len(embedded) == 0
            list(rows[:2])
            list(rows[2:4])
            rows.count()
            assert len(embedded) == 1

    def test_a_vector_that_is_known_is_not_embedded(self) -> None:
        vector = Tale.objects.get(title="stone wall").embedding
        with count_queries_embedded() as embedded:
            rows = Tale.objects.search("apple cook", near=vector)
            assert next(row.title for row in rows if row.vector_rank == 1) == "stone wall"
            assert {row.text_rank for row in rows} >= {1, 2, 3}
            alone = Tale.objects.search("apple cook", mode="vector", near=vector)
            assert alone[0].title == "stone wall"
        assert not embedded

    def test_a_search_by_words_embeds_nothing(self) -> None:
        with count_queries_embedded() as embedded:
            list(Tale.objects.search("apple", mode="text"))
            assert len(embedded) == 0

    def test_the_query_can_be_embedded_before(self) -> None:
        with count_queries_embedded() as embedded:
            rows = Tale.objects.search("apple").embed_query()
            assert len(embedded) == 1
            list(rows)
            assert len(embedded) == 1

    # Refusals

    def test_unknown_options_are_refused(self) -> None:
        for options, message in (
            ({"mode": "words"}, "unknown mode 'words', use one of 'hybrid', 'vector', 'text'"),
            ({"fusion": "sum"}, "unknown fusion 'sum', use one of 'rrf', 'weighted'"),
            ({"candidates": 0}, "candidates is 0: use a whole number from 1"),
            ({"alpha": 2}, "alpha is 2"),
            ({"score_as": "title"}, "has a field 'title': choose another name"),
            ({"score_as": "distance"}, "are both 'distance': choose two names"),
            ({"max_distance": "far"}, "max_distance is 'far': give a number"),
        ):
            with self.subTest(options), self.assertRaisesMessage(SearchError, message):
                list(Tale.objects.search("apple", **options))

    def test_what_is_no_text_is_refused(self) -> None:
        with self.assertRaisesMessage(InvalidTargetError, "search() takes a text, not a list"):
            Tale.objects.search([1, 2])
        with self.assertRaisesMessage(InvalidTargetError, "only says what is not searched for"):
            Tale.objects.search("-apple")

    def test_a_model_without_an_embedding_is_refused(self) -> None:
        with self.assertRaises(UnknownFieldError):
            Fable.objects.search("apple")

    def test_another_index_is_chosen_by_its_name(self) -> None:
        assert Tale.objects.search("apple", index="tale_text").exists()
        with self.assertRaisesMessage(UnknownFieldError, "no TextIndex 'other': choose one"):
            Tale.objects.search("apple", index="other")

    def test_names_can_be_chosen(self) -> None:
        row = Tale.objects.search("apple", score_as="points", distance_as="far")[0]
        assert row.points > 0
        assert row.far >= 0

    # What may follow

    def test_diverse_rows_are_unlike_those_before(self) -> None:
        Tale.objects.create(title="red apple pie", body="A pie of red apples, baked by a cook.")
        generate(Tale)
        for ranked in (Tale.objects.search("red apple pie"), Tale.objects.nearest("red apple pie")):
            assert titles(ranked[:2]) == ["red apple pie"] * 2
            assert titles(ranked.diversify(lambda_=0.5)[:2]) != ["red apple pie"] * 2
            assert titles(ranked.diversify(lambda_=1)) == titles(ranked)

    def test_a_reranker_has_the_last_word(self) -> None:
        lengths = {tale.pk: len(f"{tale.title}\n{tale.body}") for tale in Tale.objects.all()}
        for ranked in (Tale.objects.search("apple"), Tale.objects.nearest("apple")):
            rows = list(ranked.rerank(by_length))
            assert [row.score for row in rows] == sorted(lengths.values(), reverse=True)
            assert [lengths[row.pk] for row in rows] == [row.score for row in rows]

    def test_a_reranker_reads_what_it_is_told_to(self) -> None:
        seen: list[Any] = []

        def score(query: str, texts: list[str]) -> list[float]:
            seen.append((query, sorted(texts)))
            return [0.0] * len(texts)

        list(Tale.objects.search("apple -pie").rerank(score, text="title", candidates=6))
        list(Tale.objects.nearest("a").rerank(score, text=lambda row: row.title, query="b"))
        every = sorted(title for title, _ in TALES)
        assert seen == [("apple", [t for t in every if t[-3:] not in ("pie", "art")]), ("b", every)]

    def test_reordering_follows_a_search_before_its_slice(self) -> None:
        with self.assertRaisesMessage(SearchError, "diversify() follows search(), nearest()"):
            Tale.objects.diversify()
        with self.assertRaisesMessage(SearchError, "rerank() comes before the slice"):
            Tale.objects.search("apple")[:2].rerank(by_length)
        with self.assertRaisesMessage(SearchError, "needs query="):
            Tale.objects.nearest(Tale.objects.all()[0]).rerank(by_length)
        with self.assertRaises(RerankerError):
            Tale.objects.search("apple").rerank("cross-encoder")
        with self.assertRaisesMessage(SearchError, "lambda_"):
            Tale.objects.search("apple").diversify(lambda_=2)

    def test_a_reordered_search_is_no_part_of_another_query(self) -> None:
        rows = Tale.objects.search("apple").diversify()
        with self.assertRaisesMessage(NotSupportedError, "evaluate it first"):
            list(Tale.objects.filter(pk__in=rows[:2].values("pk")))

    def test_words_found_are_marked(self) -> None:
        row = Tale.objects.search("apples tree").highlight("title", "body")[0]
        assert row.highlights == {
            "title": "<mark>apple</mark> <mark>tree</mark>",
            "body": "A <mark>tree</mark> in the garden of a cook.",
        }
        assert all(isinstance(text, SafeString) for text in row.highlights.values())

    def test_marked_texts_are_escaped(self) -> None:
        Tale.objects.create(title="<script>alert('griffin')</script>", body="a & b")
        row = Tale.objects.search("griffin", mode="text").highlight("title", "body", tag="b").get()
        assert row.highlights == {
            "title": "&lt;script&gt;alert(&#x27;<b>griffin</b>&#x27;)&lt;/script&gt;",
            "body": "a &amp; b",
        }

    def test_long_texts_are_cut_where_the_words_are(self) -> None:
        Tale.objects.create(title="long", body="word " * 500 + "a griffin flies " + "word " * 500)
        rows = Tale.objects.search("griffin", mode="text")
        marked = rows.highlight("body", length=60, highlights_as="shown").get().shown["body"]
        assert "<mark>griffin</mark>" in marked
        assert len(marked) < 90
        assert marked[0] == marked[-1] == "…"

    def test_only_searches_by_words_are_marked(self) -> None:
        with self.assertRaisesMessage(SearchError, "highlight() follows search()"):
            Tale.objects.nearest("apple").highlight("title")
        rows = Tale.objects.search("apple")
        for fields, options, message in (
            (("year",), {}, "takes char or text fields"),
            ((), {}, "takes char or text fields"),
            (("title",), {"tag": "b onclick=x"}, "is no name of an HTML element"),
            (("title",), {"length": 0}, "length is 0"),
            (("title",), {"highlights_as": "body"}, "has a field 'body'"),
        ):
            with self.subTest(fields), self.assertRaisesMessage(SearchError, message):
                rows.highlight(*fields, **options)
        with self.assertRaisesMessage(SearchError, "leave values() out"):
            rows.values("title").highlight("title")


class FusedFuzzConformance(ConformanceBase):
    @given(
        query=st.lists(
            st.sampled_from(["apple", "pie", "stone", "bridge", "cook", "river", "tart"]),
            min_size=1,
        ),
        years=st.sets(st.integers(2000, 2005)),
        fusion=st.sampled_from(["rrf", "weighted"]),
        alpha=st.sampled_from([0, 0.25, 0.5, 1]),
        candidates=st.integers(1, 8),
        limit=st.integers(1, 7),
    )
    def test_a_search_is_the_same_inside_of_another_query(
        self,
        query: list[str],
        years: set[int],
        fusion: str,
        alpha: float,
        candidates: int,
        limit: int,
    ) -> None:
        make_tales()
        rows = Tale.objects.filter(Q(year__in=years)).search(
            " ".join(query), fusion=fusion, alpha=alpha, candidates=candidates
        )
        found = list(rows[:limit])
        assert {row.year for row in found} <= years
        inside = Tale.objects.filter(pk__in=rows.values("pk")[:limit])
        assert {row.pk for row in inside} == {row.pk for row in found}
        exact = nearest(Tale.objects.filter(year__in=years), " ".join(query))
        assert len(found) == min(limit, exact.count()) or len(found) >= min(limit, candidates)
