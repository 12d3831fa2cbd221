"""The change log in migrations, and what is made up for after them."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.state import ModelState, ProjectState

from hybrid_store.backends import vector_ops
from hybrid_store.models import HybridManager, VectorField, VectorIndex
from hybrid_store.test.models import Point
from tests.certified.conftest import fill, made, random_vectors

pytestmark = pytest.mark.django_db(transaction=True)

PREFIX = "hybrid_store_index_certified_place_vec"
NAMES = {f"{PREFIX}_{part}" for part in ("log", "codes", "insert", "update", "delete")}
APP = "hybrid_store_test"


def things() -> set[str]:
    """The tables and triggers of the index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE %s AND type IN ('table', 'trigger')",
            [f"{PREFIX}%"],
        )
        return {name for (name,) in cursor.fetchall()}


def test_an_index_comes_with_its_table_and_goes() -> None:
    with made() as model:
        assert things() == NAMES
        with connection.schema_editor() as editor:
            editor.remove_index(model, model._meta.indexes[0])
        assert things() == set()
        with connection.schema_editor() as editor:
            editor.add_index(model, model._meta.indexes[0])
        assert things() == NAMES
    assert things() == set()


def test_an_index_that_is_removed_before_it_is_made_is_not_made() -> None:
    with made() as model:
        index = model._meta.indexes[0]
        with connection.schema_editor() as editor:
            editor.delete_model(model)
            editor.create_model(model)
            editor.remove_index(model, index)
        assert things() == set()


def test_rows_that_are_written_between_two_operations_are_found() -> None:
    """Django runs the statements that it has deferred at the end of a migration."""
    with made() as model:
        index = model._meta.indexes[0]
        with connection.schema_editor() as editor:
            editor.remove_index(model, index)
            fill(model, 20)
            editor.add_index(model, index)
            fill(model, 20)
        near = random_vectors(1)[0]
        assert model.objects.nearest(near)[:2].explain_search().returned == 2
        assert [row.distance for row in model.objects.nearest(near)[:2]] == pytest.approx([0, 0])


def test_the_column_goes_with_the_index() -> None:
    """SQLite drops no column that a trigger names."""
    state = ProjectState()
    state.add_model(
        ModelState(
            APP,
            "Film",
            [("id", models.BigAutoField(primary_key=True)), ("vector", VectorField(dimensions=3))],
            {"indexes": [VectorIndex("vector", name="certified_place_vec")]},
        )
    )
    film: Any = state.apps.get_model(APP, "Film")
    with connection.schema_editor() as editor:
        editor.create_model(film)
    try:
        with connection.schema_editor() as editor:
            editor.remove_index(film, film._meta.indexes[0])
            film._meta.indexes = []
            editor.remove_field(film, film._meta.get_field("vector"))
        assert things() == set()
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(film)


def test_a_renamed_table_and_column_keep_their_index() -> None:
    with made() as model:
        fill(model, 30)
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, model._meta.db_table, "renamed")
        try:
            with connection.cursor() as cursor:
                cursor.execute('ALTER TABLE renamed RENAME COLUMN "vector" TO "a ""column"""')
            model._meta.db_table = "renamed"
            [index] = vector_ops(connection).stored_indexes(model)
            assert (index.name, index.column) == ("certified_place_vec", 'a "column"')
            with connection.cursor() as cursor:
                cursor.execute('ALTER TABLE renamed RENAME COLUMN "a ""column""" TO "vector"')
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(model, "renamed", "hybrid_store_test_place")
            model._meta.db_table = "hybrid_store_test_place"


def test_migrate_makes_up_for_what_an_older_version_has_not_made() -> None:
    index = Point._meta.indexes[0]
    with connection.schema_editor() as editor:
        editor.remove_index(Point, index)
    assert "test_point_vec" not in stored(Point)
    call_command("migrate", verbosity=0)
    assert "test_point_vec" in stored(Point)


def test_migrate_drops_what_a_deleted_table_has_left() -> None:
    with made() as model:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} RENAME TO kept")
            cursor.execute(f"CREATE TABLE {model._meta.db_table} (id integer)")
            cursor.execute("DROP TABLE kept")
        assert things() == {f"{PREFIX}_log", f"{PREFIX}_codes"}
        call_command("migrate", verbosity=0)
        assert things() == set()
    assert apps.get_model(APP, "Point") is Point
    assert "test_point_vec" in stored(Point)


def stored(model: Any) -> list[str]:
    return [index.name for index in vector_ops(connection).stored_indexes(model)]


def test_every_kind_of_key_has_a_log() -> None:
    for key in (models.UUIDField, models.CharField, models.IntegerField):
        options = {"max_length": 20} if key is models.CharField else {}
        with made(lambda key=key, options=options, **given: key(**options, **given)) as model:
            assert things() == NAMES
            assert isinstance(model.objects, HybridManager)
