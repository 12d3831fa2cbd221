"""`bulk_ingest` writes what `bulk_create` writes, in parts, all or nothing, and stamps rightly."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import IntegrityError, models, transaction
from django.db.models import Value
from django.db.models.functions import Upper
from django.db.models.signals import post_save, pre_save
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.exceptions import (
    AdoptionError,
    IngestError,
    UnknownFieldError,
    VectorValueError,
)
from hybrid_store.models import bulk_ingest, stale
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.conformance.fields import BAD_VECTORS, halves, singles
from hybrid_store.test.models import (
    Album,
    Article,
    Author,
    Book,
    Clause,
    Comment,
    Essay,
    Letter,
    Note,
    Novel,
    Page,
    Passage,
    Point,
    ShortBook,
    Specimen,
    Term,
)
from hybrid_store.vectors import Vector

__all__ = ["IngestConformance"]

ONES = [1.0] * 384
UTC = datetime.UTC

# The clock of the database or of the process says these.
CLOCKS = {"id", "made", "created", "changed"}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
moments = st.datetimes(
    datetime.datetime(1900, 1, 1),
    datetime.datetime(2100, 1, 1),
    timezones=st.just(UTC),
)
specimens = st.fixed_dictionaries(
    {"text": texts, "moment": moments, "code": st.uuids()},
    optional={
        "chars": st.none() | texts,
        "flag": st.none() | st.booleans(),
        "small": st.integers(-(2**14), 2**14),
        "number": st.none() | st.integers(-(2**31), 2**31 - 1),
        "large": st.none() | st.integers(-(2**63), 2**63 - 1),
        "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "price": st.none() | st.decimals(-(10**8), 10**8, places=3),
        "day": st.none() | st.dates(),
        "hour": st.none() | st.times(),
        "span": st.none() | st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999)),
        "data": st.none() | st.recursive(texts | st.integers(-9, 9) | st.booleans(), st.lists),
        "raw": st.none() | st.binary(max_size=20),
        "address": st.none() | st.ip_addresses().map(str),
        "kept": st.integers(-9, 9),
        "vector": st.none() | singles,
        "half": st.none() | halves,
    },
)


def stored(model: type[models.Model], without: set[str] = CLOCKS) -> list[dict[str, Any]]:
    names = [f.attname for f in model._meta.concrete_fields if f.name not in without]
    return list(model._base_manager.order_by("pk").values(*names))


def an_apple(**values: Any) -> Specimen:
    return Specimen(text="apple", code=uuid.UUID(int=1), moment=timezone.now(), **values)


class IngestConformance(ConformanceBase):
    def assert_as_created(self, make: Callable[[], list[Any]]) -> None:
        """What `make` gives is stored as `bulk_create` stores it."""
        created, ingested = make(), make()
        model = type(created[0])
        model._base_manager.all().delete()
        model._base_manager.bulk_create(created)
        expected = stored(model)
        model._base_manager.all().delete()
        assert bulk_ingest(model, ingested) == len(ingested)
        assert stored(model) == expected

    # Objects

    @given(rows=st.lists(specimens, min_size=1, max_size=4))
    def test_any_rows_are_stored_as_bulk_create_stores_them(self, rows: Any) -> None:
        self.assert_as_created(lambda: [Specimen(**row) for row in rows])

    def test_every_type_of_field_is_stored_as_bulk_create_stores_it(self) -> None:
        author = Author.objects.create(name="Ann")
        now = timezone.now()
        given: list[dict[str, Any]] = [
            {},
            {"author": author, "file": "a/b.txt", "email": "a@b.c", "kept": 9, "made": now},
            {"author_id": str(author.pk), "number": "12", "real": 3, "price": "1.5", "kept": 8},
            {"flag": True, "day": "2020-02-29", "hour": "23:59", "data": {"a": [None, 1.5, "ü"]}},
            {"span": datetime.timedelta(-1, 2, 3), "address": "::1", "raw": b"\0\xff"},
            {"raw": memoryview(b"x"), "data": None, "chars": "a\tb\\N\n\"'%s{}", "large": 2**62},
            {"day": datetime.date(1, 1, 1), "moment": datetime.datetime.max.replace(tzinfo=UTC)},
            {"vector": [1, 2, 3], "half": [0.1, -0.0, 65504], "real": float("inf")},
            {"vector": [0, 0, 0], "embedding": ONES, "embedding_fingerprint": "f" * 49},
        ]
        self.assert_as_created(
            lambda: [
                Specimen(**{"code": uuid.UUID(int=n), "moment": now, **values})
                for n, values in enumerate(given)
            ]
        )

    def test_every_kind_of_key_is_stored(self) -> None:
        term = Term.objects.create(word="w")
        makers: list[Callable[[], list[Any]]] = [
            lambda: [Clause(tenant=1, number=n, text="t") for n in range(3)],
            lambda: [Note(key=uuid.UUID(int=n), text="t") for n in range(3)],
            lambda: [
                Passage(term=term, code=uuid.UUID(int=n), number=n, place="p", text="t")
                for n in range(3)
            ],
            lambda: [Term(word=word, meaning="m") for word in ("", " ", "x,y")],
            lambda: [ShortBook(title="a"), Book(title="b")],
        ]
        for make in makers:
            with self.subTest(model=type(make()[0])):
                self.assert_as_created(make)

    def test_objects_are_as_after_a_save(self) -> None:
        Book.objects.create(title="before")
        books = [Book(title=f"title {n}", embedding=ONES) for n in range(5)]
        books[3].pk = 2**40
        assert Book.objects.bulk_ingest(books, batch_size=2) == 5
        for book in books:
            assert (book._state.adding, book._state.db) == (False, "default")
            assert Book.objects.get(pk=book.pk).title == book.title
            book.save()
        assert Book.objects.count() == 6
        later = Book.objects.create(title="after")
        assert later.pk not in {book.pk for book in books}

    def test_what_the_database_decides_is_read_when_it_is_asked_for(self) -> None:
        row = an_apple(small=4)
        Specimen.objects.bulk_ingest([row, an_apple(kept=5)])
        assert (row.double, row.kept) == (8, 3)
        assert Specimen.objects.get(pk=row.pk).made == row.made

    def test_rows_with_and_without_defaults_of_the_database_may_be_mixed(self) -> None:
        kept = [None, 4, None, 5, None]
        rows = [
            an_apple(**({} if n is None else {"kept": n}), vector=[i, 1, 2])
            for i, n in enumerate(kept)
        ]
        rows[1].vector = None
        Specimen.objects.bulk_ingest(rows)
        found = {row.pk: row for row in Specimen.objects.all()}
        assert [found[row.pk].kept for row in rows] == [3, 4, 3, 5, 3]
        assert [found[row.pk].vector for row in rows] == [
            [0, 1, 2],
            None,
            [2, 1, 2],
            [3, 1, 2],
            [4, 1, 2],
        ]

    def test_expressions_are_computed_by_the_database(self) -> None:
        rows = [Book(title=Upper(Value("low")), embedding=ONES), Book(title="as it is")]
        Book.objects.bulk_ingest(rows)
        assert list(Book.objects.order_by("pk").values_list("title", flat=True)) == [
            "LOW",
            "as it is",
        ]
        assert [row.pk for row in rows] == list(
            Book.objects.order_by("pk").values_list("pk", flat=True)
        )

    def test_a_generator_is_read_in_parts(self) -> None:
        seen: list[int] = []

        def rows() -> Iterator[Book]:
            for n in range(5000):
                if n % 500 == 0:
                    seen.append(Book.objects.count())
                yield Book(title=f"title {n}", embedding=[n + 1, *ONES[1:]])

        assert Book.objects.bulk_ingest(rows(), batch_size=500) == 5000
        assert seen == [*range(0, 5000, 500)]
        found = Book.objects.order_by("pk").values_list("title", "embedding")
        assert [(title, vector[0]) for title, vector in found] == [
            (f"title {n}", n + 1) for n in range(5000)
        ]

    def test_no_signals_are_sent_and_no_rows_are_none(self) -> None:
        sent: list[Any] = []

        def receive(**kwargs: Any) -> None:
            sent.append(kwargs)

        for signal in (pre_save, post_save):
            signal.connect(receive, sender=Book)
            self.addCleanup(signal.disconnect, receive, sender=Book)
        assert Book.objects.bulk_ingest([Book(title="t")]) == 1
        assert sent == []
        nothings: list[Any] = [[], iter(()), {}, {"title": [], "embedding": np.empty((0, 384))}]
        for nothing in nothings:
            assert Book.objects.bulk_ingest(nothing) == 0

    # Columns

    def test_columns_are_stored_as_objects_are(self) -> None:
        author = Author.objects.create(name="Ann")
        columns: dict[str, Any] = {
            "chars": np.array(["a", "b"]),
            "number": np.array([1, 2], dtype=np.int16),
            "real": (0.5, None),
            "moment": [timezone.now(), datetime.datetime(2021, 1, 1, tzinfo=UTC)],
            "day": np.array(["2020-02-29", "NaT"], "datetime64[D]"),
            "author": [author, author.pk],
            "code": [uuid.UUID(int=1), str(uuid.UUID(int=2))],
            "price": [Decimal("1.25"), "2"],
            "vector": np.arange(6).reshape(2, 3),
            "half": [None, np.array([1, 2, 3.3])],
        }
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        rows[1]["author"] = author
        rows[0]["day"], rows[1]["day"] = datetime.date(2020, 2, 29), None
        Specimen.objects.bulk_create(Specimen(**row) for row in rows)
        expected = stored(Specimen)
        Specimen.objects.all().delete()
        assert Specimen.objects.bulk_ingest(columns, batch_size=1) == 2
        assert stored(Specimen) == expected

    def test_fields_without_a_column_get_their_defaults(self) -> None:
        before = timezone.now()
        Specimen.objects.bulk_ingest({"text": ["a", "b"]})
        one, other = Specimen.objects.order_by("pk")
        assert one.code != other.code
        assert (one.small, one.data, one.kept, one.double, one.chars) == (7, {}, 3, 14, None)
        for moment in (one.created, one.moment):
            assert before <= moment <= timezone.now()
        assert one.changed

    def test_a_column_is_stored_as_it_is_given(self) -> None:
        """Where an object's `pre_save` would put the time of now."""
        then = datetime.datetime(2001, 2, 3, tzinfo=UTC)
        Specimen.objects.bulk_ingest({"pk": [7], "created": [then], "changed": [then.date()]})
        row = Specimen.objects.get(pk=7)
        assert (row.created, row.changed) == (then, then.date())

    def test_arrays_of_every_number_are_taken(self) -> None:
        for dtype in ("f2", "<f4", ">f4", "f8", "i8", "u1", "longdouble"):
            with self.subTest(dtype=dtype):
                Point.objects.all().delete()
                array = np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))
                columns = {"name": ["a", "b"], "vector": array, "half": array, "other": [*array]}
                Point.objects.bulk_ingest(columns)
                for row, values in zip(Point.objects.order_by("pk"), array, strict=True):
                    assert row.vector == row.half == row.other == values.astype("f4")

    def test_columns_that_are_wrong_are_refused(self) -> None:
        unsaved = Author(name="unsaved")
        cases: list[tuple[dict[str, Any], str]] = [
            ({"titel": ["a"]}, "Book has no field 'titel' to write: choose from id, title, "),
            ({"title": ["a"], "year": [1, 2]}, "title has 1, year has 2"),
            ({"title": "abc"}, "'title' is a str"),
            ({"title": (t for t in "abc")}, "'title' is a generator"),
            (
                {"title": ["a", "b"], "author": [None, unsaved]},
                "Row 1: save the Author in 'author'",
            ),
            ({"author": [None], "author_id": [None]}, "given twice"),
        ]
        for columns, message in cases:
            with self.subTest(message=message), self.assertRaisesMessage(IngestError, message):
                Book.objects.bulk_ingest(columns)
        with self.assertRaisesMessage(IngestError, "no field 'double'"):
            Specimen.objects.bulk_ingest({"double": [1]})

    # What is refused

    def test_vectors_are_refused_with_the_number_of_their_row(self) -> None:
        for bad, message in BAD_VECTORS:
            with self.subTest(bad=bad):
                rows = [Point(name=str(n), vector=[n, 1, 2]) for n in range(5)]
                rows[3].vector = bad
                with self.assertRaises(VectorValueError) as caught:
                    Point.objects.bulk_ingest(rows, batch_size=2)
                assert str(caught.exception).startswith("Row 3: hybrid_store_test.Point.vector: ")
                assert message in str(caught.exception)
                columns = {"name": ["a", "b"], "vector": [[1, 2, 3], bad]}
                with self.assertRaisesMessage(VectorValueError, "Row 1: "):
                    Point.objects.bulk_ingest(columns)
        assert not Point.objects.exists()

    def test_arrays_of_vectors_are_refused_like_single_ones(self) -> None:
        faults = {
            np.nan: "Row 3: hybrid_store_test.Book.embedding: the value at position 0 is nan",
            -np.inf: "Row 3: hybrid_store_test.Book.embedding: the value at position 0 is -inf",
            1e300: "Row 3: hybrid_store_test.Book.embedding: the value 1e+300 at position 0",
            0: "Row 3: hybrid_store_test.Book.embedding: an all-zero vector",
        }
        for bad, message in faults.items():
            array = np.ones((5, 384))
            array[3] = bad
            for column in (array, [*array], array.tolist()):
                with self.subTest(bad=bad), self.assertRaisesMessage(VectorValueError, message):
                    Book.objects.bulk_ingest({"embedding": column}, batch_size=2)
        zero = [Vector(ONES), Vector([0.0] * 384)]
        with self.assertRaisesMessage(VectorValueError, "Row 1: "):
            Book.objects.bulk_ingest({"embedding": zero})
        with self.assertRaisesMessage(VectorValueError, "expected 384 dimensions, got 383"):
            Book.objects.bulk_ingest({"embedding": np.ones((5, 383))})
        with self.assertRaisesMessage(VectorValueError, "Row 1: hybrid_store_test.Point.half: "):
            Point.objects.bulk_ingest({"half": np.array([[1, 2, 3], [1, 2, 70000]])})
        assert not Book.objects.exists()

    def test_what_fails_leaves_nothing_and_the_transaction_goes_on(self) -> None:
        Book.objects.create(pk=3, title="in the way")
        untitled: Any = None
        bad_rows: list[tuple[type[Exception], list[Any]]] = [
            (IntegrityError, [Book(title="a"), Book(pk=3, title="twice")]),
            (IntegrityError, [Book(title="a"), Book(title=untitled)]),
            (ValueError, [Book(title="a"), Book(title="b", year="no number")]),
            (IngestError, [Book(title="a"), Author(name="no book")]),
            (IngestError, [Book(title="a"), "no object"]),
            (IngestError, [Book(title="a"), Novel(title="a child")]),
            (ValueError, [Book(title="a"), Book(title="b", author=Author(name="unsaved"))]),
        ]
        for error, rows in bad_rows:
            for size in (1, 1000):
                with self.subTest(error=error, size=size):
                    with self.assertRaises(error):
                        Book.objects.bulk_ingest(rows, batch_size=size)
                    assert Book.objects.count() == 1
        failing = (Book(title=f"{1 / (3 - n)}") for n in range(5))
        with self.assertRaises(ZeroDivisionError):
            Book.objects.bulk_ingest(failing, batch_size=1)
        assert Book.objects.count() == 1

    def test_it_belongs_to_the_transaction_around_it(self) -> None:
        with transaction.atomic():
            Book.objects.bulk_ingest([Book(title="t")])
            assert Book.objects.count() == 1
            transaction.set_rollback(True)
        assert not Book.objects.exists()

    def test_rows_in_several_tables_are_refused(self) -> None:
        with self.assertRaisesMessage(IngestError, "hybrid_store_test.Book too"):
            Novel.objects.bulk_ingest([Novel(title="t")])

    def test_a_batch_has_rows(self) -> None:
        with self.assertRaisesMessage(IngestError, "'batch_size' is 0"):
            Book.objects.bulk_ingest([Book(title="t")], batch_size=0)

    # Fingerprints

    def test_vectors_are_of_unknown_origin_unless_it_is_said(self) -> None:
        book = Book(title="t", embedding=ONES)
        Book.objects.bulk_ingest([book, Book(title="u")])
        assert Book.objects.coverage().unknown == 1
        assert set(Book.objects.values_list("embedding_fingerprint", flat=True)) == {None}

    def test_stamps_are_those_of_generation(self) -> None:
        author = Author.objects.create(name="Ann Ünal")
        page = Page.objects.create(title="p", published=True)
        code = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
        cases: list[tuple[type[models.Model], list[dict[str, Any]]]] = [
            (Book, [{"title": " a\tb ", "description": "x\ny'\"\\%s"}, {"title": "é" * 200}]),
            (Article, [{"slug": "s", "number": -7, "code": code, "author": author}, {"slug": "t"}]),
            (Essay, [{"words": "one,two"}, {"words": "three"}]),
            (Clause, [{"tenant": 1, "number": n, "text": f"text {n}"} for n in range(2)]),
            (Term, [{"word": "a,b", "meaning": "m"}, {"word": "w"}]),
            (Note, [{"text": "t"}, {"text": "u"}]),
            (Specimen, [{"chars": "c", "text": "t"}, {"text": "u"}]),
            (Comment, [{"text": "t", "page": page}]),
            (Page, [{"title": "t", "published": True, "state": "s"}]),
            (Letter, [{"words": "w", "sent": True}]),
        ]
        for model, values in cases:
            for as_columns in (False, True):
                with self.subTest(model=model, as_columns=as_columns):
                    self.assert_stamped(model, values, as_columns)

    def test_rows_that_are_not_to_be_embedded_are_not_stamped(self) -> None:
        hidden = Page.objects.create(title="p", published=False)
        rows: list[Any] = [
            Comment(text="t", page=hidden, embedding=ONES),
            Page(title="t", published=True, views=-1, embedding=ONES),
            Letter(words="w", sent=False, embedding=ONES),
            Book(title=" \n", embedding=ONES),
            Essay(words=" , ", embedding=ONES),
        ]
        for row in rows:
            bulk_ingest(type(row), [row], embedded_by="default")
            stored_row = type(row)._base_manager.get(pk=row.pk)
            assert stored_row.embedding_fingerprint is row.embedding_fingerprint is None

    def assert_stamped(
        self, model: type[models.Model], values: list[dict[str, Any]], as_columns: bool
    ) -> None:
        model._base_manager.all().delete()
        rows: Any = [model(**row, embedding=ONES) for row in values]
        if as_columns:
            names = {name for row in values for name in row} | {"embedding"}
            rows = {name: [getattr(row, name) for row in rows] for name in names}
        assert bulk_ingest(model, rows, embedded_by="default") == len(values)
        given = set(model._base_manager.values_list("embedding_fingerprint", flat=True))
        assert not stale(model._base_manager.all()).exists()
        model._base_manager.update(embedding=None)
        generate(embedding_field(model))
        assert set(model._base_manager.values_list("embedding_fingerprint", flat=True)) == given
        assert None not in given

    @given(rows=st.lists(st.tuples(st.none() | texts, texts, st.booleans()), max_size=5))
    def test_whatever_has_a_text_and_a_vector_is_current(self, rows: Any) -> None:
        Specimen.objects.all().delete()
        Specimen.objects.bulk_ingest(
            [
                Specimen(chars=chars, text=text, embedding=ONES if has else None)
                for chars, text, has in rows
            ],
            embedded_by="default",
        )
        held = Specimen.objects.filter(embedding__isnull=False)
        blank = [chars for chars, text, has in rows if has and not f"{chars or ''}{text}".strip()]
        assert held.stale().count() == len(blank)
        assert not held.stale().filter(embedding_fingerprint__isnull=False).exists()
        assert not Specimen.objects.filter(
            embedding__isnull=True, embedding_fingerprint__isnull=False
        ).exists()

    def test_objects_carry_their_stamps_into_the_next_save(self) -> None:
        for model, name in [(Book, "title"), (Essay, "words")]:
            rows: list[Any] = [model(**{name: "t"}, embedding=ONES), model(**{name: "u"})]
            bulk_ingest(model, rows, embedded_by="default")
            for row in rows:
                row.save()
            assert list(stale(model._base_manager.all())) == [rows[1]]

    def test_a_source_that_the_database_fills_in_is_seen(self) -> None:
        field = embedding_field(Specimen)
        self.addCleanup(setattr, field, "source", field.source)
        field.source = ["kept"]
        Specimen.objects.bulk_ingest([an_apple(embedding=ONES)], embedded_by="default")
        assert not Specimen.objects.stale().exists()

    def test_who_embedded_is_named_by_alias_or_space(self) -> None:
        field = embedding_field(Book)
        for name in ("default", field.space):
            Book.objects.bulk_ingest([Book(title=name, embedding=ONES)], embedded_by=name)
        assert not Book.objects.stale().exists()
        for name in ("second", "no such model"):
            with self.assertRaisesMessage(AdoptionError, repr(field.space)):
                Book.objects.bulk_ingest([Book(title="t", embedding=ONES)], embedded_by=name)
        assert Book.objects.count() == 2
        with self.assertRaisesMessage(UnknownFieldError, "Point has no EmbeddingField"):
            Point.objects.bulk_ingest([Point(name="t")], embedded_by="default")

    def test_each_of_two_embeddings_is_named(self) -> None:
        def album() -> Album:
            return Album(title="t", lyrics="l", title_embedding=ONES, lyrics_embedding=ONES)

        with self.assertRaisesMessage(UnknownFieldError, "several EmbeddingFields"):
            Album.objects.bulk_ingest([album()], embedded_by="default")
        Album.objects.bulk_ingest([album()], embedded_by={"lyrics_embedding": "default"})
        assert Album.objects.stale("title_embedding").count() == 1
        assert not Album.objects.stale("lyrics_embedding").exists()
        both = {"lyrics_embedding": "default", "title_embedding": "default"}
        Album.objects.bulk_ingest([album()], embedded_by=both)
        assert Album.objects.stale("title_embedding").count() == 1
