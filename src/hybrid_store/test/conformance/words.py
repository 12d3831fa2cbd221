"""`TextIndex`, and searches by words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import InvalidTargetError, UnknownFieldError
from hybrid_store.models import search
from hybrid_store.test.conformance.base import ConformanceBase
from hybrid_store.test.models import Book, Fable, Part, Saga, Tale, TaleTeller, Verse
from hybrid_store.texts.words import sequence, telling

__all__ = ["WordConformance", "WordFuzzConformance"]

TALES = [
    ("Lost in space", "A crew drifts among the stars."),
    ("The chef", "A chef and a rat cook a fine soup."),
    ("Space cooks", "They cook in space, a crew of cooks."),
    ("Running dogs", "Dogs run, and one dog runs home."),
    ("El Niño", "La canción de los años perdidos."),
    ("고양이", "나는 고양이를 좋아한다. 강아지도 좋아한다."),
    ("吾輩は猫である", "東京大学の図書館に猫がいる。コンピューターもある。"),
    ("北京", "我爱北京天安门。也爱上海。"),
]
# Signs that mean something in the query languages of databases, and letters that are divided.
SIGNS = "\"'-*():^{}[]|&!~<>\\%_/+?.,; \t\nabzÀéß北京대학교カナ\x00\u200d👍"


# Letters of several scripts, and signs between them.
words = st.text("abcXYZ019 -'.,éñÀß나는고양이京都大学カナ", min_size=1, max_size=25)


def found(text: str, rows: Any = None, **options: Any) -> list[str]:
    """The titles of the tales that are found by words."""
    tales = Tale.objects.all() if rows is None else rows
    return [tale.title for tale in search(tales, text, mode="text", **options)]


def bm25(
    query: Sequence[str], document: Sequence[str], documents: Sequence[Sequence[str]]
) -> float:
    """As FTS5's documentation has it, with k1 1.2 and b 0.75."""
    average = sum(map(len, documents)) / len(documents)
    score = 0.0
    for word in query:
        having = sum(word in other for other in documents)
        idf = math.log((len(documents) - having + 0.5) / (having + 0.5))
        times = document.count(word)
        length = 1.2 * (0.25 + 0.75 * len(document) / average)
        score += max(idf, 1e-6) * times * 2.2 / (times + length)
    return score


