"""`nearest_by_passage`: rows by the nearest of their passages."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

from django.conf import settings

from hybrid_store.exceptions import SearchError, UnknownFieldError
from hybrid_store.models import nearest_by_passage
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.conformance.passages import split
from hybrid_store.test.models import (
    Book,
    LoudParagraph,
    Manual,
    ManualPassage,
    Offer,
    OfferText,
    Speech,
    SpeechParagraph,
)
from hybrid_store.test.watching import count_queries_embedded

__all__ = ["PassageSearchConformance"]

THINGS = ["A wing of a bird", "The boat on a river", "A stone wall", "The cook", "Rain", "An apple"]


def by_title(query: str, titles: list[str]) -> list[float]:
    return [float(title.split()[-1]) for title in titles]


class PassageSearchConformance(ConformanceBase):
    def setUp(self) -> None:
        super().setUp()
        self.make(12)

    def make(self, count: int) -> None:
        """Manuals of one to four paragraphs about two of six things each."""
        for number in range(count):
            things = (THINGS[number % 6], THINGS[number // 2 % 6])
            body = "\n\n".join(f"{thing} number {number}." for thing in things * (1 + number % 2))
            Manual.objects.create(title=f"Manual {number}", body=body, year=2000 + number)
        split(ManualPassage)
        generate(ManualPassage)

    def reference(
        self, text: str, rows: Any = None, passages: Any = None
    ) -> list[tuple[Any, float]]:
        """Key and least distance of each row, by all distances of all passages."""
        counted = ManualPassage.objects.all() if passages is None else passages
        best: dict[Any, float] = {}
        for passage in counted.nearest(text).tuned(exact=True):
            best.setdefault(passage.parent_id, passage.distance)
        known = set(Manual.objects.values_list("pk", flat=True) if rows is None else rows)
        return [(key, distance) for key, distance in best.items() if key in known]

    def check(self, found: Any, expected: list[tuple[Any, float]]) -> None:
        rows = list(found)
        assert len(rows) == len(expected)
        for row, (_, distance) in zip(rows, expected, strict=True):
            assert math.isclose(row.distance, distance, abs_tol=1e-6)
            assert row.passage.parent_id == row.pk
            assert math.isclose(dict(expected)[row.pk], row.distance, abs_tol=1e-6)

    def test_rows_come_by_their_nearest_passage(self) -> None:
        for text in ("a wing", "river boat", "stone"):
            for most in (1, 3, 12, 50):
                found = Manual.objects.nearest_by_passage(text)[:most]
                self.check(found, self.reference(text)[:most])
            self.check(Manual.objects.nearest_by_passage(text), self.reference(text))
        rows = Manual.objects.nearest_by_passage("stone")
        assert [row.pk for row in rows[2:5]] == [row.pk for row in rows][2:5]
        assert all(math.isclose(row.similarity, 1 - row.distance, abs_tol=1e-6) for row in rows)

    def test_filters_of_rows_and_of_passages_count_before_ranking(self) -> None:
        late = Manual.objects.filter(year__gte=2007)
        keys = set(late.values_list("pk", flat=True))
        expected = self.reference("a wing", keys)
        self.check(late.nearest_by_passage("a wing")[:4], expected[:4])
        after = Manual.objects.nearest_by_passage("a wing").filter(year__gte=2007)
        self.check(after[:4], expected[:4])
        ManualPassage.objects.filter(number=0).update(approved=False)
        approved = ManualPassage.objects.filter(approved=True)
        found = late.nearest_by_passage("a wing", passages=approved)
        expected = self.reference("a wing", keys, approved)
        self.check(found[:4], expected[:4])
        self.check(found, expected)
        assert all(row.passage.number > 0 for row in found)
        assert not Manual.objects.none().nearest_by_passage("a wing").exists()
        none = ManualPassage.objects.none()
        assert not Manual.objects.nearest_by_passage("a wing", passages=none)[:3]

    def test_as_many_rows_as_there_are_however_many_passages_some_have(self) -> None:
        greedy = Manual.objects.create(title="", body="\n\n".join(["Wings on wings"] * 100))
        split(ManualPassage)
        generate(ManualPassage)
        assert ManualPassage.objects.filter(parent=greedy).count() > 20
        rows = list(Manual.objects.nearest_by_passage("Wings on wings")[:5])
        assert rows[0] == greedy
        assert len({row.pk for row in rows}) == 5
        self.check(rows, self.reference("Wings on wings")[:5])

    def test_an_approximate_index_gives_as_many_rows_too(self) -> None:
        self.make(40)
        approximate = {**settings.HYBRID_STORE, "SEARCH": {"EXACT": False}}
        with self.settings(HYBRID_STORE=approximate):
            for least, count in ((2000, 52), (2030, 10), (2039, 1)):
                rows = Manual.objects.filter(year__gte=least)
                for most in (1, 5, 20):
                    found = list(rows.nearest_by_passage("a wing")[:most])
                    assert len({row.pk for row in found}) == len(found) == min(most, count)
                    assert all(row.year >= least for row in found)
                    distances = [row.distance for row in found]
                    assert distances == sorted(distances)

    def test_a_page_is_fetched_by_few_queries(self) -> None:
        list(Manual.objects.nearest_by_passage("a wing")[:5])
        with self.assertNumQueries(3):
            # The nearest passages, their rows, and the passages with their texts.
            for row in Manual.objects.nearest_by_passage("a wing")[:5]:
                assert row.passage.text
                assert row.passage.parent is row
                assert row.passage.get_deferred_fields() == {"embedding"}

    def test_it_is_a_queryset_as_any(self) -> None:
        found = Manual.objects.nearest_by_passage("a wing")
        rows = list(found)
        with count_queries_embedded() as asked:
            copied: Any = pickle.loads(pickle.dumps(found.query))  # noqa: S301
            assert found.count() == len(rows)
        assert asked == []
        assert copied.model is Manual
        first = found.values("title", "distance", "passage")[0]
        assert first["passage"] == rows[0].passage.pk
        assert list(found.values_list("pk", flat=True)) == [row.pk for row in rows]
        assert found.order_by("-year")[0].year == 2011
        assert found.filter(distance__lte=rows[3].distance + 1e-9).count() == 4
        inside = Manual.objects.filter(pk__in=found.values("pk")[:3])
        assert {row.pk for row in inside} == {row.pk for row in rows[:3]}
        limited = Manual.objects.nearest_by_passage("a wing", max_distance=rows[2].distance + 1e-9)
        assert [row.pk for row in limited] == [row.pk for row in rows[:3]]
        assert limited.count() == 3
        named = nearest_by_passage(
            Manual.objects.all(), "a wing", distance_as="d", similarity_as="s", passage_as="p"
        )
        assert named[0].p == rows[0].passage
        assert next(iter(found.rerank(by_title, text=["title"]))).title == "Manual 11"

    def test_it_may_be_near_to_a_passage_or_a_vector(self) -> None:
        passage = ManualPassage.objects.order_by("pk")[3]
        found = list(Manual.objects.nearest_by_passage(passage))
        assert passage.parent_id not in {row.pk for row in found}
        assert len(found) == 11
        by_vector = Manual.objects.nearest_by_passage(passage.embedding)
        assert by_vector[0].distance < 1e-6

    def test_rows_without_a_passage_are_no_hits(self) -> None:
        Manual.objects.create(title="a wing", body="not split yet")
        Manual.objects.create(title=" ")
        assert Manual.objects.nearest_by_passage("a wing").count() == 12

    def test_keys_may_be_of_any_type_and_a_row_its_only_passage(self) -> None:
        speech = Speech.objects.create(words="stones\nwings and wings")
        Speech.objects.create(words="boats")
        for model in (SpeechParagraph, LoudParagraph):
            split(model)
            generate(model)
            found = Speech.objects.nearest_by_passage(
                "wings and wings", passages=model.objects.all()
            )
            assert found[0] == speech
            assert found[0].passage.text.lower() == "wings and wings"
            assert len(found) == 2
        Offer.objects.bulk_create([Offer(name="chair"), Offer(name="table")])
        split(OfferText)
        generate(embedding_field(OfferText, "second"))
        [nearest] = Offer.objects.nearest_by_passage("chair", field="second")[:1]
        assert (nearest.name, nearest.passage.text) == ("chair", "chair")
        values = Offer.objects.nearest_by_passage("chair", field="second").values("pk", "passage")
        assert values[0] == {"pk": nearest.pk, "passage": nearest.pk}

    def test_mistakes_are_told(self) -> None:
        manuals = Manual.objects.all()
        mistakes: list[tuple[Callable[[], object], str]] = [
            (lambda: manuals[:3].nearest_by_passage("x"), "before the slice"),
            (lambda: manuals.nearest_by_passage("x", passages=Offer.objects.all()), "of passages"),
            (lambda: manuals.nearest_by_passage("x", passages="passages"), "of passages"),
            (
                lambda: manuals.nearest_by_passage("x", passages=ManualPassage.objects.all()[:3]),
                "is filtered",
            ),
            (lambda: manuals.values("pk").nearest_by_passage("x"), "leave values"),
            (lambda: manuals.nearest_by_passage("x", passage_as="title"), "passage_as"),
            (lambda: manuals.nearest_by_passage("x", passage_as="distance"), "two names"),
            (lambda: manuals.nearest_by_passage("x", metric="hamming"), "hamming"),
            (lambda: manuals.nearest_by_passage(manuals[0]), "has no such vector"),
            (lambda: manuals.nearest_by_passage(" "), "blank"),
            (lambda: Speech.objects.nearest_by_passage("x"), "LoudParagraph"),
            (lambda: Book.objects.nearest_by_passage("x"), "none"),
            (lambda: Offer.objects.nearest_by_passage("x"), "several"),
        ]
        for mistake, sentence in mistakes:
            with self.subTest(sentence), self.assertRaisesMessage(SearchError, sentence):
                mistake()

    # By words and by meaning

    def test_rows_come_by_the_words_of_their_passages(self) -> None:
        rows = list(Manual.objects.search_by_passage("boat", mode="text"))
        boats = ManualPassage.objects.search("boat", mode="text")
        assert {row.pk for row in rows} == {passage.parent_id for passage in boats}
        assert all("boat" in row.passage.text for row in rows)
        assert [row.text_rank for row in rows] == [*range(1, len(rows) + 1)]
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
        assert Manual.objects.search_by_passage("boat", mode="text").count() == len(rows)

    def test_words_and_meaning_are_fused_by_rows(self) -> None:
        by_meaning = {row.pk: row for row in Manual.objects.nearest_by_passage("river boat")}
        by_words = Manual.objects.search_by_passage("river boat", mode="text")
        places = {row.pk: row.text_rank for row in by_words}
        rows = list(Manual.objects.search_by_passage("river boat"))
        assert len(rows) == len(by_meaning)
        for row in rows:
            assert math.isclose(row.distance, by_meaning[row.pk].distance, abs_tol=1e-6)
            assert row.text_rank == places.get(row.pk)
            assert row.passage.parent_id == row.pk
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
        assert [row.pk for row in rows[:3]] == [row.pk for row in rows][:3]

    def test_rows_and_passages_are_filtered_in_searches_by_words(self) -> None:
        ManualPassage.objects.filter(parent__year__lt=2006).update(approved=False)
        approved = ManualPassage.objects.filter(approved=True)
        found = Manual.objects.search_by_passage("boat wing", passages=approved)
        assert {row.year >= 2006 for row in found} == {True}
        late = Manual.objects.filter(year__gte=2009).search_by_passage("boat wing")
        assert {row.year for row in late} == {2009, 2010, 2011}
        after = Manual.objects.search_by_passage("boat wing").filter(year__gte=2009)
        assert [row.pk for row in after] == [row.pk for row in late]

    def test_what_the_text_demands_holds_for_the_passages(self) -> None:
        rows = Manual.objects.search_by_passage('"stone wall" -boat')
        assert rows
        for row in rows:
            assert "stone wall" in row.passage.text.lower()
            assert "boat" not in row.passage.text

    def test_words_are_marked_in_the_passage(self) -> None:
        row = Manual.objects.search_by_passage("boats").highlight("text")[0]
        assert "<mark>boat</mark>" in row.highlights["text"]
        with self.assertRaisesMessage(SearchError, "highlight() takes char or text fields"):
            Manual.objects.search_by_passage("boats").highlight("title")

    def test_rows_found_by_passages_can_be_diverse_and_reranked(self) -> None:
        rows = Manual.objects.search_by_passage("boat")
        reranked = list(rows.rerank(by_title, text="title", candidates=50))
        assert [row.title for row in reranked[:2]] == ["Manual 11", "Manual 10"]

    def test_passages_without_an_index_of_words_are_refused(self) -> None:
        with self.assertRaisesMessage(UnknownFieldError, "has no TextIndex"):
            Offer.objects.search_by_passage("x", field="embedding")
        with self.assertRaisesMessage(SearchError, "comes before the slice"):
            Manual.objects.all()[:3].search_by_passage("x")
