"""What is peculiar to PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Event, Thread
from time import sleep
from typing import Any

import numpy as np
import pgvector.django
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import CaptureQueriesContext, isolate_apps

from hybrid_store.backends import vector_ops
from hybrid_store.backends.postgresql import extension
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.models import (
    BitField,
    CosineDistance,
    HammingDistance,
    JaccardDistance,
    L2Distance,
    SparseVectorField,
    VectorField,
    VectorIndex,
)
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.fingerprint import fingerprint
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Article, Author, Book, Code, Point, Weighting
from hybrid_store.test.watching import before_each_answer
from hybrid_store.vectors import BitVector, SparseVector, Vector
from tests.databases.drivers import HAS_PSYCOPG3, needs_psycopg3

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def _indexes_may_be_used(settings: Any) -> None:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}


def fetch(sql: str, *params: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def plan(queryset: Any) -> str:
    return str(queryset.explain())


def definition(index: str) -> str:
    [(sql,)] = fetch("SELECT indexdef FROM pg_indexes WHERE indexname = %s", index)
    return str(sql)


def test_columns_are_those_of_pgvector() -> None:
    types = dict(
        fetch(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass",
            Point._meta.db_table,
        )
    )
    assert types["vector"] == "vector(3)"
    assert types["half"] == "halfvec(3)"
    assert Code._meta.get_field("bits").db_type(connection) == "bit(12)"
    assert Weighting._meta.get_field("terms").db_type(connection) == "sparsevec(50)"


def test_indexes_have_method_operator_class_and_parameters() -> None:
    assert "USING hnsw (vector vector_cosine_ops)" in definition("test_point_vec")
    assert "m='8', ef_construction='32'" in definition("test_point_vec")
    assert "USING hnsw (half halfvec_l2_ops)" in definition("test_point_half")


@pytest.mark.parametrize(
    ("metric", "operators"),
    [("cosine", "cosine"), ("l2", "l2"), ("l1", "l1"), ("inner_product", "ip")],
)
def test_every_metric_has_its_operator_class(metric: str, operators: str) -> None:
    index = VectorIndex("vector", metric=metric, name="made_vec")
    with connection.schema_editor() as editor:
        editor.add_index(Point, index)
    try:
        assert f"vector_{operators}_ops" in definition("made_vec")
    finally:
        with connection.schema_editor() as editor:
            editor.remove_index(Point, index)


@pytest.mark.parametrize(
    ("model", "field", "metric", "operators"),
    [
        (Code, "bits", "hamming", "bit_hamming_ops"),
        (Code, "bits", "jaccard", "bit_jaccard_ops"),
        (Weighting, "terms", "cosine", "sparsevec_cosine_ops"),
        (Weighting, "terms", "l2", "sparsevec_l2_ops"),
        (Weighting, "terms", "l1", "sparsevec_l1_ops"),
        (Weighting, "terms", "inner_product", "sparsevec_ip_ops"),
    ],
)
def test_bits_and_sparse_vectors_are_searched_by_their_index(
    model: Any, field: str, metric: str, operators: str
) -> None:
    index = VectorIndex(field, metric=metric, name="made_vec")
    with connection.schema_editor() as editor:
        editor.add_index(model, index)
    try:
        assert operators in definition("made_vec")
        target = "1" * 12 if model is Code else {1: 1}
        rows = [{1: n % 9 + 1, 2: n} if model is Weighting else f"{n:012b}" for n in range(300)]
        model.objects.bulk_create([model(**{field: row}) for row in rows])
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {model._meta.db_table}")
            cursor.execute("SET enable_seqscan = off")
        ranked = model.objects.nearest(target, field=field, metric=metric)
        assert "made_vec" in plan(ranked[:10]) or f"test_{model.__name__.lower()}" in plan(
            ranked[:10]
        )
        exact = [row.distance for row in ranked][:10]
        np.testing.assert_allclose([row.distance for row in ranked[:10]], exact)
    finally:
        connection.close()
        with connection.schema_editor() as editor:
            editor.remove_index(model, index)


def test_an_index_holds_sparse_vectors_of_a_thousand_values() -> None:
    Weighting.objects.create(huge=dict.fromkeys(range(1001), 1.0))
    index = VectorIndex("huge", metric="l2", name="made_vec")
    add_and_remove: Any = connection.schema_editor
    with (
        pytest.raises(DatabaseError, match="more than 1000 non-zero elements for hnsw index"),
        add_and_remove() as editor,
    ):
        editor.add_index(Weighting, index)
    Weighting.objects.all().delete()
    with add_and_remove() as editor:
        editor.add_index(Weighting, index)
    try:
        Weighting.objects.create(huge=dict.fromkeys(range(1000), 1.0))
        with pytest.raises(DatabaseError, match="more than 1000 non-zero elements"):
            Weighting.objects.create(huge=dict.fromkeys(range(1001), 1.0))
    finally:
        with add_and_remove() as editor:
            editor.remove_index(Weighting, index)


def test_an_index_can_be_built_concurrently() -> None:
    index = VectorIndex("vector", name="made_vec")
    editor: Any
    with connection.schema_editor(atomic=False) as editor:
        editor.add_index(Point, index, concurrently=True)
        assert "vector_cosine_ops" in definition("made_vec")
        editor.remove_index(Point, index, concurrently=True)


@pytest.fixture
def books() -> Iterator[Any]:
    """2,000 embedded books, and a planner that uses the index where it can."""
    stamp = fingerprint(embedding_field(Book).space, "t\n")
    vectors = np.random.default_rng(1).normal(size=(2000, 384))
    Book.objects.bulk_create(
        [
            Book(title="t", year=n, embedding=vector, embedding_fingerprint=stamp)
            for n, vector in enumerate(vectors)
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hybrid_store_test_book")
        cursor.execute("SET enable_seqscan = off")
    yield Book.objects
    connection.close()


NEAR = np.ones(384)


def test_a_ranked_query_uses_the_index_of_its_metric(books: Any) -> None:
    ranked = books.annotate(d=CosineDistance("embedding", NEAR)).order_by("d")
    assert "test_book_vec" in plan(ranked[:10])
    other = books.annotate(d=L2Distance("embedding", NEAR)).order_by("d")
    assert "test_book_vec" not in plan(other[:10])
    assert "test_book_vec" in plan(books.nearest(NEAR)[:10])


def test_an_index_never_costs_rows(books: Any) -> None:
    exact = list(books.nearest(NEAR))
    assert len(exact) == 2000
    keys = [book.pk for book in exact]
    far = [book.year for book in exact[1000:1100]]
    ranked = books.nearest(NEAR)
    assert "test_book_vec" in plan(ranked[:100])
    assert len({book.pk for book in ranked[:100]} & {*keys[:100]}) >= 80
    assert len({book.pk for book in ranked[35:45]} - {*keys[:100]}) <= 2
    assert [book.pk for book in ranked[1000:1010]] == keys[1000:1010]
    assert [book.pk for book in ranked.filter(year__in=far)[:10]] == keys[1000:1010]
    assert list(ranked[:100].iterator()) == list(ranked[:100])
    assert list(ranked.filter(year=-1)[:10]) == []


def test_the_settings_can_forbid_what_is_approximate(books: Any, settings: Any) -> None:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {"EXACT": True}}
    ranked = books.nearest(NEAR)[:10]
    assert "hybrid_store_test_book_vec" not in plan(ranked)
    with CaptureQueriesContext(connection) as queries:
        assert len(ranked) == 10
    assert len(queries) == 1


def test_subqueries_and_counts_lose_no_rows_either(books: Any) -> None:
    ranked = books.nearest(NEAR)
    assert books.filter(pk__in=ranked[:100].values("pk")).count() == 100
    assert ranked[:100].count() == 100
    assert ranked[50:150].aggregate(n=models.Count("pk")) == {"n": 100}


@isolate_apps("hybrid_store.test")
def test_an_index_over_too_many_dimensions_is_refused_in_a_sentence() -> None:
    class Wide(models.Model):
        vector = VectorField(dimensions=4001)

        class Meta:
            app_label = "hybrid_store_test"
            indexes = [VectorIndex("vector", name="wide_vec")]

    with (
        pytest.raises(
            DatabaseError, match="an HNSW index over more than 4000 dimensions of half precision"
        ),
        connection.schema_editor() as editor,
    ):
        editor.create_model(Wide)


def test_vectors_travel_in_binary_and_are_read_in_text_too() -> None:
    Point.objects.create(vector=[0.1, 0.2, 0.3], half=[0.1, 0.2, 0.3])
    with CaptureQueriesContext(connection) as queries:
        stored = Point.objects.get()
    assert "vector_send(" in queries[0]["sql"]
    assert "halfvec_send(" in queries[0]["sql"]
    [raw] = Point.objects.raw("SELECT * FROM hybrid_store_test_point")
    assert (raw.vector, raw.half) == (stored.vector, stored.half)


def test_bits_and_sparse_vectors_travel_in_binary_too() -> None:
    Code.objects.create(bits="101000000011")
    Weighting.objects.create(terms={1: 0.1})
    with CaptureQueriesContext(connection) as queries:
        assert Code.objects.get().bits.to_text() == "101000000011"
        assert Weighting.objects.get().terms == SparseVector({1: 0.1}, 50)
    assert "pg_catalog.bit_send(" in queries[0]["sql"]
    assert "sparsevec_send(" in queries[1]["sql"]


def test_no_bit_is_lost_to_the_length_of_a_cast() -> None:
    code = Code.objects.create(bits="101000000011")
    with pytest.raises(DatabaseError, match="does not match type bit"), transaction.atomic():
        fetch("UPDATE hybrid_store_test_code SET bits = %s::pg_catalog.bit", "1")
    columns = {f.name: Column.of(f, connection) for f in Code._meta.local_fields}
    update = RowUpdate(Code._meta.db_table, columns=[columns["bits"]], keys=[columns["id"]])
    assert vector_ops(connection).update_rows(update, [(BitVector("1" * 12), code.pk)]) == [True]
    code.refresh_from_db()
    assert code.bits.to_text() == "1" * 12


def test_vectors_are_written_alike_with_and_without_orjson(monkeypatch: Any) -> None:
    from hybrid_store.backends.postgresql import transport

    values = np.random.default_rng(3).normal(size=384).astype(np.float32)
    fast = transport.write(Vector(values))
    monkeypatch.setitem(__import__("sys").modules, "orjson", None)
    transport._writer.cache_clear()
    try:
        plain = transport.write(Vector(values))
    finally:
        transport._writer.cache_clear()
    for text in (fast, plain):
        book = Book.objects.create(title="t", embedding=text)
        assert Book.objects.get(pk=book.pk).embedding == values


def test_the_driver_is_named() -> None:
    name = "psycopg" if HAS_PSYCOPG3 else "psycopg2"
    assert re.fullmatch(rf"{name} [\d.]+", vector_ops(connection).driver())


@needs_psycopg3
def test_server_side_binding_gives_the_same_answers() -> None:
    Point.objects.create(name="a", vector=[1, 0, 0])
    Book.objects.create(title="apple")
    call_command("generate_embeddings", "hybrid_store_test.Book", verbosity=0)
    connection.close()
    connection.settings_dict["OPTIONS"] = {"server_side_binding": True}
    try:
        assert Point.objects.nearest([1, 0, 0], field="vector").get().name == "a"
        assert Book.objects.nearest("apple").get().similarity > 0.9
        assert Book.objects.filter(pk__in=Book.objects.nearest("apple")[:1].values("pk")).exists()
        assert not Book.objects.stale().exists()
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = {}


@pytest.fixture
def extension_schema() -> Iterator[str]:
    """The extension in a schema that is not on the search path."""
    fetch("SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA ext")
        cursor.execute("ALTER EXTENSION vector SET SCHEMA ext")
    extension._qualifiers.clear()
    yield "ext"
    with connection.cursor() as cursor:
        cursor.execute("ALTER EXTENSION vector SET SCHEMA public")
        cursor.execute("DROP SCHEMA ext CASCADE")
    extension._qualifiers.clear()


@isolate_apps("hybrid_store.test")
def test_the_extension_may_be_in_any_schema(extension_schema: str) -> None:
    class Elsewhere(models.Model):
        vector = VectorField(dimensions=3)

        class Meta:
            app_label = "hybrid_store_test"
            indexes = [VectorIndex("vector", name="elsewhere_vec")]

    class Others(models.Model):
        bits = BitField(length=12)
        terms = SparseVectorField(dimensions=50)

        class Meta:
            app_label = "hybrid_store_test"
            indexes = [
                VectorIndex("bits", metric="hamming", name="elsewhere_bits"),
                VectorIndex("terms", metric="l1", name="elsewhere_terms"),
            ]

    with connection.schema_editor() as editor:
        editor.create_model(Elsewhere)
        editor.create_model(Others)
    try:
        Elsewhere(vector=[1, 2, 2]).save()
        row: Any = Elsewhere._base_manager.annotate(
            c=CosineDistance("vector", [1, 2, 2]), d=L2Distance("vector", [1, 2, 0])
        ).get()
        assert (row.vector, round(row.c, 6), row.d) == (Vector([1, 2, 2]), 0, 2)
        assert "ext.vector_cosine_ops" in definition("elsewhere_vec")
        columns = [Column.of(field, connection) for field in Elsewhere._meta.local_fields]
        update = RowUpdate(Elsewhere._meta.db_table, columns=columns[1:], keys=columns[:1])
        written = vector_ops(connection).update_rows(update, [(Vector([2, 2, 1]), row.pk)])
        assert written == [True]
        assert Elsewhere._base_manager.get().vector == [2, 2, 1]
        Others(bits="101000000011", terms={1: 2}).save()
        other: Any = Others._base_manager.annotate(
            h=HammingDistance("bits", "1" * 12),
            j=JaccardDistance("bits", "1" * 12),
            d=L2Distance("terms", {1: 5}),
        ).get()
        assert (other.h, round(other.j, 6), other.d) == (8, round(8 / 12, 6), 3)
        assert (other.bits.to_text(), other.terms[1]) == ("101000000011", 2)
        assert "ext.bit_hamming_ops" in definition("elsewhere_bits")
        assert "ext.sparsevec_l1_ops" in definition("elsewhere_terms")
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Elsewhere)
            editor.delete_model(Others)


@needs_psycopg3
@isolate_apps("hybrid_store.test")
def test_pgvectors_own_fields_work_on_the_same_connection() -> None:
    from pgvector.psycopg import register_vector

    class Theirs(models.Model):
        vector = pgvector.django.VectorField(dimensions=3)

        class Meta:
            app_label = "hybrid_store_test"

    with connection.schema_editor() as editor:
        editor.create_model(Theirs)
    try:
        Point.objects.create(vector=[1, 2, 3])
        for registered in (False, True):
            if registered:
                register_vector(connection.connection)
            Theirs(vector=np.array([1, 2, 3])).save()
            theirs: Any = Theirs._base_manager.annotate(
                d=pgvector.django.L2Distance("vector", [1, 2, 0])
            ).first()
            ours = Point.objects.annotate(d=L2Distance("vector", theirs.vector)).first()
            assert ours is not None
            assert (list(theirs.vector), theirs.d, ours.d) == ([1, 2, 3], 3, 0)
            both: Any = Theirs._base_manager.annotate(d=L2Distance("vector", [1, 2, 0])).first()
            assert both.d == 3
            [raw] = Point.objects.raw("SELECT * FROM hybrid_store_test_point")
            assert raw.vector == [1, 2, 3]
    finally:
        connection.close()
        with connection.schema_editor() as editor:
            editor.delete_model(Theirs)


@isolate_apps("hybrid_store.test")
def test_fields_of_pgvector_become_ours_without_a_statement() -> None:
    index = pgvector.django.HnswIndex(
        name="their_bits", fields=["bits"], opclasses=["bit_hamming_ops"]
    )

    class Theirs(models.Model):
        bits = pgvector.django.BitField(length=12)
        terms = pgvector.django.SparseVectorField(dimensions=50)

        class Meta:
            app_label = "hybrid_store_test"
            indexes = [index]

    class Ours(models.Model):
        bits = BitField(length=12)
        terms = SparseVectorField(dimensions=50)

        class Meta:
            app_label = "hybrid_store_test"
            db_table = Theirs._meta.db_table

    with connection.schema_editor() as editor:
        editor.create_model(Theirs)
    try:
        Theirs(bits="101000000011", terms=pgvector.SparseVector({1: 2}, 50)).save()
        with connection.schema_editor(collect_sql=True) as editor:
            for name in ("bits", "terms"):
                fields: Any = [model._meta.get_field(name) for model in (Theirs, Ours)]
                editor.alter_field(Theirs, *fields)
        assert editor.collected_sql == []
        ours: Any = Ours._base_manager.get()
        assert (ours.bits.to_text(), ours.terms.to_dict()) == ("101000000011", {1: 2})
        for model in (Ours, Theirs):
            near, there = "1" * 12, pgvector.SparseVector({1: 5}, 50)
            row = model._base_manager.values_list(
                HammingDistance("bits", near),
                HammingDistance("bits", BitVector(near)),
                pgvector.django.HammingDistance("bits", near),
                JaccardDistance("bits", near),
                pgvector.django.JaccardDistance("bits", near),
                L2Distance("terms", there),
                pgvector.django.L2Distance("terms", there),
            ).get()
            assert row[:3] == (8, 8, 8)
            assert row[3] == row[4]
            assert row[5:] == (3, 3)
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Theirs)


def test_the_mean_of_vectors_is_computed_by_the_database() -> None:
    Point.objects.bulk_create([Point(vector=[1, 2, 3]), Point(vector=[3, 2, 1])])
    assert Point.objects.aggregate(mean=models.Avg("vector")) == {"mean": Vector([2, 2, 2])}


def test_values_are_those_of_pgvector_django() -> None:
    Point.objects.create(vector=[1, -2, 3])
    from hybrid_store.models import L1Distance, MaxInnerProduct

    for ours, theirs in [
        (CosineDistance, pgvector.django.CosineDistance),
        (L2Distance, pgvector.django.L2Distance),
        (L1Distance, pgvector.django.L1Distance),
        (MaxInnerProduct, pgvector.django.MaxInnerProduct),
    ]:
        row = Point.objects.values_list(ours("vector", [3, 2, 1]), theirs("vector", [3, 2, 1]))
        assert row.get()[0] == row.get()[1]


def test_migrations_create_the_extension_unless_told_not_to(settings: Any) -> None:
    assert vector_ops(connection).extension_report().version  # type: ignore[union-attr]
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "CREATE_EXTENSION": False}
    called: list[bool] = []
    ops = vector_ops(connection)
    ops.create_extension = lambda: called.append(True)  # type: ignore[method-assign]
    try:
        call_command("migrate", verbosity=0)
        assert not called
    finally:
        del ops.create_extension


def test_a_guard_over_a_join_waits_for_a_writer_and_sees_the_edit() -> None:
    article = Article.objects.create(slug="old", author=Author.objects.create(name="Ann"))
    written = Event()

    def write_and_commit_late() -> None:
        try:
            with transaction.atomic():
                Article.objects.update(slug="new")
                written.set()
                sleep(0.3)
        finally:
            connection.close()

    writer = Thread(target=write_and_commit_late)

    def edit_in_flight(texts: Any) -> None:
        writer.start()
        assert written.wait(10)

    with before_each_answer(edit_in_flight):
        report = Generation(embedding_field(Article)).run()
    writer.join()
    assert (report.embedded, report.changed) == (0, 1)
    article.refresh_from_db()
    assert (article.slug, article.embedding) == ("new", None)


def test_a_state_model_has_the_same_column_types() -> None:
    state = ProjectState()
    state.add_model(ModelState.from_model(Point))
    field = state.apps.get_model("hybrid_store_test", "Point")._meta.get_field("vector")
    assert field.db_type(connection) == "vector(3)"
