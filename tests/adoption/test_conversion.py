"""`ConvertVectorColumn` from columns of every database."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, models
from django.db.migrations import AddField, RunPython

from hybrid_store.exceptions import VectorConversionError
from hybrid_store.models import (
    CosineDistance,
    EmbeddingField,
    FingerprintField,
    HalfVectorField,
    VectorField,
)
from hybrid_store.operations import ConvertVectorColumn
from tests.adoption.tables import APP, Table

pytestmark = pytest.mark.django_db(transaction=True)

DIMENSIONS = 32
FORMS = ["float16", "float32", "float64"]


def vectors(seed: int, count: int, dimensions: int = DIMENSIONS) -> Any:
    """Rows of length 1, of values that every float type can hold."""
    values = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)


def embedding_field(**options: Any) -> Any:
    return EmbeddingField(source=["title"], dimensions=DIMENSIONS, **options)


def to_vector(field: Any = None, **options: Any) -> ConvertVectorColumn:
    return ConvertVectorColumn(
        "Movie", "embedding", field or VectorField(dimensions=DIMENSIONS, null=True), **options
    )


def movies(table: Table, blobs: list[Any], titles: list[str] | None = None) -> None:
    titles = titles or [f"title {n}" for n in range(len(blobs))]
    table.rows.bulk_create(
        table.model(title=title, embedding=blob) for title, blob in zip(titles, blobs, strict=True)
    )


def stored(table: Table) -> list[Any]:
    return list(table.rows.order_by("pk").values_list("embedding", flat=True))


def as_bytes(table: Table) -> list[Any]:
    return [None if value is None else bytes(value) for value in stored(table)]


@pytest.fixture
def table() -> Any:
    with Table().created(
        title=models.CharField(max_length=50), embedding=models.BinaryField(null=True)
    ) as created:
        yield created


class TestValues:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "field",
        [
            VectorField(dimensions=DIMENSIONS),
            HalfVectorField(dimensions=DIMENSIONS),
            embedding_field(),
        ],
        ids=lambda field: type(field).__name__,
    )
    def test_bytes_of_every_type_become_every_field(
        self, table: Table, field: Any, form: str, seed: int
    ) -> None:
        values = vectors(seed, 5)
        movies(table, [row.astype(form).tobytes() for row in values])
        table.apply(to_vector(field))
        assert stored(table) == [row.astype(np.float32).tolist() for row in values]

    def test_types_may_differ_between_rows(self, table: Table, seed: int) -> None:
        values = vectors(seed, 30)
        movies(table, [row.astype(FORMS[n % 3]).tobytes() for n, row in enumerate(values)])
        table.apply(to_vector())
        assert stored(table) == [row.astype(np.float32).tolist() for row in values]

    def test_more_rows_than_a_page(self, table: Table, seed: int) -> None:
        values = vectors(seed, 1201)
        movies(table, [row.astype("f8").tobytes() for row in values])
        table.apply(to_vector())
        assert stored(table) == [row.astype(np.float32).tolist() for row in values]

    def test_rows_without_a_vector_stay_without(self, table: Table, seed: int) -> None:
        [values] = vectors(seed, 1)
        movies(table, [None, values.tobytes(), b""])
        table.apply(to_vector())
        assert stored(table) == [None, values.astype(np.float32).tolist(), None]

    def test_an_empty_table(self, table: Table) -> None:
        table.apply(to_vector())
        assert stored(table) == []

    def test_the_new_column_is_searched_and_checked(self, table: Table, seed: int) -> None:
        values = vectors(seed, 5)
        movies(table, [row.tobytes() for row in values])
        table.apply(to_vector())
        distance = CosineDistance("embedding", values[3].astype(np.float32))
        nearest = table.rows.annotate(distance=distance).order_by("distance").first()
        assert nearest.title == "title 3"
        assert nearest.distance == pytest.approx(0, abs=1e-6)

    @pytest.mark.parametrize("kind", ["text", "json"])
    def test_lists_in_text_and_json(self, kind: str, seed: int) -> None:
        values = vectors(seed, 3).astype(np.float32)
        field: Any = models.TextField(null=True) if kind == "text" else models.JSONField(null=True)
        given = [str(row.tolist()) if kind == "text" else row.tolist() for row in values]
        title = models.CharField(max_length=50)
        with Table().created(title=title, embedding=field) as table:
            movies(table, given)
            before = table.apply(to_vector())
            assert stored(table) == values.tolist()
            table.unapply(before, to_vector())
            back = stored(table)
        read = [np.array(eval(row) if kind == "text" else row, np.float32) for row in back]  # noqa: S307
        assert np.array_equal(read, values)

    def test_another_vector_field(self, seed: int) -> None:
        values = vectors(seed, 3).astype(np.float32)
        field = HalfVectorField(dimensions=DIMENSIONS, null=True)
        title = models.CharField(max_length=50)
        with Table().created(title=title, embedding=field) as table:
            movies(table, list(values))
            before = table.apply(to_vector(embedding_field()))
            assert stored(table) == values.tolist()
            table.unapply(before, to_vector(embedding_field()))
            assert stored(table) == values.tolist()


class TestFaults:
    def test_nothing_is_changed_and_keys_are_named(self, table: Table, seed: int) -> None:
        good = vectors(seed, 2)
        blobs = [good[0].tobytes(), b"\1\2\3", np.full(DIMENSIONS, np.nan).tobytes(), b"\1"]
        movies(table, [*blobs, good[1].tobytes()])
        keys = list(table.rows.order_by("pk").values_list("pk", flat=True))
        with pytest.raises(VectorConversionError) as caught:
            table.apply(to_vector())
        message = str(caught.value)
        assert f"{APP}.Movie.embedding: 3 rows are at fault; nothing was changed." in message
        assert "  size: 2 rows with another number of bytes" in message
        assert f"primary keys {keys[1]}, {keys[3]}\n" in message
        assert "  not_finite: 1 row with NaN" in message
        assert 'on_bad={"size": "null"}' in message
        assert as_bytes(table) == [*blobs, good[1].tobytes()]
        assert set(table.columns()) == {"id", "title", "embedding"}

    def test_only_the_first_keys_are_shown(self, table: Table) -> None:
        movies(table, [b"\1"] * 25)
        with pytest.raises(VectorConversionError, match="and 5 more"):
            table.apply(to_vector())

    def test_they_are_set_to_null_on_request(
        self, table: Table, seed: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        [good] = vectors(seed, 1)
        movies(table, [b"\1\2\3", good.tobytes(), np.full(DIMENSIONS, np.inf).tobytes()])
        key = table.rows.order_by("pk").first().pk
        with caplog.at_level(logging.INFO, "hybrid_store"):
            table.apply(to_vector(on_bad="null"))
        assert stored(table) == [None, good.astype(np.float32).tolist(), None]
        assert "these vectors are set to NULL" in caplog.text
        assert f"primary keys {key}" in caplog.text
        assert "vectors read: 1 of float16" in caplog.text

    def test_other_faults_than_those_named_are_refused(self, table: Table) -> None:
        movies(table, [b"\1\2\3", np.full(DIMENSIONS, np.nan).tobytes()])
        with pytest.raises(VectorConversionError, match="not_finite") as caught:
            table.apply(to_vector(on_bad={"size": "null"}))
        assert "size:" not in str(caught.value)

    def test_another_number_of_dimensions(self, table: Table, seed: int) -> None:
        movies(table, [row.astype("f4").tobytes() for row in vectors(seed, 3, 2 * DIMENSIONS)])
        with pytest.raises(VectorConversionError, match="ambiguous: 3 rows") as caught:
            table.apply(to_vector())
        assert 'source_dtype="float32"' in str(caught.value)
        table.apply(to_vector(VectorField(dimensions=2 * DIMENSIONS, null=True)))
        assert None not in stored(table)

    def test_zeros_are_no_embedding(self, table: Table) -> None:
        movies(table, [bytes(4 * DIMENSIONS)])
        with pytest.raises(VectorConversionError, match="zero: 1 row"):
            table.apply(to_vector(embedding_field()))
        table.apply(to_vector())
        assert stored(table) == [[0.0] * DIMENSIONS]

    def test_one_vector_for_different_texts(self, table: Table, seed: int) -> None:
        a, b = (row.tobytes() for row in vectors(seed, 2))
        movies(table, [a, a, b, b, b], ["x", "x", "x", "y", "z"])
        with pytest.raises(VectorConversionError, match="repeated: 3 rows with"):
            table.apply(to_vector(embedding_field()))
        before = table.apply(to_vector(embedding_field(), on_bad={"repeated": "keep"}))
        assert None not in stored(table)
        table.unapply(before, to_vector(embedding_field()))
        table.apply(to_vector(embedding_field(), on_bad={"repeated": "null"}))
        assert [value is None for value in stored(table)] == [False, False, True, True, True]

    def test_random_defaults(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        real = vectors(seed, 20, 384).astype("f8")
        rows = [row.tobytes() for row in real]
        rows[4] = generator.random(384).tobytes()
        field = VectorField(dimensions=384, null=True)
        title = models.CharField(max_length=50)
        with Table().created(title=title, embedding=models.BinaryField()) as table:
            movies(table, rows)
            with pytest.raises(VectorConversionError, match="random: 1 row"):
                table.apply(to_vector(field))
            table.apply(to_vector(field, on_bad={"random": "null"}))
            assert [n for n, value in enumerate(stored(table)) if value is None] == [4]

    def test_a_field_that_is_not_null(self, table: Table, seed: int) -> None:
        [good] = vectors(seed, 1)
        movies(table, [good.tobytes(), None, b"\1"])
        field = VectorField(dimensions=DIMENSIONS)
        with pytest.raises(VectorConversionError, match="missing: 1 row with no vector") as caught:
            table.apply(to_vector(field, on_bad="null"))
        assert "size: 1 row" in str(caught.value)
        table.rows.exclude(title="title 0").delete()
        table.apply(to_vector(field))
        assert table.columns()["embedding"] is False

    def test_a_row_written_meanwhile(
        self, table: Table, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from hybrid_store.operations import conversion

        [good] = vectors(seed, 1)
        movies(table, [good.tobytes()])
        settle = conversion._Import._settle

        def edited(self: Any, diagnosis: Any) -> None:
            settle(self, diagnosis)
            table.rows.update(embedding=b"\1")

        monkeypatch.setattr(conversion._Import, "_settle", edited)
        with pytest.raises(VectorConversionError, match="has changed meanwhile: 1 bytes instead"):
            table.apply(to_vector())
        assert as_bytes(table) == [good.tobytes()]
        assert "hybrid_store_staged" not in table.columns()

    def test_a_failure_half_way_leaves_nothing_in_a_migration_that_is_not_atomic(
        self, table: Table, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from hybrid_store.operations.columns import ColumnChange

        [good] = vectors(seed, 1)
        movies(table, [good.tobytes()])

        def failing(self: Any, with_both: Any) -> Any:
            raise RuntimeError("half way")

        monkeypatch.setattr(ColumnChange, "_without_old_column", failing)
        with pytest.raises(RuntimeError, match="half way"):
            table.apply(to_vector(), atomic=False)
        assert as_bytes(table) == [good.tobytes()]
        assert set(table.columns()) == {"id", "title", "embedding"}
        monkeypatch.undo()
        table.apply(to_vector(), atomic=False)
        assert stored(table) == [good.astype(np.float32).tolist()]


class TestBackwards:
    @pytest.mark.parametrize("dtype", [None, "float32", "float64"])
    def test_bytes_come_back(self, table: Table, dtype: str | None, seed: int) -> None:
        values = vectors(seed, 3)
        given = [row.astype(dtype or "float32").tobytes() for row in values]
        movies(table, [*given, None])
        operation = to_vector(source_dtype=dtype)
        before = table.apply(operation)
        table.unapply(before, operation)
        assert as_bytes(table) == [*given, None]

    def test_float64_comes_back_as_precise_as_float32(self, table: Table, seed: int) -> None:
        values = np.random.default_rng(seed).normal(size=DIMENSIONS)
        movies(table, [values.tobytes()])
        operation = to_vector(source_dtype="float64")
        before = table.apply(operation)
        table.unapply(before, operation)
        [back] = as_bytes(table)
        assert np.frombuffer(back) == pytest.approx(values, rel=1e-7)

    def test_a_column_that_was_not_null_gets_empty_bytes(self, seed: int) -> None:
        [good] = vectors(seed, 1)
        title = models.CharField(max_length=50)
        field = models.BinaryField(default=b"default")
        with Table().created(title=title, embedding=field) as table:
            movies(table, [good.astype("f4").tobytes(), b"\1"])
            operation = to_vector(embedding_field(), on_bad="null")
            before = table.apply(operation)
            assert table.columns()["embedding"] is True
            table.unapply(before, operation)
            assert as_bytes(table) == [good.astype("f4").tobytes(), b""]
            assert table.columns()["embedding"] is False

    def test_forwards_again(self, table: Table, seed: int) -> None:
        values = vectors(seed, 3)
        movies(table, [row.astype("f8").tobytes() for row in values])
        before = table.apply(to_vector())
        table.unapply(before, to_vector())
        table.apply(to_vector())
        assert stored(table) == [row.astype(np.float32).tolist() for row in values]


class TestTheRestOfTheTable:
    def test_columns_indexes_constraints_and_relations_stay(self, seed: int) -> None:
        owner = Table("Owner")
        [good] = vectors(seed, 1)
        with owner.created(name=models.CharField(max_length=10, unique=True)):
            table = Table()
            table.state = owner.state
            with table.created(
                title=models.CharField(max_length=50, db_index=True),
                embedding=models.BinaryField(null=True, db_column="emb"),
                year=models.IntegerField(default=1990),
                owner=models.ForeignKey(f"{APP}.Owner", models.CASCADE),
                options={
                    "indexes": [models.Index(fields=["year", "title"], name="movie_year")],
                    "constraints": [
                        models.UniqueConstraint(fields=["title", "year"], name="movie_unique"),
                        models.CheckConstraint(
                            condition=models.Q(year__gt=1900), name="movie_modern"
                        ),
                    ],
                },
            ):
                first = owner.rows.create(name="x")
                table.rows.create(title="a", embedding=good.tobytes(), owner_id=first.pk, year=2000)
                names = set(table.constraints())
                field = VectorField(dimensions=DIMENSIONS, null=True, db_column="emb")
                before = table.apply(to_vector(field))
                assert {"movie_year", "movie_unique", "movie_modern"} <= set(table.constraints())
                assert len(table.constraints()) >= len(names)
                assert set(table.columns()) == {"id", "title", "emb", "year", "owner_id"}
                row = table.rows.get()
                assert (row.title, row.year, row.owner_id) == ("a", 2000, first.pk)
                assert row.embedding == good.astype(np.float32).tolist()
                with pytest.raises(IntegrityError):
                    table.rows.create(title="b", owner_id=first.pk, year=1800)
                table.unapply(before, to_vector(field))
                assert set(table.constraints()) == names

    @pytest.mark.parametrize(
        ("field", "keys"),
        [
            (models.UUIDField(primary_key=True), [uuid.uuid4() for _ in range(3)]),
            (models.CharField(max_length=9, primary_key=True), ["a'b", "%s", "ü"]),
        ],
        ids=["uuid", "text"],
    )
    def test_other_primary_keys(self, field: Any, keys: list[Any], seed: int) -> None:
        values = vectors(seed, 3)
        with Table().created(code=field, embedding=models.BinaryField(null=True)) as table:
            for key, row in zip(keys, values, strict=True):
                table.rows.create(code=key, embedding=row.tobytes())
            table.apply(to_vector())
            read = dict(table.rows.values_list("code", "embedding"))
        assert read == {
            key: row.astype(np.float32).tolist() for key, row in zip(keys, values, strict=True)
        }

    def test_composite_primary_keys(self, seed: int) -> None:
        values = vectors(seed, 4)
        with Table().created(
            pk=models.CompositePrimaryKey("a", "b"),
            a=models.IntegerField(),
            b=models.CharField(max_length=5),
            embedding=models.BinaryField(null=True),
        ) as table:
            keys = [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
            for (a, b), row in zip(keys, values, strict=True):
                table.rows.create(a=a, b=b, embedding=row.tobytes())
            table.apply(to_vector())
            read = dict(table.rows.values_list("pk", "embedding"))
        assert [read[key] for key in keys] == values.astype(np.float32).tolist()

    @pytest.mark.parametrize(
        "options",
        [
            {"indexes": [models.Index(fields=["embedding"], name="on_it")]},
            {
                "indexes": [
                    models.Index(
                        fields=["id"], condition=models.Q(embedding__isnull=True), name="on_it"
                    )
                ]
            },
            {"constraints": [models.UniqueConstraint(fields=["embedding"], name="on_it")]},
            {
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(embedding__isnull=False), name="on_it"
                    )
                ]
            },
        ],
        ids=["index", "partial", "unique", "check"],
    )
    def test_what_stands_on_the_old_column_must_go_first(self, options: Any) -> None:
        with (
            Table().created(embedding=models.BinaryField(), options=options) as table,
            pytest.raises(VectorConversionError, match="the column is part of on_it"),
        ):
            table.apply(to_vector())

    @pytest.mark.parametrize(
        ("field", "options"),
        [
            (models.BinaryField(), {"unique_together": {("id", "embedding")}}),
            (models.BinaryField(unique=True), {}),
            (models.BinaryField(db_index=True), {}),
        ],
        ids=["unique_together", "unique", "db_index"],
    )
    def test_options_of_the_field_too(self, field: Any, options: Any) -> None:
        with (
            Table().created(embedding=field, options=options) as table,
            pytest.raises(VectorConversionError, match="the column is part of"),
        ):
            table.apply(to_vector())

    def test_together_with_the_companion_and_rows_of_the_same_migration(
        self, table: Table, seed: int
    ) -> None:
        values = vectors(seed, 2)

        def fill(apps: Any, schema_editor: Any) -> None:
            model = apps.get_model(APP, "Movie")
            for row in values:
                model.objects.create(title=str(row[0]), embedding=row.tobytes())

        table.apply(
            RunPython(fill, RunPython.noop),
            AddField("Movie", "embedding_fingerprint", FingerprintField()),
            to_vector(embedding_field()),
        )
        assert stored(table) == values.astype(np.float32).tolist()
        assert set(table.rows.values_list("embedding_fingerprint", flat=True)) == {None}

    @pytest.mark.django_db(transaction=True, databases=["default", "other"])
    def test_on_another_database(self, seed: int) -> None:
        values = vectors(seed, 2)
        title = models.CharField(max_length=50)
        field = models.BinaryField(null=True)
        with Table(using="other").created(title=title, embedding=field) as table:
            movies(table, [row.tobytes() for row in values])
            table.apply(to_vector())
            assert stored(table) == values.astype(np.float32).tolist()
