"""What is peculiar to SQLite."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import (
    IntegrityError,
    NotSupportedError,
    OperationalError,
    connection,
    connections,
    models,
    transaction,
)
from django.test.utils import isolate_apps

from hybrid_store.backends.sqlite.constraints import column_check
from hybrid_store.exceptions import IngestError
from hybrid_store.models import CosineDistance, VectorField, bulk_ingest
from hybrid_store.test.models import Book, Code, Point, Weighting
from hybrid_store.vectors import BIT, SPARSE, SparseVector
from tests.databases.other_ways import another_way
from tests.databases.words import TABLE, found, index_of, run, tales

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]


def test_a_file_that_can_only_be_read_is_searched_and_refuses_rows_in_a_sentence() -> None:
    Point.objects.create(name="a", vector=[1, 2, 3])
    name = f"file:{connection.settings_dict['NAME']}?mode=ro"
    with another_way("readonly", NAME=name):
        points = Point.objects.using("readonly")
        assert points.nearest([1, 2, 3], field="vector")[0].name == "a"
        with pytest.raises(IngestError, match="Database 'readonly' can only be read"):
            bulk_ingest(points, {"vector": [[1, 2, 3]]})
        assert points.count() == 1


def write_blob(data: bytes, table: str = Point._meta.db_table, column: str = "vector") -> None:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(f"UPDATE {table} SET {column} = %s", [data])  # noqa: S608


@pytest.mark.parametrize(
    "data",
    [np.ones(3).tobytes(), np.ones(4, dtype="<f4").tobytes(), b"", b"1234567"],
    ids=["float64", "four dimensions", "empty", "seven bytes"],
)
def test_raw_sql_cannot_store_a_blob_of_another_kind(data: bytes) -> None:
    Point.objects.create(vector=[1, 2, 3])
    with pytest.raises(IntegrityError, match="CHECK"):
        write_blob(data)
    write_blob(np.ones(3, dtype="<f4").tobytes())
    assert Point.objects.get().vector == [1, 1, 1]


def test_raw_sql_cannot_store_an_all_zero_embedding() -> None:
    Book.objects.create(title="t")
    with pytest.raises(IntegrityError, match="CHECK"):
        write_blob(bytes(4 * 384), Book._meta.db_table, "embedding")


@pytest.mark.parametrize("data", [b"\xff", b"\xff\xf1", b"\xff\xf8", b"\xff\xf0\x00", b""])
def test_raw_sql_cannot_store_other_bits(data: bytes) -> None:
    Code.objects.create(bits="1" * 12)
    with pytest.raises(IntegrityError, match="CHECK"):
        write_blob(data, Code._meta.db_table, "bits")
    write_blob(b"\x12\x30", Code._meta.db_table, "bits")
    assert Code.objects.get().bits.to_text() == "000100100011"


@pytest.mark.parametrize("length", range(1, 17))
def test_all_lengths_of_bits_have_their_padding_checked(length: int) -> None:
    check = column_check(BIT, length, "x", allows_zero=True)
    lasts = [n for n in range(256) if not n % (1 << (-length % 8))]
    sql = " UNION ALL ".join(
        f"SELECT {n}, {check} FROM (SELECT x'{'ff' * ((length - 1) // 8)}{n:02x}' AS x)"  # noqa: S608
        for n in range(256)
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert [n for n, passes in cursor.fetchall() if passes] == lasts
        cursor.execute(f"SELECT {check} FROM (SELECT NULL AS x)")  # noqa: S608
        assert cursor.fetchone() in [(None,), (1,)]


@pytest.mark.parametrize(
    "data",
    [
        SPARSE.encode(SparseVector({1: 1}, 51)),
        SPARSE.encode(SparseVector({1: 1}, 50))[:-1],
        SPARSE.encode(SparseVector({1: 1}, 50)) + bytes(8 * 16_000),
        b"",
    ],
    ids=["other dimensions", "cut off", "too many", "empty"],
)
def test_raw_sql_cannot_store_what_is_no_sparse_vector(data: bytes) -> None:
    Weighting.objects.create(terms={1: 1})
    with pytest.raises(IntegrityError, match="CHECK"):
        write_blob(data, Weighting._meta.db_table, "terms")


def test_sparse_blobs_are_dimensions_places_and_values() -> None:
    Weighting.objects.create(terms={7: 0.5, 2: 3})
    with connection.cursor() as cursor:
        cursor.execute("SELECT terms FROM hybrid_store_test_weighting")
        [data] = cursor.fetchone()
    assert data == struct.pack("<iiiff", 50, 2, 7, 3, 0.5)


@pytest.mark.parametrize(
    ("function", "left", "right"),
    [
        ("hybrid_store_l2_single", bytes(8), bytes(12)),
        ("hybrid_store_hamming_bit", b"\xff", b"\xff\xff"),
        (
            "hybrid_store_l1_sparse",
            SPARSE.encode(SparseVector({1: 1}, 5)),
            SPARSE.encode(SparseVector({1: 1}, 6)),
        ),
    ],
)
def test_functions_refuse_vectors_of_two_lengths(function: str, left: bytes, right: bytes) -> None:
    with connection.cursor() as cursor:
        # Twice: a refused vector is not taken for one that was compared.
        for _ in range(2):
            with pytest.raises(OperationalError, match="user-defined function"):
                cursor.execute(f"SELECT {function}(%s, %s)", [left, right])
        cursor.execute(f"SELECT {function}(%s, %s)", [left, left])
        assert cursor.fetchone() == (0,)


def test_aggregates_of_vectors_are_refused_in_a_sentence() -> None:
    Point.objects.create(vector=[1, 2, 3])
    for aggregate in (models.Avg, models.Sum):
        with pytest.raises(NotSupportedError, match="SQLite does not support computing vectors"):
            Point.objects.aggregate(value=aggregate("vector"))


def test_blobs_are_little_endian_of_the_columns_precision() -> None:
    Point.objects.create(vector=[1, 2, 3], half=[1, 2, 3])
    with connection.cursor() as cursor:
        cursor.execute("SELECT vector, half FROM hybrid_store_test_point")
        row = cursor.fetchone()
    assert row == (np.array([1, 2, 3], "<f4").tobytes(), np.array([1, 2, 3], "<f2").tobytes())


def test_a_connection_opened_again_knows_the_functions() -> None:
    Point.objects.create(vector=[1, 0, 0])
    for _ in range(2):
        connection.close()
        assert Point.objects.nearest([1, 0, 0], field="vector").get().distance == 0


def test_a_connection_opened_before_the_app_was_ready_knows_the_functions() -> None:
    fresh = connections.create_connection("default")
    try:
        fresh.connection = fresh.get_new_connection(fresh.get_connection_params())
        sql, params = (
            (Point.objects.annotate(d=CosineDistance("vector", [1, 2, 3])).values("d").query)
            .get_compiler(connection=fresh)
            .as_sql()
        )
        with fresh.cursor() as cursor:
            cursor.execute(sql, params)
    finally:
        fresh.close()


def test_indexes_that_are_not_made_are_comments_in_sqlmigrate() -> None:
    with connection.schema_editor(collect_sql=True) as editor:
        for model in (Book, Code):
            for index in model._meta.indexes:
                editor.add_index(model, index)
                editor.remove_index(model, index)
    comment = "-- {}: this database needs no {} index;"
    notes = [sql for sql in editor.collected_sql if sql.startswith("--")]
    wanted = [("hybrid_store_test_book", "stale")] * 2 + [("hybrid_store_test_code", "vector")] * 4
    assert notes == [comment.format(*each) for each in wanted]


def test_a_table_remake_keeps_vectors_checks_and_companion() -> None:
    book = Book.objects.create(title="t")
    call_command("generate_embeddings", "hybrid_store_test.Book", verbosity=0)
    before = Book.objects.values().get()
    old, new = Book._meta.get_field("title"), models.CharField(max_length=250)
    new.set_attributes_from_name("title")
    new.model = Book
    with connection.schema_editor() as editor:
        editor.alter_field(Book, old, new)
    try:
        assert Book.objects.values().get() == before
        with pytest.raises(IntegrityError, match="CHECK"):
            write_blob(b"123", Book._meta.db_table, "embedding")
        assert Book.objects.nearest("t").get() == book
    finally:
        with connection.schema_editor() as editor:
            editor.alter_field(Book, new, old)


@isolate_apps("hybrid_store.test")
def test_a_vector_column_can_be_added_and_given_other_dimensions() -> None:
    class Thing(models.Model):
        class Meta:
            app_label = "hybrid_store_test"
            managed = False

    def field(dimensions: int) -> VectorField:
        made = VectorField(dimensions=dimensions, null=True)
        made.set_attributes_from_name("vector")
        made.model = Thing
        return made

    with connection.schema_editor() as editor:
        editor.create_model(Thing)
        editor.add_field(Thing, field(3))
    with connection.schema_editor() as editor:
        editor.alter_field(Thing, field(3), field(5))
    with connection.cursor() as cursor:
        insert = f"INSERT INTO {Thing._meta.db_table} (vector) VALUES (%s)"  # noqa: S608
        cursor.execute(insert, [bytes(20)])
        with pytest.raises(IntegrityError):
            cursor.execute(insert, [bytes(12)])
    with connection.schema_editor() as editor:
        editor.delete_model(Thing)


@pytest.mark.parametrize("key", [None, models.CharField(max_length=9, primary_key=True)])
def test_the_words_of_a_row_that_is_replaced_are_forgotten(key: Any) -> None:
    with tales(key) as model:
        model.objects.create(pk="1", title="Owl", body="")
        run(f"INSERT OR REPLACE INTO {TABLE} (id, title, body) VALUES ('1', 'Elk', '')")  # noqa: S608
        words = ("owl", "elk", "hen")
        spec = index_of(model)
        assert [len(found(spec, word)) for word in words] == [0, 1, 0]
        model.objects.all().delete()
        run(f"INSERT INTO {TABLE} (id, title, body) VALUES ('1', 'Hen', '')")  # noqa: S608
        assert [len(found(spec, word)) for word in words] == [0, 0, 1]
