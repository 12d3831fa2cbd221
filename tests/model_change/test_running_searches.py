"""The change of a model while releases of before and after it search: nobody notices."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.fresh import Database, fresh_database
from tests.model_change.project import NEW_ONLY, ONE, SWITCHED, TWO, Project

SEARCHING = Path(__file__).with_name("searching.py")
SECONDS = 60
# Answers of every user that each step has to live through.
ANSWERS = 20
OLD_SPACE, NEW_SPACE = ("old", "32"), ("new", "48")

WORDS = "crew space lost bank paris kitchen letter love war sea river dog murder city snow train"
FILL = f"""
from itertools import product
words = {WORDS.split()!r}
Movie.objects.bulk_create(
    Movie(title=f"{{a}} {{b}}", description=f"A {{b}} without a {{a}}.")
    for a, b in product(words, words) if a != b
)
print("null")
"""
# Of SQLite: that in which readers wait for no writer, and the one it comes with.
JOURNALS = ["WAL", pytest.param("DELETE", marks=pytest.mark.long)]


class User:
    """A process that searches, and what it said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.answers = 0
        self.faults: list[str] = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line)
            with self.news:
                self.answers += said.get("answers", 0)
                self.faults += [said["fault"]] if "fault" in said else []
                self.news.notify_all()

    def wait(self) -> None:
        """Until it has searched some more."""
        with self.news:
            wanted = self.answers + ANSWERS
            assert self.news.wait_for(lambda: self.answers >= wanted, SECONDS), self.faults

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.reader.join(SECONDS)
        assert self.process.wait(SECONDS) == 0
        assert not self.faults, self.faults[0]


@contextmanager
def searching(release: Project, space: tuple[str, str], field: str) -> Iterator[User]:
    user = User(release.start(SEARCHING, [*space, field]))
    try:
        user.wait()
        yield user
        user.stop()
    finally:
        with user.process:
            user.process.kill()


def with_journal(database: Database, journal: str) -> Database:
    if not journal:
        return database
    options = {
        "timeout": SECONDS,
        "transaction_mode": "IMMEDIATE",
        "init_command": f"PRAGMA journal_mode={journal}",
    }
    return {**database, "OPTIONS": options}


@dataclass(frozen=True)
class Releases:
    """The code of each release in a folder of its own, all on one database."""

    one: Project
    two: Project
    switched: Project
    new_only: Project


def released(project: Project, folder: Path) -> Releases:
    """All of them, with a table that is embedded in the space of the first."""
    made: list[Project] = []

    def deploy() -> None:
        made.append(project.deployed(folder / f"release_{len(made)}"))

    project.release(ONE)
    project.manage("makemigrations", "movies")
    project.manage("migrate")
    project.script(FILL)
    project.manage("generate_embeddings", "--verbosity", "0")
    deploy()
    project.release(TWO)
    project.manage("makemigrations", "movies", "--name", "second")
    deploy()
    project.release(SWITCHED)
    project.switch("0003_switch", after="0002_second")
    deploy()
    project.release(NEW_ONLY)
    project.manage("makemigrations", "movies", "--name", "remove")
    deploy()
    return Releases(*made)


def step(users: list[User], release: Project, *arguments: str) -> None:
    """A command, while everybody searches without a pause; all go on after it."""
    release.manage(*arguments)
    for user in users:
        user.wait()


@pytest.fixture(params=JOURNALS if connection.vendor == "sqlite" else [""])
def releases(
    request: pytest.FixtureRequest, tmp_path: Path, transactional_db: None
) -> Iterator[Releases]:
    with fresh_database(tmp_path) as database:
        project = Project(tmp_path / "project", with_journal(database, request.param))
        yield released(project, tmp_path)


def test_every_answer_is_whole_and_of_one_space(releases: Releases) -> None:
    one, two, switched = releases.one, releases.two, releases.switched
    with ExitStack() as later:
        with ExitStack() as before:
            users = [before.enter_context(searching(one, OLD_SPACE, "embedding"))]
            # The columns come before the code that names them.
            step(users, two, "migrate")
            users.append(before.enter_context(searching(two, OLD_SPACE, "embedding")))
            step(users, two, "generate_embeddings", "movies.Movie.embedding_next")
            # New code may come before the switch is applied: it changes nothing in the database.
            users.append(before.enter_context(searching(switched, NEW_SPACE, "embedding")))
            users.append(before.enter_context(searching(switched, OLD_SPACE, "embedding_next")))
            step(users, switched, "migrate")
            step(users, switched, "migrate", "movies", "0002")
            step(users, switched, "migrate")
            users = [later.enter_context(searching(releases.new_only, NEW_SPACE, "embedding"))]
        # The code that names the old columns is gone before they are.
        step(users, releases.new_only, "migrate")
