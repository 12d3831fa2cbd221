"""Documents that replace others, that have no room, and that two write at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections

from hybrid_store.contrib.retrieval.collection import Collection, Question, collection
from hybrid_store.contrib.retrieval.layout import Record
from hybrid_store.contrib.retrieval.writing import Conflict, Writing
from hybrid_store.exceptions import DocumentError, DuplicateDocumentError
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Point
from tests.contrib.models import Clipping, Note, Paper
from tests.reliability.concurrently import concurrently


def vector(*numbers: float) -> list[float]:
    return [*numbers, *[0.0] * (384 - len(numbers))]


def papers(**options: Any) -> Collection:
    return collection(Paper.objects.all(), embedded_by="default", **options)


def notes() -> Collection:
    return collection(Note.objects.all())


ONE, OTHER = [1.0, *[0.0] * 5], [0.0, 1.0, *[0.0] * 4]


@pytest.mark.django_db
class TestVectors:
    """No vector of an older text is ever taken for that of a newer one."""

    def test_an_embedding_of_an_older_text_is_stale(self) -> None:
        papers().write([Record("a", "old", {}, vector(1)), Record("b", "old", {}, vector(1))])
        papers().write([Record("a", "new", {}), Record("b", "new", {}, vector(0, 1))])
        assert [paper.pk for paper in Paper.objects.stale()] == ["a"]
        assert Paper.objects.get(pk="a").embedding == vector(1)
        generate(Paper)
        assert Paper.objects.get(pk="a").embedding != vector(1)
        assert not Paper.objects.stale().exists()

    @pytest.mark.parametrize("embedded_by", ["default", None])
    def test_a_blank_text_has_no_embedding(self, embedded_by: str | None) -> None:
        papers().write([Record("a", "old", {}, vector(1)), Record("b", "same", {}, vector(1))])
        replaced = collection(Paper.objects.all(), embedded_by=embedded_by)
        replaced.write([Record("a", " ", {}), Record("b", "same", {})])
        assert Paper.objects.get(pk="a").embedding is None
        assert [hit.record.key for hit in papers().search(Question(5, vector(1)))] == ["b"]
        assert not Paper.objects.stale().exists()

    def test_a_vector_that_nothing_renews_goes_with_its_text(self) -> None:
        notes().write([Record(key, "old", {}, ONE) for key in "abcd"])
        given = {"a": ("new", None), "b": ("old", None), "c": ("new", OTHER), "d": ("", None)}
        notes().write([Record(key, text, {"n": 1}, v) for key, (text, v) in given.items()])
        found = {note.pk: note.embedding for note in Note.objects.all()}
        assert found == {"a": None, "b": ONE, "c": OTHER, "d": None}
        assert {note.metadata["n"] for note in Note.objects.all()} == {1}

    def test_a_field_that_needs_a_vector_is_given_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notes().write([Record("a", "old", {}, ONE)])
        monkeypatch.setattr(Note._meta.get_field("embedding"), "null", False)
        with pytest.raises(DocumentError, match=r"embedding would keep .* 'a': give the document"):
            notes().write([Record("a", "new", {"n": 1})])
        assert Note.objects.get().text == "old"
        notes().write([Record("a", "old", {"n": 1})])
        assert Note.objects.get().metadata == {"n": 1}


FIELDS = ["owner", "year", "price", "published", "is_open"]
LONG = "x" * 256
NO_ROOM: list[tuple[Record, str]] = [
    (Record(LONG, "a", {}), r"Paper\.pk: the key 'x+.* has 256 characters, and there is room for"),
    (Record("a", "a", {}, source=LONG), r"Paper\.source: .* has 256 characters"),
    (Record("a", "a", {}, source="\x00"), r"Paper\.source: .* has characters that no text"),
    (Record("a", "a", {"owner": "x" * 51}), r"Paper\.owner: .* has 51 characters, .* room for 50"),
    (Record("a", "a", {"owner": "\x00"}), r"Paper\.owner: .* has characters that no text"),
    (Record("a", "a", {"owner": None}), r"Paper\.owner: None has no value, which the field needs"),
    (Record("a", "a", {"year": 2**31}), r"Paper\.year: 2147483648 is not from -2147483648 to"),
    (Record("a", "a", {"year": 10**30}), r"Paper\.year: 10+ is not from"),
    (Record("a", "a", {"price": 1e9}), r"Paper\.price: .* has more than 7 digits before the"),
    (Record("a", "a", {"price": Decimal("Infinity")}), r"Paper\.price: "),
    (Record("a", "a", {}, payload={"b": "\x00"}), r"Paper\.payload: .* has characters that no"),
    (
        Record("a", "a", {"cost": Decimal("1.5")}),
        r"Paper\.metadata: Decimal\('1\.5'\) of the key 'cost' is no JSON: .* Decimal .* fields=",
    ),
]


@pytest.mark.django_db
class TestRoom:
    @pytest.mark.parametrize(("given", "message"), NO_ROOM, ids=map(str, range(len(NO_ROOM))))
    def test_what_has_no_room_is_refused_before_anything_is_written(
        self, given: Record, message: str
    ) -> None:
        store = papers(fields=FIELDS)
        with pytest.raises(DocumentError, match=message):
            store.write([Record("first", "a", {}), given])
        assert not Paper.objects.exists()

    def test_changes_have_to_have_room_too(self) -> None:
        store = papers(fields=FIELDS)
        store.write([Record("a", "a", {})])
        with pytest.raises(DocumentError, match="is not from"):
            store.merge(store.rows(), {"year": 2**31})
        with pytest.raises(DocumentError, match="has 51 characters"):
            store.write([Record("a", "b", {"owner": "x" * 51})])
        assert (Paper.objects.get().year, Paper.objects.get().text) == (None, "a")

    def test_all_the_room_is_used(self) -> None:
        metadata = {"owner": "é" * 50, "year": 2**31 - 1, "price": "9999999.99", "is_open": None}
        papers(fields=FIELDS).write([Record("x" * 255, "a", metadata)])
        assert Paper.objects.get().price == Decimal("9999999.99")

    def test_keys_and_texts_of_other_types_have_to_have_room(self) -> None:
        points = collection(Point.objects.all(), text="name", embedding="vector")
        with pytest.raises(DocumentError, match=r"Point\.pk: the key '9{20}' is not from"):
            points.write([Record("9" * 20, "a", {})])
        with pytest.raises(DocumentError, match=r"Point\.name: the text of '1' has 51 characters"):
            points.write([Record("1", "x" * 51, {})])
        assert points.by_key(["9" * 20, LONG, "1"]) == {}

    def test_metadata_may_not_be_nested_without_end(self) -> None:
        deep: Any = 1
        for _ in range(100_000):
            deep = [deep]
        with pytest.raises(DocumentError, match="what 'deep' has is nested too deeply"):
            papers().write([Record("a", "a", {"deep": deep})])


@pytest.mark.django_db
class TestManyKeys:
    @pytest.fixture(autouse=True)
    def _few_parameters(self) -> Iterator[None]:
        """SQLite takes as many as it was built to."""
        if connection.vendor != "sqlite":
            yield
            return
        raw = connection.connection
        before = raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        yield
        raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)

    def test_any_number_of_keys_is_asked_for(self) -> None:
        papers().write([Record(key, key, {}, vector(1), source=key) for key in "abc"])
        keys = ["a", "b", *(f"'{number}" for number in range(3000))]
        assert {*papers().by_key(keys)} == {"a", "b"}
        within = papers().within(keys=keys, sources=keys[1:])
        assert [hit.record.key for hit in within.search(Question(5, vector(1)))] == ["b"]
        assert papers().delete(papers().rows_by_key(keys)) == 2
        assert [paper.pk for paper in Paper.objects.all()] == ["c"]

    def test_keys_are_of_any_type(self) -> None:
        points = collection(Point.objects.all(), text="name", embedding="vector")
        points.write([Record(str(number), "a", {}) for number in (1, 2)])
        keys = ["2", "x", *map(str, range(10, 1000))]
        assert {*points.by_key(keys)} == {"2"}


def together(*actions: Callable[[], Any]) -> list[Any]:
    """What they return or raise, each in a thread with a connection of its own, begun at once."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        # As in a project that has not chosen another mode.
        connection.transaction_mode = None  # type: ignore[attr-defined]
        barrier.wait(10)
        try:
            return action()
        except DocumentError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as threads:
        return [*threads.map(run, actions)]


