"""The extension in a schema of its own, out of reach, or missing, in databases made for that."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.checks import CheckMessage
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connection, migrations, models

from films.models import Film
from hybrid_store.backends import vector_ops
from hybrid_store.backends.postgresql import extension
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.checks import check_databases
from hybrid_store.models import VectorField, VectorIndex, bulk_ingest
from hybrid_store.models.embedding import embedding_field
from hybrid_store.operations import ConvertVectorColumn
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Book, Point
from hybrid_store.vectors import Vector
from tests.adoption.tables import Table
from tests.databases.other_ways import another_way
from tests.fresh import fresh_database

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

ROLE = f"hybrid_store_reader_{os.getpid()}"
ON_PATH = {"options": "-c search_path=public,extensions"}


@pytest.fixture(autouse=True)
def _as_in_a_new_process(settings: Any) -> Iterator[None]:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}
    extension._qualifiers.clear()
    yield
    extension._qualifiers.clear()


@pytest.fixture
def name(tmp_path: Path) -> Iterator[str]:
    """A new, empty database."""
    with fresh_database(tmp_path) as database:
        yield database["NAME"]


@pytest.fixture
def apart(name: str) -> str:
    """A new database with the extension in a schema that is not on the search path."""
    run(name, "CREATE SCHEMA extensions", "CREATE EXTENSION vector SCHEMA extensions")
    return name


@pytest.fixture
def role(apart: str) -> Iterator[str]:
    """A user who may create tables in that database, but not use that schema."""
    run(apart, f"CREATE ROLE {ROLE} LOGIN", f"GRANT ALL ON SCHEMA public TO {ROLE}")
    yield ROLE
    run(apart, f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


def run(name: str, *statements: str) -> None:
    with another_way("owner", NAME=name) as other, other.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def project(name: str, options: dict[str, Any] | None = None, **settings: Any) -> Iterator[Any]:
    """The connection "elsewhere", as a process has it that has just been started."""
    extension._qualifiers.clear()
    with another_way("elsewhere", options, NAME=name, **settings) as other:
        yield other


def migrate() -> None:
    """With the tables of the test models, which have no migrations."""
    call_command("migrate", database="elsewhere", verbosity=0, run_syncdb=True)


def found() -> list[CheckMessage]:
    return check_databases(databases=["elsewhere"])


def ids() -> list[str]:
    return [str(message.id).removeprefix("hybrid_store.") for message in found()]


def diagnosis() -> tuple[bool, str]:
    """Is all well, and what the doctor says."""
    out = StringIO()
    options = {"database": "elsewhere", "skip_embedders": True, "stdout": out, "no_color": True}
    ended = ""
    try:
        call_command("vector_doctor", **options)
    except CommandError as error:
        ended = str(error)
    assert not ended or ended.endswith("found wrong."), "the doctor was not prepared for this"
    return not ended, out.getvalue()


def points() -> Any:
    return Point.objects.using("elsewhere")


def equal() -> int:
    """A filter that compares whole vectors."""
    return int(points().filter(vector=[1, 2, 3]).count())


# In another schema on the search path


def test_everything_works_where_the_search_path_leads_to_the_schema(apart: str) -> None:
    with project(apart, ON_PATH) as other:
        migrate()
        assert found() == []
        well, said = diagnosis()
        assert well
        assert "✓ extension: vector " in said
        assert "in schema 'extensions'" in said
        assert "! " not in said
        # By a migration.
        assert "film_vec" in {index.name for index in vector_ops(other).stored_indexes(Film)}
        vectors = np.random.default_rng(1).normal(size=(500, 3))
        assert bulk_ingest(points(), {"vector": vectors, "half": vectors}) == 500
        wanted = points().order_by("pk")[7]
        ranked = points().nearest(wanted.vector, field="vector")
        assert ranked[0] == wanted
        other.cursor().execute("ANALYZE hybrid_store_test_point")
        assert ranked[:10].explain_search().returned == 10
        fields: Any = [Point._meta.get_field(name) for name in ("vector", "half", "id")]
        columns = [Column.of(field, other) for field in fields]
        update = RowUpdate(Point._meta.db_table, columns=columns[:2], keys=columns[2:])
        row = (Vector([1, 2, 3]), Vector([3, 2, 1]), wanted.pk)
        assert vector_ops(other).update_rows(update, [row]) == [True]
        assert equal() == 1
        assert points().aggregate(mean=models.Avg("half"))["mean"] is not None
        Book.objects.using("elsewhere").create(title="apple pie")
        assert Generation(embedding_field(Book), using="elsewhere").run().embedded == 1
        assert not Book.objects.using("elsewhere").stale().exists()


@pytest.mark.parametrize("options", [{}, ON_PATH], ids=["off the path", "on the path"])
def test_columns_are_converted_and_indexed_by_migrations(apart: str, options: Any) -> None:
    field = VectorField(dimensions=3, null=True)
    index = VectorIndex("embedding", metric="l2", name="converted_vec")
    with (
        project(apart, options) as other,
        Table(using="elsewhere").created(embedding=models.BinaryField(null=True)) as table,
    ):
        table.rows.create(embedding=np.array([1, 2, 3], "<f4").tobytes())
        table.apply(
            ConvertVectorColumn("Movie", "embedding", field),
            migrations.AddIndex("Movie", index),
        )
        assert [row.embedding for row in table.rows.all()] == [[1, 2, 3]]
        [stored] = vector_ops(other).stored_indexes(table.model)
        assert (stored.name, stored.metric, stored.is_valid) == ("converted_vec", "l2", True)


# In another schema off the search path


def test_searches_and_writes_work_off_the_search_path_too(apart: str) -> None:
    with project(apart):
        migrate()
        assert bulk_ingest(points(), {"vector": [[1, 2, 3], [3, 2, 1]]}) == 2
        points().create(vector=[-1, 0, 0])
        ranked = points().nearest([1, 2, 3], field="vector")
        assert [row.vector for row in ranked[:2]] == [[1, 2, 3], [3, 2, 1]]
        with pytest.raises(DatabaseError, match="operator does not exist"):
            equal()


def test_check_and_doctor_warn_of_a_schema_off_the_search_path(apart: str) -> None:
    with project(apart):
        migrate()
        [warning] = found()
        assert "is in schema 'extensions', which is not on the search path" in warning.msg
        well, said = diagnosis()
        assert well
        assert f"! extension: {warning.msg}\n  → {warning.hint}" in said
        assert "Book.embedding: 0 of 0 rows current" in said


def alter_role(hint: str, name: str) -> dict[str, Any]:
    [statement] = re.findall(r"run (ALTER ROLE .*?);", hint)
    run(name, statement)
    return {}


def set_options(hint: str, name: str) -> dict[str, Any]:
    [options] = re.findall(r'set "OPTIONS": ({.*?}) in DATABASES', hint)
    parsed: dict[str, Any] = ast.literal_eval(options)
    return parsed


def move_extension(hint: str, name: str) -> dict[str, Any]:
    [statement] = re.findall(r"run (ALTER EXTENSION .*?);", hint)
    run(name, statement)
    return {}


@pytest.mark.parametrize("follow", [alter_role, set_options, move_extension])
@pytest.mark.parametrize("schema", ["extensions", "My own"])
def test_every_fix_of_the_warning_mends_it(
    apart: str, schema: str, follow: Callable[[str, str], dict[str, Any]]
) -> None:
    if schema != "extensions":
        run(apart, f'ALTER SCHEMA extensions RENAME TO "{schema}"')
    with project(apart):
        migrate()
        points().create(vector=[1, 2, 3])
        [warning] = found()
        assert warning.id == "hybrid_store.W031"
    options = follow(str(warning.hint), apart)
    with project(apart, options):
        assert ids() == []
        assert equal() == 1
        assert points().nearest([1, 2, 3], field="vector").count() == 1


def test_a_search_path_of_the_connection_is_to_be_changed_there(apart: str) -> None:
    with project(apart, {"options": "-c search_path="}):
        [warning] = found()
        hint = str(warning.hint)
        assert "ALTER ROLE" not in hint
        assert set_options(hint, apart) == {"options": "-c search_path=extensions"}
        assert "ALTER EXTENSION" not in hint


def test_users_of_one_database_have_search_paths_of_their_own(apart: str, role: str) -> None:
    run(
        apart,
        f"GRANT USAGE ON SCHEMA extensions TO {role}",
        f"ALTER ROLE {role} IN DATABASE {apart} SET search_path = public, extensions",
    )
    with another_way("reader", NAME=apart, USER=role) as reader, project(apart) as other:
        types = [Point._meta.get_field("vector").db_type(each) for each in (reader, other)]
    assert types == ["vector(3)", '"extensions".vector(3)']


# In a schema that the user may not use


def test_a_schema_that_is_closed_to_the_user_is_an_error_with_its_grant(
    apart: str, role: str
) -> None:
    with project(apart):
        migrate()
    run(apart, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    with project(apart, ON_PATH, USER=role):
        [error] = found()
        assert error.id == "hybrid_store.E027"
        assert error.hint == f"GRANT USAGE ON SCHEMA extensions TO {role};"
        well, said = diagnosis()
        assert not well
        assert f"✗ extension: {error.msg}\n  → {error.hint}" in said
        assert "rows current" not in said
        with pytest.raises(DatabaseError, match="permission denied for schema extensions"):
            list(points().nearest([1, 2, 3], field="vector")[:1])
        with pytest.raises(SystemCheckError, match=r"E027[\s\S]*GRANT USAGE"):
            call_command("migrate", database="elsewhere", verbosity=0, skip_checks=False)
        run(apart, str(error.hint))
    with project(apart, ON_PATH, USER=role):
        assert ids() == []
        assert list(points().nearest([1, 2, 3], field="vector")[:1]) == []


def test_a_record_of_migrations_that_may_not_be_read_is_no_crash(apart: str, role: str) -> None:
    with project(apart):
        migrate()
    run(apart, f"GRANT USAGE ON SCHEMA extensions TO {role}")
    with project(apart, ON_PATH, USER=role):
        well, said = diagnosis()
    assert not well
    assert "✗ migrations: permission denied for table django_migrations" in said
    assert "✗ privileges: " in said


# Missing


def test_an_extension_that_is_not_created_is_found(name: str, settings: Any) -> None:
    by_hand = "a superuser can run CREATE EXTENSION vector in that database."
    with project(name):
        [warning] = found()
        assert warning.id == "hybrid_store.W012"
        assert warning.hint == f"manage.py migrate creates it, or {by_hand}"
        settings.HYBRID_STORE = {**settings.HYBRID_STORE, "CREATE_EXTENSION": False}
        well, said = diagnosis()
        assert not well
        assert "✗ extension: The extension 'vector' is not created in database 'elsewhere'" in said
        assert f'→ HYBRID_STORE["CREATE_EXTENSION"] is False, but {by_hand}' in said
        out = StringIO()
        with pytest.raises(DatabaseError, match='type "vector" does not exist'):
            call_command("migrate", database="elsewhere", skip_checks=False, stderr=out)
        assert by_hand in out.getvalue()


def test_an_extension_that_was_dropped_with_its_columns_is_found(apart: str) -> None:
    with project(apart):
        migrate()
    run(apart, "DROP EXTENSION vector CASCADE")
    with project(apart):
        assert ids() == ["W012"]
        well, said = diagnosis()
        assert not well
        assert "1 found wrong" not in said
        assert "✗ extension: " in said
        assert "✓ migrations: all applied" in said
        assert "rows current" not in said
        migrate()
        assert set(ids()) == {"W030"}
        well, said = diagnosis()
        assert not well
        assert "Book.embedding: column hybrid_store_test_book.embedding does not exist" in said
        assert "If that finds nothing to do, the table was changed by hand." in said


def test_an_extension_that_the_server_lacks_is_found(name: str) -> None:
    if connection.get_database_version() < (18,):
        pytest.skip("the server cannot be told to overlook extensions")
    with project(name, {"options": "-c extension_control_path=/nowhere"}):
        [error] = found()
        assert error.id == "hybrid_store.E012"
        well, said = diagnosis()
        assert not well
        assert f"✗ extension: {error.msg}\n  → Install pgvector on the server" in said
        assert "rows current" not in said
        with pytest.raises(SystemCheckError, match="lacks the extension 'vector'"):
            call_command("migrate", database="elsewhere", verbosity=0, skip_checks=False)
