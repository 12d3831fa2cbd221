"""A small project of its own: its embedding comes and goes, its tests run in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fresh import fresh_database
from tests.model_change.project import ONE, Project, Release

NONE: Release = ({}, {})

FILL = """
Movie.objects.bulk_create(Movie(title=title) for title in ["one", "two", "three"])
print("null")
"""

# Every class is work for a process.
TESTS = """
from django.core.management import call_command
from django.test import TestCase, TransactionTestCase
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from movies.models import Movie

class Movies:
    def test_rows_are_embedded_and_found(self):
        name = type(self).__name__
        Movie.objects.bulk_create(Movie(title=f"{name} {n}") for n in range(20))
        call_command("generate_embeddings", verbosity=0)
        assert Movie.objects.count() == 20
        assert not Movie.objects.stale().exists()
        assert Movie.objects.nearest(f"{name} 7")[0].title == f"{name} 7"
        assert EmbeddingRun.objects.get().rows == 20
        assert not EmbeddingWork.objects.exists()

    def test_nothing_is_left_of_other_tests(self):
        assert not Movie.objects.exists()
        assert not EmbeddingRun.objects.exists()

class First(Movies, TestCase): pass
class Second(Movies, TestCase): pass
class Third(Movies, TransactionTestCase): pass
class Fourth(Movies, TransactionTestCase): pass
"""


@pytest.fixture
def project(tmp_path: Path, transactional_db: None) -> Iterator[Project]:
    """Its model has an embedding; nothing is migrated yet."""
    with fresh_database(tmp_path) as database:
        project = Project(tmp_path / "project", database)
        project.release(ONE)
        project.manage("makemigrations", "movies")
        yield project


def test_an_embedding_is_removed_and_added_again(project: Project) -> None:
    project.manage("migrate")
    project.script(FILL)
    assert "3 rows embedded" in project.manage("generate_embeddings")
    project.release(NONE)
    assert "- Remove field embedding" in project.manage("makemigrations", "movies")
    project.manage("migrate")
    assert "No model has an EmbeddingField" in project.manage("generate_embeddings")
    project.release(ONE)
    project.manage("migrate", "movies", "0001")
    assert "3 rows embedded" in project.manage("generate_embeddings")
    assert "nothing to do" in project.manage("generate_embeddings")
    project.manage("verify_embeddings")
    assert "two" in project.manage("semantic_search", "movies.Movie", "two", "--limit=1")


def test_the_tests_of_a_project_run_in_parallel(project: Project) -> None:
    project.write("movies/tests.py", TESTS)
    said = project.manage("test", "--parallel=2", "--verbosity=2")
    assert "Ran 8 tests" in said
    assert said.count("Cloning test database for alias 'default'") == 2
