"""What is peculiar to PostgreSQL in loading many rows: COPY."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, DataError, connection, models, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from hybrid_store.backends.postgresql import bulk
from hybrid_store.models import EmbeddingField, HalfVectorField, VectorField, bulk_ingest, stale
from hybrid_store.test.models import Book, Note, Point, Specimen
from tests.databases.drivers import HAS_PSYCOPG3, needs_psycopg3

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]
COPY, COPY_BINARY = ("COPY", "COPY BINARY") if HAS_PSYCOPG3 else ("INSERT", "INSERT")

ONES = np.ones(384, dtype=np.float32)


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def inserts(rows: Any, target: Any = Book, **options: Any) -> list[str]:
    """The first words of the statements that wrote `rows`."""
    with CaptureQueriesContext(connection) as queries:
        bulk_ingest(target, rows, **options)
    written = (query["sql"] for query in queries if query["sql"].startswith(("COPY", "INSERT")))
    return ["COPY BINARY" if "FORMAT BINARY" in sql else sql.split()[0] for sql in written]


def stored(model: Any) -> list[dict[str, Any]]:
    names = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
    return list(model._base_manager.order_by("pk").values(*names))


@contextmanager
def table(model: Any) -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(model)


# COPY, on Django's connection


@needs_psycopg3
def test_rows_are_copied_in_binary_form_a_batch_a_statement() -> None:
    assert inserts([Book(title="a", embedding=ONES), Book(title="b")]) == ["COPY BINARY"]
    rows = {"title": ["t"] * 5, "embedding": np.ones((5, 384))}
    assert inserts(rows, batch_size=2, embedded_by="default") == ["COPY BINARY"] * 3
    assert inserts({"vector": [[1, 2, 3], None], "half": [None, [1, 2, 3]]}, Point) == [
        "COPY BINARY"
    ]
    with transaction.atomic():
        assert inserts([Book(title="in a transaction")]) == ["COPY BINARY"]
        transaction.set_rollback(True)
    assert Book.objects.count() == 7


@needs_psycopg3
def test_every_type_of_django_has_its_binary_form() -> None:
    row = Specimen(
        chars="c",
        email="a@b.c",
        flag=True,
        number=1,
        large=2**40,
        real=0.1,
        price=Decimal("1.5"),
        day=datetime.date.today(),
        hour=datetime.time(1, 2),
        span=datetime.timedelta(1),
        data={"a": 1},
        raw=b"\0",
        address="::1",
        kept=5,
        made=timezone.now(),
        vector=[1, 2, 3],
        half=[1, 2, 3],
        embedding=ONES,
        embedding_fingerprint="f",
    )
    assert inserts([row], Specimen) == ["COPY BINARY"]


@needs_psycopg3
def test_no_more_is_sent_for_a_row_than_its_values() -> None:
    """Nothing but COPY, its keys, and the types of the columns."""
    bulk_ingest(Book, [Book(title="t")])
    with CaptureQueriesContext(connection) as queries:
        bulk_ingest(Book, [Book(title="t", embedding=ONES) for _ in range(1000)])
    first_words = [query["sql"].split()[0] for query in queries]
    assert sorted(first_words) == ["BEGIN", "COMMIT", "COPY", "SELECT", "WITH"]
    assert max(len(query["sql"]) for query in queries) < 1000


@pytest.fixture
def server_side_binding() -> Iterator[None]:
    connection.close()
    connection.settings_dict["OPTIONS"] = {"server_side_binding": True}
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = {}


@needs_psycopg3
@pytest.mark.usefixtures("server_side_binding")
def test_binding_on_the_server_changes_nothing() -> None:
    books = [Book(title=f"title {n}", embedding=ONES) for n in range(3)]
    assert inserts(books, embedded_by="default") == ["COPY BINARY"]
    assert not Book.objects.stale().exists()
    assert [book.pk for book in books] == [
        *Book.objects.order_by("pk").values_list("pk", flat=True)
    ]


@needs_psycopg3
def test_wrappers_of_statements_see_the_copy_and_may_refuse_it() -> None:
    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("COPY"):
            raise PermissionError(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(PermissionError, match="test_book"):
        bulk_ingest(Book, [Book(title="t")])
    assert not Book.objects.exists()


def test_an_error_is_one_of_djangos_and_breaks_its_savepoint_alone() -> None:
    with transaction.atomic():
        with pytest.raises(DataError, match="too long"):
            bulk_ingest(Book, [Book(title="a"), Book(title="a" * 201)], batch_size=1)
        bulk_ingest(Book, [Book(title="b")])
        with pytest.raises(DatabaseError), transaction.atomic():
            run("SELECT 1 / 0")
        with pytest.raises(ZeroDivisionError), transaction.atomic(savepoint=False):
            raise ZeroDivisionError
        with pytest.raises(TransactionManagementError):
            bulk_ingest(Book, [Book(title="c")])
        connection.needs_rollback = False
    assert [book.title for book in Book.objects.all()] == ["b"]


def test_numbers_that_are_too_large_are_named_by_the_server() -> None:
    for columns in ({"small": [2**15]}, {"real": [0.5], "number": [2**31]}):
        with pytest.raises(DataError, match="out of range"):
            bulk_ingest(Specimen, columns)
    with pytest.raises((DataError, ValueError), match=r"(?i)nul|0x00"):
        bulk_ingest(Specimen, {"text": ["a\0b"]})


def test_a_closed_connection_is_opened_again() -> None:
    connection.close()
    bulk_ingest(Book, {"title": ["t"]})
    connection.close()
    assert Book.objects.count() == 1


# Where COPY in binary form cannot go


@isolate_apps("hybrid_store.test")
def test_types_without_a_known_binary_form_go_as_text() -> None:
    from django.contrib.postgres.fields import (
        ArrayField,
        DateTimeRangeField,
        IntegerRangeField,
    )

    class Lexemes(models.TextField):  # type: ignore[type-arg]
        def db_type(self, connection: Any) -> str:
            return "tsvector"

    class Odd(models.Model):
        numbers = ArrayField(models.IntegerField(), null=True)
        words = ArrayField(models.CharField(max_length=9), null=True)
        grid = ArrayField(ArrayField(models.FloatField()), null=True)
        range = IntegerRangeField(null=True)
        times = DateTimeRangeField(null=True)
        lexemes = Lexemes(null=True)
        data = models.JSONField(null=True)
        raw = models.BinaryField(null=True)
        vector = VectorField(dimensions=3, null=True)
        half = HalfVectorField(dimensions=3, null=True)

        class Meta:
            app_label = "hybrid_store_test"

    now = timezone.now()
    cases: list[tuple[str, dict[str, Any]]] = [
        (COPY_BINARY, {"numbers": [1, None, -3], "words": ["a,b", None, "", 'q"\\', "NULL"]}),
        (COPY_BINARY, {"numbers": [], "words": []}),
        (COPY, {"grid": [[1, 2], [3, None]], "data": {"a": '\\"\n'}, "raw": b"\\\0"}),
        (COPY, {"range": (1, 5), "vector": [1, 2.5, -3], "half": [0.1, 2, 3]}),
        (COPY, {"times": (now, None), "numbers": [1], "words": ["\t\n\\N"]}),
        (COPY, {"lexemes": "'a b':2 'c\\\\d':1"}),
    ]
    with table(Odd):
        rows = [Odd(**values) for _, values in cases]
        Odd._base_manager.bulk_create([Odd(**values) for _, values in cases])
        expected = stored(Odd)
        Odd._base_manager.all().delete()
        found = [inserts([row], Odd) for row in rows]
        assert found == [[how] for how, _ in cases]
        assert stored(Odd) == expected


@isolate_apps("hybrid_store.test")
def test_the_types_are_those_of_the_columns_not_of_the_fields() -> None:
    class Legacy(models.Model):
        text = models.TextField()
        number = models.IntegerField()
        real = models.FloatField()
        moment = models.DateTimeField()
        embedding = EmbeddingField(source=["text", "number"], dimensions=3)

        class Meta:
            app_label = "hybrid_store_test"

    columns = {
        "text": "char(9)",
        "number": "numeric(9, 2)",
        "real": "real",
        "moment": "timestamp",
        "embedding": "halfvec(3)",
    }
    changes = (f"ALTER COLUMN {name} TYPE {kind}" for name, kind in columns.items())
    with table(Legacy):
        run(f"ALTER TABLE hybrid_store_test_legacy {', '.join(changes)}")
        now = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        values = {"text": "padded", "number": 5, "real": 0.5, "moment": now}
        Legacy._base_manager.bulk_create([Legacy(**values, embedding=[1, 2, 3])])
        bulk_ingest(Legacy, [Legacy(**values, embedding=[1, 2, 3])])
        with connection.cursor() as cursor:
            names = ", ".join(f"{name}::text" for name in columns)
            cursor.execute(f"SELECT {names} FROM hybrid_store_test_legacy")  # noqa: S608
            one, other = cursor.fetchall()
        assert one == other


def test_a_source_is_rendered_as_the_column_holds_it() -> None:
    """Blanks at the end of a `char(n)` are no part of its text."""
    run("ALTER TABLE hybrid_store_test_book ALTER COLUMN title TYPE char(9)")
    try:
        bulk_ingest(Book, {"title": ["t  "], "embedding": [ONES]}, embedded_by="default")
        assert not Book.objects.stale().exists()
    finally:
        Book.objects.all().delete()
        run("ALTER TABLE hybrid_store_test_book ALTER COLUMN title TYPE varchar(200)")


@isolate_apps("hybrid_store.test")
def test_fields_with_placeholders_of_their_own_are_left_to_django() -> None:
    class Shouted(models.TextField):  # type: ignore[type-arg]
        def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
            return "upper(%s)"

        def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
            return "upper(%s)", (value,)

    class Cry(models.Model):
        text = Shouted()
        embedding = EmbeddingField(source="text", dimensions=3)

        class Meta:
            app_label = "hybrid_store_test"

    with table(Cry):
        row = Cry(text="help", embedding=[1, 2, 3])
        assert inserts([row], Cry, embedded_by="default") == ["INSERT"]
        assert Cry._base_manager.get(pk=row.pk).text == "HELP"
        assert not stale(Cry._base_manager.all()).exists()


@pytest.mark.parametrize("model", [Book, Note])
def test_drivers_without_copy_insert(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "sends_binary", lambda connection: False)
    name = "title" if model is Book else "text"
    rows = [model(**{name: f"text {n}"}, embedding=ONES) for n in range(3)]
    assert set(inserts(rows, model, batch_size=2, embedded_by="default")) == {"INSERT"}
    assert {row.pk for row in rows} == set(model.objects.values_list("pk", flat=True))
    assert not model.objects.stale().exists()


def test_views_are_written_by_insert() -> None:
    run(
        "ALTER TABLE hybrid_store_test_book RENAME TO books",
        "CREATE VIEW hybrid_store_test_book AS SELECT * FROM books",
    )
    try:
        book = Book(title="t", embedding=ONES)
        assert inserts([book], embedded_by="default") == ["INSERT"]
        assert Book.objects.get().pk == book.pk
        assert not Book.objects.stale().exists()
    finally:
        run(
            "DROP VIEW hybrid_store_test_book",
            "ALTER TABLE books RENAME TO hybrid_store_test_book",
        )


def test_row_level_security_is_respected() -> None:
    run(
        "CREATE ROLE reader",
        "GRANT ALL ON hybrid_store_test_point, hybrid_store_test_point_id_seq TO reader",
        "ALTER TABLE hybrid_store_test_point ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON hybrid_store_test_point USING (name <> 'secret')",
    )
    try:
        with transaction.atomic():
            run("SET LOCAL ROLE reader")
            assert inserts([Point(name="open")], Point) == ["INSERT"]
            with pytest.raises(DatabaseError, match="row-level security"):
                bulk_ingest(Point, [Point(name="secret")])
        assert Point.objects.get().name == "open"
    finally:
        run(
            "DROP POLICY own ON hybrid_store_test_point",
            "ALTER TABLE hybrid_store_test_point DISABLE ROW LEVEL SECURITY",
            "DROP OWNED BY reader",
            "DROP ROLE reader",
        )


# Keys


def test_keys_that_the_role_may_not_draw_are_read_back() -> None:
    run(
        "CREATE ROLE writer",
        "GRANT SELECT, INSERT ON hybrid_store_test_point TO writer",
    )
    try:
        with transaction.atomic():
            run("SET LOCAL ROLE writer")
            point = Point(name="p", vector=[1, 2, 3])
            assert inserts([point], Point) == ["INSERT"]
        assert Point.objects.get(pk=point.pk).vector == [1, 2, 3]
    finally:
        run("DROP OWNED BY writer", "DROP ROLE writer")


def test_keys_may_be_drawn_from_a_sequence_that_the_column_does_not_own() -> None:
    name = "hybrid_store_test_point"
    run(
        "CREATE SEQUENCE keys START 500",
        f"ALTER TABLE {name} ALTER COLUMN id DROP IDENTITY",
        f"ALTER TABLE {name} ALTER COLUMN id SET DEFAULT nextval('keys')",
    )
    try:
        points = [Point(name=str(n)) for n in range(2)]
        bulk_ingest(Point, points)
        assert [point.pk for point in points] == [500, 501]
    finally:
        Point.objects.all().delete()
        run(
            f"ALTER TABLE {name} ALTER COLUMN id DROP DEFAULT",
            f"ALTER TABLE {name} ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
            "DROP SEQUENCE keys",
        )


@isolate_apps("hybrid_store.test")
def test_a_table_may_be_in_any_schema_and_its_key_made_by_the_database() -> None:
    from django.contrib.postgres.functions import RandomUUID

    class Shelf(models.Model):
        key = models.UUIDField(primary_key=True, db_default=RandomUUID())
        text = models.TextField()
        embedding = EmbeddingField(source="text", dimensions=384)

        class Meta:
            app_label = "hybrid_store_test"
            db_table = '"attic"."shelf"'

    run("CREATE SCHEMA attic")
    try:
        with connection.schema_editor() as editor:
            editor.create_model(Shelf)
        drawn, given = Shelf(text="t", embedding=ONES), Shelf(key=uuid.uuid4(), text="u")
        assert inserts([drawn], Shelf, embedded_by="default") == ["INSERT"]
        columns = {"pk": [given.pk], "text": ["u"], "embedding": [ONES]}
        assert inserts(columns, Shelf, embedded_by="default") == [COPY_BINARY]
        assert Shelf._base_manager.get(pk=drawn.pk).text == "t"
        assert not stale(Shelf._base_manager.all()).exists()
    finally:
        run("DROP SCHEMA attic CASCADE")