class WordConformance(ConformanceBase):
    def setUp(self) -> None:
        super().setUp()
        for year, (title, body) in enumerate(TALES, 2000):
            Tale.objects.create(title=title, body=body, year=year)

    # What is found

    def test_a_word_finds_its_forms(self) -> None:
        assert found("run") == found("running") == found("RUNS") == ["Running dogs"]

    def test_rows_with_all_words_come_before_those_with_any(self) -> None:
        assert found("crew stars") == ["Lost in space", "Space cooks"]
        some = found("cook crew zebra")
        assert some[0] == "Space cooks"
        assert {*some[1:]} == {"The chef", "Lost in space"}
        Tale.objects.create(title="Stars, stars", body="Stars, stars, stars")
        Tale.objects.create(title="Crew and stars", body="and so on " * 50)
        assert found("crew stars")[1:3] == ["Crew and stars", "Stars, stars"]

    def test_a_phrase_must_be_there_word_for_word(self) -> None:
        assert {*found('"in space"')} == {"Lost in space", "Space cooks"}
        assert found('"space in"') == []
        assert found('cook "fine soup"') == ["The chef"]

    def test_a_phrase_spans_no_two_columns(self) -> None:
        assert found('"space a crew"') == ["Space cooks"]

    def test_a_quoted_word_must_be_there(self) -> None:
        assert found('cook "rat"') == ["The chef"]

    def test_a_minus_leaves_out(self) -> None:
        assert found("cook -soup") == ["Space cooks"]
        assert found('space -"among the stars"') == ["Space cooks"]

    def test_only_what_is_left_out_finds_nothing(self) -> None:
        assert found("-soup") == []

    def test_or_makes_one_of_two_do(self) -> None:
        assert {*found("dog or soup")} == {"Running dogs", "The chef"}
        strict = found("soup or stars crew")
        assert strict[0] == "Lost in space"

    def test_words_that_tell_nothing_do_not_count_beside_others(self) -> None:
        assert found("the crew of a griffin") == found("crew griffin")
        assert found("in the griffin") == []
        assert {*found("a rat and the soup")} == {"The chef"}
        row = Tale.objects.search("the crew in it", mode="text").highlight("body")[0]
        assert "<mark>crew</mark>" in row.highlights["body"]
        assert row.highlights["body"].count("<mark>") == 1

    def test_they_count_alone_and_in_quotation_marks(self) -> None:
        assert found("in the") != []
        assert found('"a rat and a"') == []
        assert found('"and a rat"') == ["The chef"]

    def test_signs_alone_find_nothing(self) -> None:
        assert found("?!") == []

    def test_columns_may_be_null(self) -> None:
        Tale.objects.create(title="Nothing more", body=None)
        assert found("nothing") == ["Nothing more"]

    def test_blank_text_is_refused(self) -> None:
        with self.assertRaisesMessage(InvalidTargetError, "Tale: the text to search for is blank"):
            found(" ")

    def test_a_model_without_an_index_of_words_is_refused(self) -> None:
        with self.assertRaisesMessage(UnknownFieldError, "has no TextIndex to search words by"):
            search(Book.objects.all(), "x", mode="text")

    # Languages

    def test_spanish_is_found_with_and_without_accents(self) -> None:
        for text in ("canción", "cancion", "CANCIÓN", "años", "nino", "Niño"):
            assert found(text) == ["El Niño"], text

    def test_capitals_are_found_by_small_letters_and_the_other_way_round(self) -> None:
        for capitals, small in (("GRO\u1e9e", "gro\u00df"), ("\u0393\u0397", "\u03b3\u03b7")):
            Tale.objects.create(title=capitals, year=1)
            Tale.objects.create(title=small, year=2)
            for text in (capitals, small):
                assert {*found(text)} == {capitals, small}

    def test_korean_is_found_whatever_particles_follow(self) -> None:
        for text in ("고양이", "고양이를", "고양이가", "강아지"):
            assert found(text)[0] == "고양이", text

    def test_japanese_and_chinese_are_found_by_words_inside_of_a_run(self) -> None:
        assert found("図書館") == ["吾輩は猫である"]
        assert found("コンピューター") == ["吾輩は猫である"]
        assert found("猫") == ["吾輩は猫である"]
        assert found("天安门") == ["北京"]
        assert found('"北京天安门"') == ["北京"]
        assert found('"北京上海"') == []
        assert found("上海 -北京") == []

    # Ranking

    def test_the_score_is_bm25(self) -> None:
        Tale.objects.all().delete()
        documents = [
            ["wolf", "wolf", "fox"],
            ["fox", "hen"],
            ["hen", "wolf", "hen", "owl"],
            ["elk"],
        ]
        # What the weight of titles counts twice is the same word for FTS5's formula.
        rows = [Tale.objects.create(title="", body=" ".join(words)) for words in documents]
        scored = {row.pk: row.score for row in Tale.objects.search("hen owl", mode="text")}
        expected = {
            row.pk: bm25(["hen", "owl"], words, documents)
            for row, words in zip(rows, documents, strict=True)
        }
        assert len(scored) == 2
        for key, score in scored.items():
            assert math.isclose(score, expected[key], abs_tol=1e-4)

    def test_a_word_counts_for_more_in_a_column_of_more_weight(self) -> None:
        Tale.objects.all().delete()
        for title, body in (("one", "griffin"), ("griffin", "two"), ("three", "four")):
            Tale.objects.create(title=title, body=body)
        assert found("griffin") == ["griffin", "one"]

    def test_rows_carry_their_place(self) -> None:
        rows = list(Tale.objects.search("crew", mode="text"))
        assert [row.text_rank for row in rows] == [1, 2]
        assert [(row.vector_rank, row.distance) for row in rows] == [(None, None)] * 2

    # The caller's rows

    def test_filters_count_before_and_after(self) -> None:
        assert found("crew", Tale.objects.filter(year=2000)) == ["Lost in space"]
        after = Tale.objects.search("crew", mode="text").exclude(year=2000)
        assert [tale.title for tale in after] == ["Space cooks"]

    def test_slices_have_as_many_rows_as_match(self) -> None:
        for year in range(50):
            Tale.objects.create(title=f"A troll {year}", year=year)
        rows = Tale.objects.filter(year__gte=40).search("troll", mode="text")
        assert len(rows[:5]) == 5
        assert len(rows[5:10]) == 5
        assert rows.filter(year__lt=50).count() == 10

    def test_slices_of_the_last_places_have_as_many(self) -> None:
        for year in range(20):
            Tale.objects.create(title=f"A troll {year}", year=year)
        rows = Tale.objects.search("troll", mode="text").filter(text_rank__gt=15)
        assert [row.text_rank for row in rows[:3]] == [16, 17, 18]

    def test_joins_give_a_row_as_often_as_they_do(self) -> None:
        tale = Tale.objects.get(title="Running dogs")
        tale.tellers.set([TaleTeller.objects.create(name=name) for name in "ab"])
        told = Tale.objects.filter(tellers__name__in="ab").search("dog", mode="text")
        assert [row.pk for row in told[:5]] == [tale.pk] * 2
        assert [row.pk for row in told.distinct()[:5]] == [tale.pk]

    def test_all_that_matches_is_counted(self) -> None:
        rows = Tale.objects.search("crew dogs", mode="text")
        assert rows.count() == len(rows) == 3
        assert rows.filter(year=2000).count() == 1
        assert rows.exists()
        assert not Tale.objects.search("zebra", mode="text").exists()

    # Every way of writing

    def test_saved_rows_are_found(self) -> None:
        tale = Tale.objects.create(title="Owls")
        assert found("owl") == ["Owls"]
        tale.title = "Hens"
        tale.save()
        assert (found("owl"), found("hen")) == ([], ["Hens"])
        tale.delete()
        assert found("hen") == []

    def test_bulk_writes_are_found(self) -> None:
        tales = Tale.objects.bulk_create([Tale(title=f"Owl {n}") for n in range(3)])
        assert len(found("owl")) == 3
        for tale in tales:
            tale.body = "A griffin"
        Tale.objects.bulk_update(tales, ["body"])
        assert len(found("griffin")) == 3
        Tale.objects.filter(body="A griffin").update(
            body=Concat(F("title"), Value(" and a unicorn"))
        )
        assert (found("griffin"), len(found("unicorn"))) == ([], 3)
        Tale.objects.filter(pk__in=[tale.pk for tale in tales]).delete()
        assert found("owl") == []

    def test_ingested_rows_are_found(self) -> None:
        Tale.objects.bulk_ingest([Tale(title="Ingested owl")])
        assert found("owl") == ["Ingested owl"]

    def test_rows_written_in_sql_are_found(self) -> None:
        table = connection.ops.quote_name(Tale._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET title = 'Raw owl' WHERE year = 2000")  # noqa: S608
            assert found("owl") == ["Raw owl"]
            cursor.execute(f"DELETE FROM {table} WHERE year = 2000")  # noqa: S608
        assert found("owl") == []

    def test_upserts_are_found(self) -> None:
        tale = Tale.objects.create(title="Owl")
        changed = Tale(pk=tale.pk, title="Hen")
        Tale.objects.bulk_create(
            [changed], update_conflicts=True, unique_fields=["id"], update_fields=["title"]
        )
        Tale.objects.bulk_create([Tale(pk=tale.pk, title="Elk")], ignore_conflicts=True)
        assert (found("owl"), found("hen"), found("elk")) == ([], ["Hen"], [])

    def test_what_is_rolled_back_is_not_found(self) -> None:
        with suppress(RuntimeError), transaction.atomic():
            Tale.objects.update(title="Owl")
            assert len(found("owl")) == len(TALES)
            raise RuntimeError
        assert found("owl") == []
        assert found("dog") == ["Running dogs"]

    def test_a_changed_primary_key_is_followed(self) -> None:
        tale = Tale.objects.get(title="Running dogs")
        Tale.objects.filter(pk=tale.pk).update(id=tale.pk + 1000)
        assert [row.pk for row in Tale.objects.search("dog", mode="text")] == [tale.pk + 1000]

    # Parts of words

    def test_parts_of_words_are_found(self) -> None:
        numbers = ["AX-40731", "BX-40732", "Kühlschrankbeleuchtung", "東京大学図書館"]
        for number in numbers:
            Part.objects.create(number=number)

        def found(text: str) -> list[str]:
            return sorted(part.number for part in Part.objects.search(text, mode="text"))

        assert found("4073") == numbers[:2]
        assert found("40731") == [numbers[0]]
        assert found("SCHRANK") == [numbers[2]]
        assert found("大学図") == [numbers[3]]
        assert found("407 -bx") == numbers[:2]
        assert found("407 -40732") == [numbers[0]]
        assert found("AX-40731") == [numbers[0]]
        assert found('"731"') == [numbers[0]]
        assert (found("40"), found("x")) == ([], [])
        part = Part.objects.search("schrank", mode="text").highlight("number").get()
        assert part.highlights == {"number": "Kühl<mark>schrank</mark>beleuchtung"}

    # Any model

    def test_keys_may_be_of_any_type(self) -> None:
        fable = Fable.objects.create(title="A fox")
        assert Fable.objects.search("fox", mode="text").get() == fable
        Fable.objects.filter(pk=fable.pk).update(title="A hen")
        assert not Fable.objects.search("fox", mode="text")
        fable.delete()
        assert not Fable.objects.search("hen", mode="text")

    def test_keys_may_be_of_several_columns(self) -> None:
        first = Verse.objects.create(poem=1, number=2, text="An owl sat")
        Verse.objects.create(poem=2, number=1, text="Nothing")
        assert Verse.objects.search("owl", mode="text").get().pk == first.pk == (1, 2)
        Verse.objects.filter(pk=(1, 2)).update(text="A hen sat")
        assert [row.pk for row in Verse.objects.search("hen", mode="text")] == [(1, 2)]
        Verse.objects.filter(pk=(1, 2)).delete()
        assert not Verse.objects.search("hen", mode="text")

    def test_children_are_found_by_the_index_of_their_parent(self) -> None:
        saga = Saga.objects.create(title="Griffin", year=1, volumes=3)
        assert [row.pk for row in Saga.objects.search("griffin", mode="text")] == [saga.pk]
        assert [row.pk for row in Tale.objects.search("griffin", mode="text")] == [saga.pk]

    def test_very_long_texts_are_queries(self) -> None:
        assert "Space cooks" in found(" ".join(f"word{n}" for n in range(60)) + " cook " * 9000)


ANIMALS = ["owl", "hen", "elk", "fox"]
keys = st.tuples(st.integers(1, 2), st.integers(1, 2))
line = st.lists(st.sampled_from(ANIMALS), max_size=4).map(" ".join)


def _create(key: Any, one: str, other: str) -> None:
    Verse.objects.bulk_create(
        [Verse(poem=key[0], number=key[1], text=one)],
        update_conflicts=True,
        unique_fields=["poem", "number"],
        update_fields=["text"],
    )


def _undo(key: Any, one: str, other: str) -> None:
    with suppress(RuntimeError), transaction.atomic():
        _create(key, one, other)
        Verse.objects.update(text=other)
        raise RuntimeError


def _move(key: Any, one: str, other: str) -> None:
    if not Verse.objects.filter(poem=key[0], number=9).exists():
        Verse.objects.filter(pk=key).update(number=9, text=one)


def _write_sql(key: Any, one: str, other: str) -> None:
    table = connection.ops.quote_name(Verse._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET text = text || %s WHERE poem = %s", [f" {one}", key[0]])  # noqa: S608
        cursor.execute(f"DELETE FROM {table} WHERE text LIKE %s", [f"%{other} {other}%"])  # noqa: S608


STEPS: dict[str, Callable[[Any, str, str], Any]] = {
    "create": _create,
    "update": lambda key, one, other: Verse.objects.filter(pk=key).update(text=one),
    "update all": lambda key, one, other: Verse.objects.filter(poem=key[0]).update(text=one),
    "delete": lambda key, one, other: Verse.objects.filter(pk=key).delete(),
    "move": _move,
    "undo": _undo,
    "write": _write_sql,
}


class WordFuzzConformance(ConformanceBase):
    """Without `setUp`, which hypothesis runs outside of its transactions."""

    @given(text=st.text(SIGNS, min_size=1, max_size=40).filter(str.strip))
    def test_any_text_is_a_query(self, text: str) -> None:
        self._check(text)

    @given(text=st.text(min_size=1, max_size=20).filter(str.strip))
    def test_any_character_may_be_searched_for(self, text: str) -> None:
        self._check(text)

    @staticmethod
    def _check(text: str) -> None:
        rows = [Tale.objects.create(title=title, body=body) for title, body in TALES[4:]]
        hits = Tale.objects.search(text, mode="text")
        assert {row.pk for row in hits} <= {row.pk for row in rows}
        assert hits.count() == len(hits)
        assert hits.highlight("title", "body").count() == len(hits)

    @given(steps=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), keys, line, line), max_size=12))
    def test_the_index_is_that_of_the_rows_whatever_was_written(self, steps: list[Any]) -> None:
        for name, key, one, other in steps:
            STEPS[name](key, one, other)
        rows = {(v.poem, v.number): v.text.split() for v in Verse.objects.all()}
        for word in ANIMALS:
            expected = {key for key, text in rows.items() if word in text}
            ranked = list(Verse.objects.search(word, mode="text"))
            assert {row.pk for row in ranked} == expected, word
            for row in ranked:
                score = bm25([word], rows[row.pk], [*rows.values()])
                assert math.isclose(row.score, score, abs_tol=1e-4)

    @given(title=words, body=words)
    def test_a_text_is_found_by_each_of_its_words_and_as_a_phrase(
        self, title: str, body: str
    ) -> None:
        Tale.objects.create(title="other", body="words")
        row = Tale.objects.create(title=title, body=body)
        for text in (title, body):
            for word in [*telling(text), text]:
                if sequence(word):
                    hits = Tale.objects.search(f'"{word}"', mode="text")
                    assert row.pk in {hit.pk for hit in hits}, word
