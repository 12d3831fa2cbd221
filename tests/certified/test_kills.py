"""Processes that write are killed at any moment: searches are as right as if they had not been."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

import pytest
from django.db import connection

from hybrid_store.backends.sqlite.engine import cache
from tests.certified.conftest import on_sqlite
from tests.certified.places import MODELS, SMALL, check_all, in_database
from tests.certified.writers import insert
from tests.reliability.processes import Launcher, Process

pytestmark = on_sqlite

both_keys = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@pytest.fixture
def rows(model: Any, journal: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    with in_database(model):
        insert(model.objects.all(), Random(1))  # noqa: S311
        yield model.objects.all()


class Killing:
    """Starts processes that write, and are killed."""

    def __init__(self, launcher: Launcher, model: Any, random: Random) -> None:
        self.launcher = launcher
        self.model = model
        self.random = random
        self.hot = 0

    def start(self, dies_after: int | None = None, rounds: int = 1) -> Process:
        seed = self.random.randrange(2**32)
        given = f"{self.model.__name__!r}, {seed}, {dies_after}, {rounds}"
        code = f"from tests.certified.writers import main; main({given})"
        return self.launcher.start("shell", "-c", code, settings={})

    def in_a_statement(self) -> Process:
        return self.start(dies_after=int(10 ** self.random.uniform(0, 3)), rounds=20)

    def at_a_time(self) -> Process:
        process = self.start(rounds=100)
        time.sleep(self.random.uniform(0.02, 0.3))
        process.kill()
        return process

    def kill_one(self) -> None:
        process = self.random.choice([self.in_a_statement, self.at_a_time])()
        assert process.wait() in (-SIGKILL, 0), process.output
        journal = Path(f"{connection.settings_dict['NAME']}-journal")
        self.hot += journal.exists() and any(journal.read_bytes()[:8])

    def check(self) -> None:
        """In this process, as it is, and with nothing kept; and in another one."""
        check_all(self.model)
        if self.random.random() < 0.3:
            cache.files.clear()
            check_all(self.model)
        if self.random.random() < 0.2:
            process = self.start()
            assert process.wait() == 0, process.output


def kill(launcher: Launcher, rows: Any, seed: int, rounds: int) -> Killing:
    killing = Killing(launcher, rows.model, Random(seed))  # noqa: S311
    for _ in range(rounds):
        killing.kill_one()
        killing.check()
    return killing


@both_keys
def test_searches_are_right_after_a_process_was_killed(
    launcher: Launcher, rows: Any, seed: int
) -> None:
    kill(launcher, rows, seed, rounds=5)


@both_keys
@pytest.mark.long
def test_searches_are_right_after_hundreds_of_processes_were_killed(
    launcher: Launcher, rows: Any, seed: int, journal: str
) -> None:
    killing = kill(launcher, rows, seed, rounds=300)
    assert (killing.hot > 10) == (journal == "delete")
