"""What is peculiar to PostgreSQL in writing batches of rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import numpy as np
import pytest
from django.db import (
    OperationalError,
    connection,
    connections,
    models,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext, isolate_apps

from hybrid_store.backends import vector_ops
from hybrid_store.backends.postgresql import bulk
from hybrid_store.backends.postgresql.arrays import array_of_texts, array_of_vectors
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.models import EmbeddingField
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.sources import source_reader
from hybrid_store.sync.statements import GuardedUpdate
from hybrid_store.test.models import Book, Clause, Term
from hybrid_store.vectors import HALF, SINGLE, FloatCodec, Vector
from tests.databases.drivers import needs_psycopg3

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

VECTOR = Vector(np.arange(1, 385))


def fetch(sql: str, *params: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def read(model: Any = Book) -> list[tuple[Any, str, Vector]]:
    """Rows for `GuardedUpdate.store`, by key."""
    reader = source_reader(embedding_field(model), "default")
    return [(text.pk, text.content, VECTOR) for text in reader.read(reader.rows.order_by("pk"))]


def store(rows: list[tuple[Any, str, Vector]], model: Any = Book) -> list[bool]:
    return GuardedUpdate(embedding_field(model), "default").store(rows)


# The wire format


@pytest.mark.parametrize(("codec", "name"), [(SINGLE, "vector"), (HALF, "halfvec")])
@pytest.mark.parametrize(
    "texts", [["[1,-2.5,3]"], ["[1,2,3]", None, "[0,0,65504]"], [None, None]], ids=str
)
def test_an_array_of_vectors_is_what_the_server_itself_sends(
    codec: FloatCodec, name: str, texts: list[str | None]
) -> None:
    [(expected, oid)] = fetch(f"SELECT array_send(%s::{name}[]), %s::regtype::oid", texts, name)
    vectors = [None if text is None else codec.parse(text) for text in texts]
    assert array_of_vectors(vectors, codec, oid) == bytes(expected)


def test_an_array_of_texts_is_what_the_server_itself_sends() -> None:
    texts = ["", "a,b", None, "NULL", 'quo"te', "back\\slash", "한글 é"]
    [(expected,)] = fetch("SELECT array_send(%s::text[])", texts)
    assert array_of_texts(texts) == bytes(expected)


# One statement, on Django's connection


@needs_psycopg3
def test_a_batch_is_one_statement_that_is_logged_without_its_vectors() -> None:
    Book.objects.bulk_create([Book(title=f"title {n}") for n in range(500)])
    rows = read()
    store(rows[:1])
    seen: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with CaptureQueriesContext(connection) as queries, connection.execute_wrapper(wrapper):
        assert all(store(rows))
    assert len(queries) == len(seen) == 1
    assert queries[0]["sql"].startswith('UPDATE "hybrid_store_test_book" SET "embedding" = ')
    assert len(queries[0]["sql"]) < 1000


def test_statements_stay_small_enough_for_the_memory_of_the_server() -> None:
    Book.objects.bulk_create([Book(title="t") for _ in range(3000)])
    rows = read()
    store(rows[:1])
    with CaptureQueriesContext(connection) as queries:
        assert all(store(rows))
    assert len(queries) == 3


@pytest.fixture
def server_side_binding() -> Iterator[None]:
    connection.close()
    connection.settings_dict["OPTIONS"] = {"server_side_binding": True}
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = {}


@needs_psycopg3
@pytest.mark.usefixtures("server_side_binding")
def test_binding_on_the_server_changes_nothing_not_even_when_queries_are_logged() -> None:
    Book.objects.create(title="t")
    rows = read()
    assert store(rows) == [True]
    with CaptureQueriesContext(connection):
        assert store(rows) == [True]
    assert not Book.objects.stale().exists()


@pytest.mark.parametrize("model", [Book, Clause, Term])
def test_text_is_sent_where_the_driver_sends_nothing_binary(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "sends_binary", lambda connection: False)
    options: dict[Any, list[Any]] = {
        Book: [Book(title="1"), Book(title="2")],
        Clause: [Clause(tenant=1, number=n, text="t") for n in (1, 2)],
        Term: [Term(word="a,b"), Term(word="{'\"}")],
    }
    model._default_manager.bulk_create(options[model])
    rows = read(model)
    stale = (rows[1][0], "0" * 32, VECTOR)
    assert store([rows[0], stale], model) == [True, False]
    update = GuardedUpdate(embedding_field(model), "default")
    assert [row.embedding for row in model._default_manager.order_by("pk")] == [VECTOR, None]
    assert update.clear([row[:2] for row in rows]) == [True, True]


def test_an_error_is_one_of_djangos_and_breaks_the_transaction_as_always() -> None:
    Book.objects.create(title="t")
    rows = read()
    with holding(lambda: Book.objects.update(year=1)), transaction.atomic():
        fetch("SELECT set_config('lock_timeout', '50ms', true)")
        with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():
            store(rows)
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            store(rows)
    assert store(rows) == [True]


def test_a_closed_connection_is_opened_again() -> None:
    Book.objects.create(title="t")
    rows = read()
    update = GuardedUpdate(embedding_field(Book), "default")
    assert update.store(rows) == [True]
    connection.close()
    assert update.store(rows) == [True]


# Other transactions


@contextmanager
def holding(action: Callable[[], object], commit: bool = True) -> Iterator[None]:
    """Within, another connection has done `action`; it commits or rolls back at the end."""
    other = connections.create_connection("default")
    ours = connections["default"]
    connections["default"] = other
    try:
        other.set_autocommit(False)
        action()
    finally:
        connections["default"] = ours
    try:
        yield
    finally:
        (other.commit if commit else other.rollback)()
        other.close()


def store_meanwhile(answers: list[bool], rows: list[Any]) -> Thread:
    """A thread that stores, known to wait for a lock when this returns."""

    def run() -> None:
        try:
            answers.extend(store(rows))
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    for _ in range(1000):
        if fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            return thread
        time.sleep(0.01)
    raise AssertionError("no transaction waits for a lock")


@pytest.mark.parametrize(
    ("action", "commit", "expected"),
    [
        (lambda row: row.update(title="edited"), True, False),
        (lambda row: row.update(title="edited"), False, True),
        (lambda row: row.update(year=1999), True, True),
        (lambda row: row.delete(), True, False),
        (lambda row: row.delete(), False, True),
    ],
    ids=["edited", "edit rolled back", "other column", "deleted", "deletion rolled back"],
)
def test_a_row_that_is_waited_for_is_compared_again(
    action: Any, commit: bool, expected: bool
) -> None:
    Book.objects.bulk_create([Book(title=f"title {n}") for n in range(3)])
    rows = read()
    answers: list[bool] = []
    with holding(lambda: action(Book.objects.filter(pk=rows[1][0])), commit=commit):
        thread = store_meanwhile(answers, rows)
    thread.join()
    assert answers == [True, expected, True]
    written = Book.objects.filter(embedding__isnull=False, embedding_fingerprint__isnull=False)
    assert written.count() == sum(answers)
    assert not written.stale().exists()


# Places and types


@isolate_apps("hybrid_store.test")
def test_a_table_may_be_in_any_schema() -> None:
    class Shelf(models.Model):
        text = models.TextField()
        embedding = EmbeddingField(source="text", dimensions=384)

        class Meta:
            app_label = "hybrid_store_test"
            db_table = '"attic"."shelf"'

    fetch_nothing("CREATE SCHEMA attic")
    try:
        with connection.schema_editor() as editor:
            editor.create_model(Shelf)
        Shelf(text="t").save()
        rows = read(Shelf)
        assert store(rows, Shelf) == [True]
        Shelf._base_manager.update(text="edited")
        assert store(rows, Shelf) == [False]
    finally:
        fetch_nothing("DROP SCHEMA attic CASCADE")


def fetch_nothing(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@isolate_apps("hybrid_store.test")
def test_values_that_do_not_fit_into_an_array_are_written_row_by_row() -> None:
    from django.contrib.postgres.fields import ArrayField

    class Listed(models.Model):
        numbers = ArrayField(models.IntegerField(), null=True)

        class Meta:
            app_label = "hybrid_store_test"

    with connection.schema_editor() as editor:
        editor.create_model(Listed)
    try:
        rows = [Listed._base_manager.create() for _ in range(2)]
        update = RowUpdate(
            table=Listed._meta.db_table,
            columns=[Column.of(Listed._meta.get_field("numbers"), connection)],
            keys=[Column.of(Listed._meta.pk, connection)],
        )
        values = [([1, 2], rows[0].pk), ([3], rows[1].pk)]
        assert vector_ops(connection).update_rows(update, values) == [True, True]
        found = Listed._base_manager.order_by("pk").values_list("numbers", flat=True)
        assert list(found) == [[1, 2], [3]]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Listed)
