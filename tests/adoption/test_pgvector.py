"""`ConvertVectorColumn` from the fields of `pgvector.django`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pgvector.django as pgvector
import pytest
from django.db import connection, migrations, models

from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import VectorConversionError
from hybrid_store.models import CosineDistance, EmbeddingField, HalfVectorField, VectorField
from hybrid_store.operations import ConvertVectorColumn
from tests.adoption.tables import Table

pytestmark = pytest.mark.django_db(transaction=True)

KNOWS_VECTORS = vector_ops(connection).vector_type("vector(3)") is not None
needs_vectors = pytest.mark.skipif(not KNOWS_VECTORS, reason="the database has no vector type")
VECTORS = [[1.0, 0.0, 0.5], [0.0, 1.0, 0.25], [1.0, 2.0, 3.0]]
TITLE = models.CharField(max_length=10)


def to_vector(field: Any = None) -> ConvertVectorColumn:
    return ConvertVectorColumn("Movie", "embedding", field or VectorField(dimensions=3, null=True))


def fill(table: Table, vectors: list[Any] = VECTORS) -> None:
    for place, vector in enumerate(vectors):
        table.rows.create(title=f"title {place}", embedding=vector)


def stored(table: Table) -> list[Any]:
    values = table.rows.order_by("pk").values_list("embedding", flat=True)
    return [None if value is None else np.asarray(value).tolist() for value in values]


def files(*names: str) -> list[Any]:
    """The files in which tables and indexes are stored: a new one means that it was rewritten."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relfilenode FROM pg_class WHERE relname = ANY (%s)", [[*names]]
        )
        return sorted(cursor.fetchall())


def column_type(table: Table) -> str | None:
    return vector_ops(connection).stored_type(table.model._meta.db_table, "embedding")


class TestOnEveryDatabase:
    """Without a vector type, a column of pgvector.django holds text."""

    @pytest.mark.parametrize(
        "field",
        [VectorField(dimensions=3, null=True), EmbeddingField(source=["title"], dimensions=3)],
        ids=lambda field: type(field).__name__,
    )
    def test_values_stay_forwards_and_backwards(self, field: Any) -> None:
        old = pgvector.VectorField(dimensions=3, null=True)
        with Table().created(title=TITLE, embedding=old) as table:
            fill(table, [*VECTORS, None])
            before = table.apply(to_vector(field))
            assert stored(table) == [*VECTORS, None]
            distance = CosineDistance("embedding", [0, 1, 0.25])
            held = table.rows.filter(embedding__isnull=False)
            assert held.order_by(distance).first().title == "title 1"
            table.unapply(before, to_vector(field))
            assert stored(table) == [*VECTORS, None]

    def test_half_precision(self) -> None:
        old = pgvector.HalfVectorField(dimensions=3)
        with Table().created(title=TITLE, embedding=old) as table:
            fill(table)
            table.apply(to_vector(HalfVectorField(dimensions=3)))
            assert stored(table) == VECTORS


@needs_vectors
class TestColumns:
    def test_table_and_index_are_kept(self) -> None:
        index = pgvector.HnswIndex(
            name="movie_hnsw", fields=["embedding"], opclasses=["vector_cosine_ops"], m=8
        )
        with Table().created(
            title=TITLE,
            embedding=pgvector.VectorField(dimensions=3),
            options={"indexes": [index]},
        ) as table:
            fill(table)
            name = table.model._meta.db_table
            kept = files(name, "movie_hnsw")
            assert len(kept) == 2
            operation = to_vector(EmbeddingField(source=["title"], dimensions=3))
            before = table.apply(operation)
            assert files(name, "movie_hnsw") == kept
            assert table.columns()["embedding"] is True
            with connection.cursor() as cursor:
                cursor.execute("SET enable_seqscan = off")
                nearest = table.rows.order_by(CosineDistance("embedding", [0, 1, 0]))[:1]
                plan = nearest.explain()
                cursor.execute("RESET enable_seqscan")
            assert "movie_hnsw" in plan
            table.unapply(before, operation)
            assert files(name, "movie_hnsw") == kept
            assert table.columns()["embedding"] is False

    def test_ivfflat_too(self) -> None:
        index = pgvector.IvfflatIndex(
            name="movie_ivf", fields=["embedding"], opclasses=["vector_l2_ops"], lists=1
        )
        with Table().created(
            title=TITLE,
            embedding=pgvector.VectorField(dimensions=3, null=True),
            options={"indexes": [index]},
        ) as table:
            fill(table)
            kept = files("movie_ivf", table.model._meta.db_table)
            table.apply(to_vector())
            assert files("movie_ivf", table.model._meta.db_table) == kept

    def test_an_index_added_afterwards(self) -> None:
        old = pgvector.VectorField(dimensions=3, null=True)
        index = pgvector.HnswIndex(
            name="movie_late", fields=["embedding"], opclasses=["vector_l2_ops"]
        )
        with Table().created(title=TITLE, embedding=old) as table:
            table.apply(to_vector(), migrations.AddIndex("Movie", index))
            assert "movie_late" in table.constraints()

    def test_a_column_without_dimensions_gets_them(self) -> None:
        with Table().created(title=TITLE, embedding=pgvector.VectorField(null=True)) as table:
            fill(table)
            assert column_type(table) == "vector"
            before = table.apply(to_vector())
            assert column_type(table) == "vector(3)"
            assert stored(table) == VECTORS
            table.unapply(before, to_vector())
            assert column_type(table) == "vector"

    def test_rows_of_other_dimensions_are_named(self) -> None:
        with Table().created(title=TITLE, embedding=pgvector.VectorField(null=True)) as table:
            fill(table, [[1, 2, 3], [1, 2], None])
            key = table.rows.get(title="title 1").pk
            with pytest.raises(VectorConversionError) as caught:
                table.apply(to_vector())
            assert "the column cannot become 3-dimensional; nothing was changed." in str(
                caught.value
            )
            assert f"primary keys {key}\n" in str(caught.value)
            assert column_type(table) == "vector"

    def test_a_column_that_differs_from_its_migrations(self) -> None:
        old = pgvector.VectorField(dimensions=3, null=True)
        with Table().created(title=TITLE, embedding=old) as table:
            name = table.model._meta.db_table
            with connection.cursor() as cursor:
                cursor.execute(f'ALTER TABLE "{name}" ALTER COLUMN embedding TYPE vector')
            fill(table)
            table.apply(to_vector())
            assert column_type(table) == "vector(3)"
            assert stored(table) == VECTORS

    def test_another_precision_is_cast(self) -> None:
        old = pgvector.HalfVectorField(dimensions=3, null=True)
        with Table().created(title=TITLE, embedding=old) as table:
            fill(table)
            before = table.apply(to_vector())
            assert column_type(table) == "vector(3)"
            assert stored(table) == VECTORS
            table.unapply(before, to_vector())
            assert column_type(table) == "halfvec(3)"

    def test_sqlmigrate_shows_all_there_is(self) -> None:
        same = pgvector.VectorField(dimensions=3, null=True)
        with Table().created(title=TITLE, embedding=same) as table:
            assert "ALTER" not in table.sql_of(to_vector())
        with Table().created(title=TITLE, embedding=pgvector.VectorField()) as table:
            sql = table.sql_of(to_vector())
        assert "TYPE vector(3)" in sql
        assert "DROP NOT NULL" in sql
