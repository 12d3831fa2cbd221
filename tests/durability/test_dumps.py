"""Vectors, fingerprints and records survive migrations, dumps and fixtures."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from hybrid_store.exceptions import TextRefusedError
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Album, Article, Author, Book, Clause, Essay, Point
from hybrid_store.test.watching import before_each_answer
from tests import servers
from tests.durability.conftest import Manage
from tests.durability.disturbing import changed_settings
from tests.durability.watching import paid_texts
from tests.fresh import fresh_database
from tests.reliability.invariants import check_invariants

pytestmark = pytest.mark.django_db(transaction=True)

APPS = ("hybrid_store", "hybrid_store_test")
LABEL = "hybrid_store_test.Book"
MODELS: list[Any] = [Author, Book, Article, Essay, Clause, Album, Point]
RECORDS: list[Any] = [EmbeddingRun, EmbeddingWork]


@pytest.fixture(autouse=True)
def _rows() -> None:
    """Rows of every kind: embedded, refused, blank, new, with halves and with keys of two parts."""
    author = Author.objects.create(name="Ann")
    Book.objects.bulk_create([Book(title=title, author=author) for title in TITLES])
    Article.objects.create(slug="one", author=author)
    Essay.objects.create(words="one,two")
    Clause.objects.create(tenant=1, number=2, text="one")
    Album.objects.create(title="one", lyrics="two")
    Point.objects.create(name="one", vector=[1, 2, 3], half=[0.1, 2, 3], other=[1e-30, 3e30, -1])
    with before_each_answer(refuse_bad):
        for model in (Book, Article, Essay, Clause):
            Generation(embedding_field(model), batch_size=2).run()
    Book.objects.create(title="new")


TITLES = ["one", "two", "bad", "", "three"]


def refuse_bad(texts: Any) -> None:
    if "bad\n" in texts:
        raise TextRefusedError("no")


def contents(using: str = "default") -> dict[str, list[Any]]:
    """Every value of every row."""
    rows = {
        model._meta.label: model._base_manager.using(using).order_by("pk").values()
        for model in [*MODELS, *RECORDS]
    }
    return {label: [with_milliseconds(row) for row in found] for label, found in rows.items()}


def with_milliseconds(row: dict[str, Any]) -> dict[str, Any]:
    """Django writes no more of a time into JSON."""
    return {
        name: value.replace(microsecond=value.microsecond // 1000 * 1000)
        if isinstance(value, datetime)
        else value
        for name, value in row.items()
    }


def expect_the_same_work(using: str) -> None:
    """A run pays for what is new, and for nothing that was embedded or refused before."""
    rows = check_invariants(Book, using=using)
    assert (len(rows.current), len(rows.failed), len(rows.stale)) == (3, 1, 1)
    with paid_texts() as paid:
        Generation(embedding_field(Book), using=using).run()
    assert paid == ["new\n"]
    assert Book.objects.using(using).nearest("three")[0].title == "three"


# Migrations


def test_the_records_can_be_unapplied_and_applied_again(manage: Manage) -> None:
    before = contents()
    call_command("migrate", "hybrid_store", "zero", verbosity=0)
    try:
        ended = manage("generate_embeddings", LABEL)
        assert ended.status == 1
        assert "Run manage.py vector_doctor" in ended.output
        doctor = manage("vector_doctor")
        assert doctor.status == 1
        assert "✗ migrations: not applied: hybrid_store.0001_initial" in doctor.output
        assert "Traceback" not in ended.output + doctor.output
        # Searches need no record.
        assert Book.objects.nearest("three")[0].title == "three"
    finally:
        call_command("migrate", "hybrid_store", verbosity=0)
    assert contents() == {**before, EmbeddingRun._meta.label: [], EmbeddingWork._meta.label: []}
    with paid_texts() as paid:
        assert manage("generate_embeddings", LABEL).status == 0
    assert sorted(paid) == ["bad\n", "new\n"]
    assert not check_invariants(Book).stale


# Fixtures


@pytest.mark.parametrize("kind", ["json", "jsonl", "xml"])
def test_a_fixture_holds_everything(tmp_path: Path, kind: str) -> None:
    before, path = contents(), str(tmp_path / f"all.{kind}")
    call_command("dumpdata", *APPS, output=path, format=kind, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    assert not any(contents().values())
    call_command("loaddata", path, verbosity=0)
    assert contents() == before
    expect_the_same_work("default")


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_a_fixture_moves_to_another_kind_of_database(tmp_path: Path) -> None:
    before, path = contents(), str(tmp_path / "all.json")
    call_command("dumpdata", *APPS, output=path, verbosity=0)
    call_command("loaddata", path, database="other", verbosity=0)
    assert contents("other") == before
    expect_the_same_work("other")


# Dumps


def test_a_dump_holds_everything(tmp_path: Path) -> None:
    before = contents()
    for restore in RESTORES[connection.vendor]:
        with restore(tmp_path) as name, changed_settings(NAME=name):
            assert contents() == before
            expect_the_same_work("default")


@contextmanager
def sqlite_backup(folder: Path) -> Iterator[str]:
    connection.close()
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        closing(sqlite3.connect(folder / "backup.sqlite3")) as target,
    ):
        source.backup(target)
    yield str(folder / "backup.sqlite3")


@contextmanager
def sqlite_script(folder: Path) -> Iterator[str]:
    connection.close()
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        closing(sqlite3.connect(folder / "script.sqlite3")) as target,
    ):
        target.executescript("\n".join(source.iterdump()))
    yield str(folder / "script.sqlite3")


@contextmanager
def postgresql_dump(folder: Path) -> Iterator[str]:
    with fresh_database(folder) as database:
        dump = client("pg_dump", connection.settings_dict["NAME"])
        client("psql", database["NAME"], "--set=ON_ERROR_STOP=1", "--quiet", given=dump)
        yield database["NAME"]


def client(program: str, name: str, *arguments: str, given: str | None = None) -> str:
    """What a program of PostgreSQL says."""
    config = connection.settings_dict
    place = [f"--{key}={config[key[:4].upper()]}" for key in ("host", "port", "username")]
    command = [
        servers.postgresql_program(config["HOST"], program),
        *place,
        f"--dbname={name}",
        *arguments,
    ]
    environment = {**os.environ, "PGPASSWORD": str(config["PASSWORD"])}
    done = subprocess.run(
        command, input=given, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


RESTORES: dict[str, list[Any]] = {
    "sqlite": [sqlite_backup, sqlite_script],
    "postgresql": [postgresql_dump],
}
