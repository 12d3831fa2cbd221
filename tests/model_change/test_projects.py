"""The change of a model in a project of files, migrated by `manage.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fresh import Database, fresh_database
from tests.model_change.project import (
    NEW_ONLY,
    OLD,
    ONE,
    SECONDS,
    SWITCHED,
    TWO,
    Project,
    models_py,
)

TEXTS = {
    "Gravity": "Two astronauts drift above the Earth.",
    "Ratatouille": "A rat cooks in a Paris restaurant.",
    "Alien": "The crew of a freighter is hunted by a creature.",
}

FILL = f"""
Movie.objects.bulk_create(Movie(title=t, description=d) for t, d in {TEXTS!r}.items())
print("null")
"""
# What the database says of the table, with no word about what Django thinks of it.
SCHEMA = """
from django.db import connection
from hybrid_store.backends import vector_ops
from hybrid_store.models import StaleIndex
ops = vector_ops(connection)
with connection.cursor() as cursor:
    table = Movie._meta.db_table
    columns = connection.introspection.get_table_description(cursor, table)
    parts = connection.introspection.get_constraints(cursor, table)
print(json.dumps({
    "columns": sorted([c.name, ops.stored_type(table, c.name), bool(c.null_ok)] for c in columns),
    "parts": sorted(
        [str(part["columns"]), part["check"], part["primary_key"], name if part["index"] else ""]
        for name, part in parts.items()
    ),
    "unusable": [
        index.name
        for index in Movie._meta.indexes
        if isinstance(index, StaleIndex) and not index.is_usable(Movie, "default")
    ],
}))
"""
MORE = """
Movie.objects.bulk_create(Movie(title=f"t{n}", description=f"crew {n}") for n in range(500))
print("null")
"""
EDIT = """
print(json.dumps(Movie.objects.filter(title="Alien").update(description={text!r})))
"""
STALE = """
names = ["embedding", "embedding_next"]
print(json.dumps([Movie.objects.stale(name).count() for name in names]))
"""
SEARCH = """
found = Movie.objects.nearest("a creature hunts the crew", field="embedding")[:3]
print(json.dumps([[row.title, round(row.distance, 5)] for row in found]))
"""


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[tuple[Project, Database]]:
    """A filled table with a second embedding, filled too."""
    folder = tmp_path_factory.mktemp("filled")
    with django_db_blocker.unblock(), fresh_database(folder) as database:
        project = Project(folder / "project", database)
        project.release(ONE)
        project.manage("makemigrations", "movies")
        project.manage("migrate")
        project.script(FILL)
        project.release(TWO)
        project.manage("makemigrations", "movies", "--name", "second")
        project.manage("migrate")
        project.manage("generate_embeddings")
        yield project, database


@pytest.fixture
def project(
    filled: tuple[Project, Database], tmp_path: Path, transactional_db: None
) -> Iterator[Project]:
    """A copy of it."""
    project, database = filled
    with fresh_database(tmp_path, like=database) as copy:
        yield project.on(tmp_path / "project", copy)


def assert_in_step(project: Project) -> None:
    """`makemigrations` finds nothing to do."""
    assert "No changes detected" in project.manage("makemigrations", "--check", "--dry-run")


def test_forwards_backwards_and_forwards_again(project: Project) -> None:
    schema = project.script(SCHEMA)
    assert schema["unusable"] == []
    before = project.script(SEARCH)
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    for _ in range(2):
        project.release(SWITCHED)
        assert "not yet reflected" not in project.manage("migrate", "movies")
        assert_in_step(project)
        after = project.script(SEARCH)
        assert {title for title, _ in after} == {title for title, _ in before} == {*TEXTS}
        assert after != before
        project.manage("verify_embeddings")
        assert "nothing to do" in project.manage("generate_embeddings", "--replace-spaces")
        assert project.script(SCHEMA) == schema
        project.release(TWO)
        project.manage("migrate", "movies", "0002")
        assert project.script(SEARCH) == before
        project.manage("verify_embeddings")
        assert project.script(SCHEMA) == schema


@pytest.mark.long
def test_a_second_switch_brings_back_what_was(project: Project) -> None:
    before = project.script(SEARCH)
    project.switch("0003_switch", after="0002_second")
    project.switch("0004_back", after="0003_switch")
    assert "models.py" not in project.manage("migrate")
    assert_in_step(project)
    assert project.script(SEARCH) == before


def test_no_statement_is_sent_to_the_database(project: Project) -> None:
    project.switch("0003_switch", after="0002_second")
    for direction in ([], ["--backwards"]):
        shown = project.manage("sqlmigrate", "movies", "0003", *direction)
        statements = [line for line in shown.splitlines() if line and not line.startswith("--")]
        assert [line for line in statements if line not in ("BEGIN;", "COMMIT;")] == []
        assert "-- (no-op)" in shown


def test_whoever_forgets_models_py_is_told_what_to_write(project: Project) -> None:
    project.switch("0003_switch", after="0002_second")
    printed = project.manage("migrate")
    for name, field in SWITCHED[0].items():
        arguments = field.removeprefix("EmbeddingField(").removesuffix(")").replace('"', "'")
        [line] = [line for line in printed.splitlines() if line.startswith(f"    {name} = ")]
        assert sorted(line.partition("(")[2].removesuffix(")")) == sorted(arguments)
    assert "exchange 'embedding' and 'embedding_next' in the indexes" in printed


def test_the_old_column_is_removed_and_a_fresh_database_is_the_same(
    project: Project, tmp_path: Path
) -> None:
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    project.manage("migrate")
    found = project.script(SEARCH)
    project.release(NEW_ONLY)
    # The code of this release works before its migration is applied, and after it.
    assert project.script(SEARCH) == found
    project.manage("makemigrations", "movies", "--name", "remove")
    project.manage("migrate")
    assert_in_step(project)
    assert project.script(SEARCH) == found
    schema = project.script(SCHEMA)
    names = {name for name, *_ in schema["columns"]}
    own = {"id", "title", "description", "year"}
    assert names == {*own, "embedding_next", "embedding_next_fingerprint"}
    with fresh_database(tmp_path) as database:
        fresh = project.on(tmp_path / "fresh", database)
        assert "models.py" not in fresh.manage("migrate")
        fresh.script(FILL)
        fresh.manage("generate_embeddings", "--verbosity", "0")
        assert fresh.script(SEARCH) == found
        assert fresh.script(SCHEMA) == schema
        fresh.manage("migrate", "movies", "zero")


def test_code_of_before_and_after_the_switch_keeps_both_columns_current(
    project: Project, tmp_path: Path
) -> None:
    before = project.deployed(tmp_path / "before")
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    project.manage("migrate")
    for number, (editing, other) in enumerate([(before, project), (project, before)]):
        editing.script(EDIT.format(text=f"A spaceship, {number}"))
        for release in (editing, other):
            assert release.script(STALE) == [1, 1]
        editing.manage("generate_embeddings", "--verbosity", "0")
        other.manage("verify_embeddings")
        assert other.script(STALE) == [0, 0]


@pytest.mark.long
def test_both_releases_may_generate_at_the_same_time(project: Project, tmp_path: Path) -> None:
    before = project.deployed(tmp_path / "before")
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    project.manage("migrate")
    project.script(MORE)
    arguments = ["generate_embeddings", "--batch-size", "20", "--verbosity", "0"]
    running = [release.start("manage.py", arguments) for release in (before, project)]
    for process in running:
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0
    # Rows that one of them held were left by the other for the next run.
    before.manage(*arguments)
    for release in (before, project):
        assert release.script(STALE) == [0, 0]
        release.manage("verify_embeddings")


@pytest.mark.long
def test_a_dump_of_code_before_the_switch_cannot_be_taken_for_one_after_it(
    project: Project,
) -> None:
    project.manage("dumpdata", "movies", "--output", "movies.json")
    found = project.script(SEARCH)
    project.release(SWITCHED)
    assert "expected 48 dimensions, got 32" in project.manage("loaddata", "movies.json", fails=True)
    project.release(TWO)
    project.manage("loaddata", "movies.json")
    assert project.script(SEARCH) == found


def test_a_table_that_is_rebuilt_later_keeps_every_value_in_its_column(project: Project) -> None:
    """As SQLite does for an `AlterField`."""
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    project.manage("migrate")
    found = project.script(SEARCH)
    text = models_py(SWITCHED).replace("IntegerField(default=0)", "BigIntegerField(null=True)")
    project.write("movies/models.py", text)
    project.manage("makemigrations", "movies", "--name", "year")
    project.manage("migrate")
    assert project.script(SEARCH) == found
    project.manage("verify_embeddings")
    project.manage("migrate", "movies", "0002")
    project.release(TWO)
    project.manage("verify_embeddings")


@pytest.mark.long
def test_the_next_change_takes_the_column_that_is_free(project: Project) -> None:
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    project.release(NEW_ONLY)
    project.manage("makemigrations", "movies", "--name", "remove")
    fields, indexes = NEW_ONLY
    third = OLD.format(column=', db_column="embedding"')
    project.release(({**fields, "embedding_next": third}, indexes))
    project.manage("makemigrations", "movies", "--name", "third")
    project.manage("migrate")
    project.manage("generate_embeddings", "--verbosity", "0")
    found = project.script(SEARCH)
    project.switch("0006_switch", after="0005_third")
    project.release(
        (
            {
                "embedding": OLD.format(column=""),
                "embedding_next": fields["embedding"].replace(', db_column="embedding_next"', ""),
            },
            dict.fromkeys(indexes, "embedding_next"),
        )
    )
    project.manage("migrate")
    assert_in_step(project)
    assert project.script(SEARCH) != found
    project.manage("verify_embeddings")


@pytest.mark.long
def test_squashed_migrations_lead_to_the_same(project: Project, tmp_path: Path) -> None:
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    project.manage("migrate")
    schema, found = project.script(SCHEMA), project.script(SEARCH)
    project.manage("squashmigrations", "movies", "0003", "--noinput")
    [squashed] = project.folder.glob("movies/migrations/*squashed*.py")
    assert "hybrid_store.operations.SwitchEmbedding(" in squashed.read_text()
    assert_in_step(project)
    with fresh_database(tmp_path) as database:
        fresh = project.on(tmp_path / "fresh", database)
        fresh.manage("migrate")
        assert_in_step(fresh)
        fresh.script(FILL)
        fresh.manage("generate_embeddings", "--verbosity", "0")
        assert fresh.script(SEARCH) == found
        assert fresh.script(SCHEMA) == schema


@pytest.mark.long
def test_without_the_operation_nothing_is_renamed(project: Project) -> None:
    """What `makemigrations` writes is refused by the database, which stays as it was."""
    found: Any = project.script(SEARCH)
    project.release(SWITCHED)
    project.manage("makemigrations", "movies", "--name", "wrong")
    project.manage("migrate", fails=True)
    project.release(TWO)
    assert project.script(SEARCH) == found
    project.manage("verify_embeddings")
