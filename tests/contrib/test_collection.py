"""Documents in a queryset: read, searched and written, and none outside of it."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import numpy as np
import pytest

from hybrid_store.contrib.retrieval.collection import Collection, Question
from hybrid_store.contrib.retrieval.filters import Condition, Operator
from hybrid_store.contrib.retrieval.layout import Record, layout
from hybrid_store.contrib.retrieval.writing import Conflict
from hybrid_store.exceptions import DocumentError, DuplicateDocumentError, SearchError
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book, Tale
from tests.contrib.models import Paper

pytestmark = pytest.mark.django_db


def vector(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (384 - len(numbers))]


def record(key: str, text: str, *numbers: float, **metadata: Any) -> Record:
    return Record(key, text, metadata, vector(*numbers) if numbers else None)


def papers(owner: str, **options: Any) -> Collection:
    return Collection(
        Paper.objects.filter(owner=owner),
        layout(Paper, **options),
        defaults={"owner": owner},
        embedded_by="default",
    )


def year(value: int) -> Condition:
    return Condition(("year",), Operator.EQ, value)


DOCUMENTS = [
    record("a", "red apples", 1, 0, year=2000),
    record("b", "green apples", 0.9, 0.1, year=2001),
    record("c", "stone bridges", 0, 1, year=2001),
]


class TestOwn:
    @pytest.fixture
    def mine(self) -> Collection:
        mine = papers("me")
        assert mine.write(DOCUMENTS) == ["a", "b", "c"]
        papers("you").write([record("x", "red apples too", 1, 0, year=2001)])
        return mine

    def test_documents_come_back_as_they_were(self, mine: Collection) -> None:
        found = mine.by_key(["b", "a", "nothing", "x"], with_embeddings=True)
        assert {*found} == {"a", "b"}
        assert (found["a"].text, found["a"].metadata) == ("red apples", {"year": 2000})
        np.testing.assert_allclose(found["b"].embedding, vector(0.9, 0.1), rtol=1e-6)
        assert mine.by_key(["a"])["a"].embedding is None

    def test_the_nearest_are_found(self, mine: Collection) -> None:
        hits = mine.search(Question(2, vector=vector(1, 0)))
        assert [hit.record.key for hit in hits] == ["a", "b"]
        assert hits[0].score == pytest.approx(1.0)

    def test_words_are_found(self, mine: Collection) -> None:
        hits = mine.search(Question(5, text="apple"))
        assert {hit.record.key for hit in hits} == {"a", "b"}
        assert all(hit.score > 0 for hit in hits)

    def test_both_are_fused(self, mine: Collection) -> None:
        hits = mine.search(Question(5, vector=vector(0, 1), text="apple"))
        assert {hit.record.key for hit in hits} == {"a", "b", "c"}
        by_words = mine.search(Question(1, vector=vector(0, 1), text="red", alpha=0.0))
        by_vector = mine.search(Question(1, vector=vector(0, 1), text="red", alpha=1.0))
        assert [hit.record.key for hit in (*by_words, *by_vector)] == ["a", "c"]

    def test_filters_count_before_ranking(self, mine: Collection) -> None:
        for question in (
            Question(5, vector=vector(1, 0), filter=year(2001)),
            Question(5, vector=vector(1, 0), text="apples", filter=year(2001)),
        ):
            assert {hit.record.key for hit in mine.search(question)} == {"b", "c"}

    def test_rows_may_be_unlike_each_other(self, mine: Collection) -> None:
        question = Question(2, vector=vector(1, 0), lambda_=0.3)
        assert [hit.record.key for hit in mine.search(question)] == ["a", "c"]

    def test_shares_are_checked(self, mine: Collection) -> None:
        for share in (1.5, -0.1):
            with pytest.raises(SearchError, match="lambda_"):
                mine.search(Question(2, vector=vector(1, 0), lambda_=share))

    def test_only_the_best_of_either_kind_are_fused(self, mine: Collection) -> None:
        for choice, best in ((1, "a"), (2, "b"), (None, "b")):
            question = Question(1, vector=vector(1, 0), text="green", alpha=0.6, choice=choice)
            assert [hit.record.key for hit in mine.search(question)] == [best]

    def test_a_part_of_it_may_be_named(self, mine: Collection) -> None:
        mine.write([Record("d", "of one", {}, source="one"), Record("e", "of x", {}, source="x")])
        papers("you").write([Record("y", "of one", {}, source="one")])

        def left(**parts: Any) -> set[str]:
            within = mine.within(**parts)
            return {record.key for record in within.records(within.rows())}

        assert left() == {"a", "b", "c", "d", "e"}
        assert left(keys=["a", "x", "-"]) == {"a"}
        assert left(keys=[]) == left(sources=[]) == left(sources=["", "two"]) == set()
        assert left(sources=["one", "x"]) == {"d", "e"}
        assert left(keys=["a", "d"], sources=["one"]) == {"d"}
        assert mine.within(keys=["a", "b"]).search(
            Question(5, vector=vector(0, 1), filter=year(2001))
        )

    def test_nothing_to_search_for_is_refused(self, mine: Collection) -> None:
        with pytest.raises(SearchError, match="nothing to search for"):
            mine.search(Question(2, text=" "))
        assert mine.search(Question(0, vector=vector(1))) == []

    def test_documents_are_replaced(self, mine: Collection) -> None:
        Paper.objects.filter(pk="a").update(price=3)
        assert mine.write([record("a", "blue plums", 0, 1), record("d", "new", 1)]) == ["a", "d"]
        paper = Paper.objects.get(pk="a")
        assert (paper.text, paper.metadata, paper.price) == ("blue plums", {}, 3)
        assert paper.embedding == vector(0, 1)
        assert mine.search(Question(1, text="plum"))[0].record.key == "a"
        assert not Paper.objects.stale().exists()

    def test_keys_in_use_may_be_skipped_or_fail(self, mine: Collection) -> None:
        new = [record("a", "other", 1), record("d", "new", 1)]
        with pytest.raises(DuplicateDocumentError, match="'a' is already there"):
            mine.write(new, Conflict.FAIL)
        assert not mine.by_key(["d"])
        assert mine.write(new, Conflict.SKIP) == ["d"]
        assert mine.by_key(["a"])["a"].text == "red apples"

    def test_the_last_of_a_key_counts(self, mine: Collection) -> None:
        assert mine.write([record("d", "first", 1), record("d", "second", 1)]) == ["d"]
        assert mine.by_key(["d"])["d"].text == "second"

    def test_rows_of_others_are_not_touched(self, mine: Collection) -> None:
        with pytest.raises(DocumentError, match="'x' is in use elsewhere"):
            mine.write([record("x", "mine now", 1), record("e", "new", 1)])
        assert not mine.by_key(["e", "x"])
        assert Paper.objects.get(pk="x").text == "red apples too"
        assert mine.delete(mine.rows_by_key(["x", "a"])) == 1
        assert {*Paper.objects.values_list("pk", flat=True)} == {"b", "c", "x"}
        assert mine.delete(mine.rows().order_by("-pk")[:1]) == 1
        assert {*mine.by_key(["b", "c"])} == {"b"}

    def test_metadata_is_merged(self, mine: Collection) -> None:
        changes = {"year": 2002, "new": [1]}
        assert mine.merge(mine.rows(year(2001)), changes) == 2
        assert [*mine.metadata(mine.rows().order_by("pk"))] == [{"year": 2000}, changes, changes]
        assert Paper.objects.get(pk="x").metadata == {"year": 2001}
        assert not Paper.objects.stale().exists()
        assert mine.merge(mine.rows().order_by("pk")[:1], {"year": 1}) == 1
        assert [*mine.metadata(mine.rows(year(1)))] == [{"year": 1}]
        of_owner = papers("me", fields=["owner"])
        with pytest.raises(DocumentError, match="outside of the queryset"):
            of_owner.merge(of_owner.rows(), {"owner": "you"})
        assert mine.rows().count() == 3

    def test_rows_outside_of_the_queryset_are_not_written(self) -> None:
        without = Collection(Paper.objects.filter(owner="me"), layout(Paper), embedded_by="default")
        with pytest.raises(DocumentError, match=r"'a' is outside of the queryset.*defaults="):
            without.write(DOCUMENTS[:1])
        assert not Paper.objects.exists()
        mine = papers("me", fields=["owner"])
        with pytest.raises(DocumentError, match="outside of the queryset"):
            mine.write([record("a", "for you", 1, owner="you")])
        assert not Paper.objects.exists()

    def test_vectors_of_unknown_origin_are_refused(self) -> None:
        unknown = Collection(Paper.objects.all(), layout(Paper))
        with pytest.raises(DocumentError, match="embedded_by='default'"):
            unknown.write(DOCUMENTS)
        assert unknown.write([record("a", "no vector")]) == ["a"]
        assert Paper.objects.stale().count() == 1

    @pytest.mark.parametrize(
        ("key", "text", "metadata", "message"),
        [
            ("a", "a\x00", {}, "the text of 'a' has characters that no text"),
            ("a", "\ud800", {}, "the text of 'a' has characters that no text"),
            ("a", "a", {"b": ["\x00"]}, "has characters that no text"),
            ("a", "a", {"b": {"\ud800": 1}}, "has characters that no text"),
            ("a", "a", {"b": float("nan")}, "is no JSON"),
            ("a", "a", {"b": {1}}, "is no JSON: it has a set in it"),
            ("\x00", "a", {}, "is no key for a CharField"),
            ("\ud800", "a", {}, "is no key for a CharField"),
        ],
    )
    def test_what_no_database_holds_is_refused(
        self, key: str, text: str, metadata: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DocumentError, match=message):
            papers("me").write([Record(key, text, metadata)])
        assert papers("me").by_key(["\x00", "\ud800", "a"]) == {}

    def test_dates_and_uuids_are_texts_in_json(self) -> None:
        mine, code = papers("me"), uuid.uuid4()
        mine.write([record("a", "a", on=date(2020, 1, 2), code=code)])
        assert mine.by_key(["a"])["a"].metadata == {"on": "2020-01-02", "code": str(code)}
        for key, value in (("on", date(2020, 1, 2)), ("code", code)):
            assert mine.rows(Condition((key,), Operator.EQ, value)).exists()

    def test_metadata_comes_back_as_json_has_it(self) -> None:
        deep: Any = "bottom"
        for _ in range(20):
            deep = [{"deeper": deep}]
        metadata: dict[Any, Any] = {"deep": deep, "pair": (1, [2.5, None]), 3: True}
        papers("me").write([Record("a", "a", metadata)])
        [found] = papers("me").by_key(["a"]).values()
        assert found.metadata == {"deep": deep, "pair": [1, [2.5, None]], "3": True}


class TestAnyModel:
    def test_defaults_may_name_relations(self) -> None:
        author = Author.objects.create(name="Kim")
        books = Collection(
            Book.objects.filter(author=author),
            layout(Book, text="title", fields=["year"]),
            defaults={"author": author, "year": 1999},
        )
        books.write([record("1", "red apples", year=2001), record("2", "green apples")])
        found = Book.objects.order_by("pk").values_list("title", "year", "author", "description")
        assert [*found] == [
            ("red apples", 2001, author.pk, ""),
            ("green apples", 1999, author.pk, ""),
        ]

    def test_metadata_may_be_in_fields(self) -> None:
        author = Author.objects.create(name="Kim")
        Book.objects.create(title="red apples", year=2001, author=author)
        generate(Book)
        books = Collection(
            Book.objects.all(),
            layout(Book, text="title", fields={"year": "year", "by": "author__name"}),
        )
        [found] = books.records(books.rows(Condition(("by",), Operator.EQ, "Kim")))
        assert (found.text, found.metadata) == ("red apples", {"year": 2001, "by": "Kim"})
        assert books.search(Question(3, vector=Book.objects.get().embedding, filter=year(2001)))
        assert not books.search(Question(3, vector=Book.objects.get().embedding, filter=year(1)))

    def test_metadata_may_be_keys_of_related_rows(self) -> None:
        kim, lee = Author.objects.create(name="Kim"), Author.objects.create(name="Lee")
        fields = {"by": "author", "year": "year"}
        books = Collection(Book.objects.all(), layout(Book, text="title", fields=fields))
        for author in (kim, lee):
            books.write([record("1", "apples", by=author.pk), record("2", "pears", year=1999)])
            found = {found.key: found.metadata for found in books.records(books.rows())}
            assert found == {
                "1": {"by": author.pk, "year": None},
                "2": {"by": None, "year": 1999},
            }

    def test_what_has_no_place_is_refused(self) -> None:
        books = Collection(Book.objects.all(), layout(Book, text="title", fields=["year"]))
        for given, message in [
            (record("1", "a", pages=3), "Book has no field for the metadata 'pages'"),
            (record("1", "a", year="many"), "Book.year: 'many' is no value of a"),
            (record("a-b", "a"), "Book.pk: 'a-b' is no key for a"),
        ]:
            with pytest.raises(DocumentError, match=message):
                books.write([given])
        with pytest.raises(ValueError, match="Book has no metadata 'pages'; it has: year"):
            books.rows(Condition(("pages",), Operator.EQ, 1))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"text": "body"}, "Book has no field 'body'"),
            ({"text": "title", "metadata": "year"}, "Book.year is no JSONField"),
            ({"text": "title", "key": "title"}, "Book.title is not unique"),
            ({"text": "title", "fields": {"a": "author__age"}}, "has no field 'author__age'"),
        ],
    )
    def test_layouts_are_checked(self, options: Any, message: str) -> None:
        with pytest.raises(DocumentError, match=message):
            layout(Book, **options)

    def test_documents_may_be_parts_of_nothing(self) -> None:
        books = Collection(Book.objects.all(), layout(Book, text="title"))
        with pytest.raises(DocumentError, match=r"Book does not tell.*source="):
            books.within(sources=["one"])

    def test_the_text_has_to_be_known(self) -> None:
        with pytest.raises(DocumentError, match="which field is the text"):
            layout(Tale)