KEYS = [f"k{number}" for number in range(40)]


def documents(of: str, keys: list[str]) -> list[Record]:
    return [Record(key, of, {"of": of}, vector(1)) for key in keys]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("conflict", [*Conflict])
    def test_of_two_who_write_the_same_keys_one_wins(self, conflict: Conflict) -> None:
        for _ in range(3):
            Paper.objects.all().delete()
            one, other = together(
                lambda: papers().write(documents("one", KEYS), conflict),
                lambda: papers().write(documents("other", KEYS[::-1]), conflict),
            )
            assert Paper.objects.count() == len(KEYS)
            assert len({(paper.text, paper.metadata["of"]) for paper in Paper.objects.all()}) == 1
            assert not Paper.objects.stale().exists()
            if conflict is Conflict.REPLACE:
                assert sorted(one) == sorted(other) == sorted(KEYS)
            elif conflict is Conflict.SKIP:
                assert sorted([*one, *other]) == sorted(KEYS)
                assert [] in (one, other)
            else:
                assert {type(one), type(other)} == {list, DuplicateDocumentError}

    def test_no_change_of_metadata_is_lost(self) -> None:
        papers().write(documents("one", KEYS))
        for number in range(3):
            counts = together(
                *(
                    lambda key=f"{name}{number}": papers().merge(papers().rows(), {key: 1})
                    for name in ("x", "y", "z")
                )
            )
            assert counts == [len(KEYS)] * 3
        expected = {"of": "one", **{f"{name}{n}": 1 for name in "xyz" for n in range(3)}}
        assert all(paper.metadata == expected for paper in Paper.objects.all())

    @pytest.mark.parametrize("conflict", [*Conflict])
    def test_a_key_that_was_written_since_is_there(
        self, conflict: Conflict, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if connection.vendor == "sqlite":
            pytest.skip("Nobody else writes while a transaction does.")
        insert = Writing._insert
        written: list[bool] = []

        def insert_late(writing: Writing, new: Any) -> None:
            if not written:
                written.append(True)
                concurrently(lambda: papers().write(documents("other", ["b"])))
            insert(writing, new)

        monkeypatch.setattr(Writing, "_insert", insert_late)
        store = collection(Paper.objects.exclude(text="mine"), embedded_by="default")
        given = documents("one", ["a", "b"])
        if conflict is Conflict.FAIL:
            with pytest.raises(DuplicateDocumentError, match="'b' is already there"):
                store.write(given, conflict)
        else:
            expected = {Conflict.REPLACE: ["a", "b"], Conflict.SKIP: ["a"]}[conflict]
            assert store.write(given, conflict) == expected
        texts = dict(Paper.objects.values_list("pk", "text"))
        assert (
            texts
            == {
                Conflict.REPLACE: {"a": "one", "b": "one"},
                Conflict.SKIP: {"a": "one", "b": "other"},
                Conflict.FAIL: {"b": "other"},
            }[conflict]
        )

    def test_other_faults_are_told_as_they_are(self) -> None:
        store = collection(Clipping.objects.all(), text="raw_text", defaults={"code": "same"})
        with pytest.raises(IntegrityError):
            store.write([Record("1", "a", {}), Record("2", "b", {})])
        assert not Clipping.objects.exists()
