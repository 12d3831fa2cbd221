"""Another model takes over while the old one is still writing, and is interrupted."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import SpaceMismatchError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.test.models import Book
from tests.durability.oracle import Stored, vector_of
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.invariants import Rows, check_invariants, check_paid, spaces_in
from tests.reliability.processes import Launcher, Process, asking, wait_until
from tests.reliability.rows import LABEL, make_books

ROWS = 30
BATCH_SIZE = 5
WORKERS = 2
OLD, NEW = "hashing", "hashing-two"
OPTIONS = (LABEL, f"--batch-size={BATCH_SIZE}", f"--workers={WORKERS}")
QUERY = "title 7"


class Change:
    """Two releases of a project, each with its model, on one database and one provider."""

    def __init__(self, launcher: Launcher, server: FakeOpenAI, settings: Any) -> None:
        self.launcher = launcher
        self.server = server
        self.settings = settings
        self.lease_seconds = 30.0
        self.texts = make_books(ROWS)
        server.before_answer = lambda request: time.sleep(0.02)

    def of(self, model: str) -> dict[str, Any]:
        return asking(self.server, lease_seconds=self.lease_seconds, MODEL=model)

    def start(self, model: str, *arguments: str) -> Process:
        return self.launcher.generate(*OPTIONS, *arguments, settings=self.of(model))

    def replace(self, model: str = NEW) -> Process:
        return self.start(model, "--replace-spaces")

    def answered(self, model: str) -> list[str]:
        """What was asked of a model; the server answers all of it."""
        return [
            t for request in self.server.requests if request.model == model for t in request.texts
        ]

    def wait_for(self, model: str, count: int) -> None:
        wait_until(lambda: len(self.answered(model)) >= count)

    def kill_after(self, count: int) -> None:
        """Kill a change when about so many more texts have been answered, or it has come to its
        end."""
        new, enough = self.replace(), len(self.answered(NEW)) + count
        wait_until(lambda: len(self.answered(NEW)) >= enough or new.poll() is not None)
        new.kill()
        new.wait()

    def search(self, model: str) -> dict[Any, float]:
        """What a release finds, with distances that only its own vectors have."""
        self.settings.HYBRID_STORE = hashing(model)
        try:
            found = list(Book.objects.nearest(QUERY).values_list("pk", "title", "distance"))
        except SpaceMismatchError:
            return {}
        near = vector_of(Stored(model, QUERY))
        for _, title, distance in found:
            right = 1 - float(vector_of(Stored(model, f"{title}\n")) @ near)
            assert distance == pytest.approx(right, abs=1e-5)
        return {pk: distance for pk, _, distance in found}

    def search_while(self, *processes: Process) -> None:
        while [process for process in processes if process.poll() is None]:
            for model in (OLD, NEW):
                self.search(model)
        for process in processes:
            assert process.wait() == 0, process.output

    def check(self, model: str, running: bool = False) -> Rows:
        """The invariants as a release sees them; a search finds what is current for it."""
        self.settings.HYBRID_STORE = hashing(model)
        used = [HashingEmbedder("other", {"MODEL": other}) for other in (OLD, NEW)]
        rows = check_invariants(Book, embedders=used, running=running)
        assert self.search(model).keys() == rows.current
        return rows

    def expect_all(self, model: str) -> None:
        assert len(self.check(model).current) == ROWS
        assert len(spaces_in(embedding_field(Book))) == 1


def hashing(model: str) -> dict[str, Any]:
    """What the server does, in process: the tests pay for nothing."""
    backend = "hybrid_store.embedders.hashing.HashingEmbedder"
    return {"EMBEDDERS": {"default": {"BACKEND": backend, "MODEL": model}}}


@pytest.fixture
def change(launcher: Launcher, server: FakeOpenAI, settings: Any) -> Change:
    return Change(launcher, server, settings)


def test_a_model_takes_over_while_the_old_one_is_writing(change: Change) -> None:
    old = change.start(OLD)
    change.wait_for(OLD, ROWS // 6)
    new = change.replace()
    change.search_while(old, new)
    change.search_while(change.replace())
    change.expect_all(NEW)
    check_paid(change.answered(NEW), change.texts)
    check_paid(change.answered(OLD), set(change.answered(OLD)))


def test_the_old_model_leaves_alone_what_the_new_one_has_made(change: Change) -> None:
    assert change.start(OLD).wait() == 0
    assert change.start(NEW, "--replace-spaces", "--limit=20").wait() == 0
    for model in (OLD, NEW):
        process = change.start(model)
        assert process.wait() == 0
        assert "left alone" in process.output
    assert (len(change.check(OLD).current), len(change.check(NEW).current)) == (ROWS - 20, 20)
    assert len(change.answered(OLD) + change.answered(NEW)) == ROWS + 20


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.long)])
def test_an_interrupted_change_recovers(change: Change, kills: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    assert change.start(OLD).wait() == 0
    change.lease_seconds = 0.5
    for _ in range(kills):
        change.kill_after(chance.randrange(1, 4 * BATCH_SIZE))
        for model in (OLD, NEW):
            change.check(model, running=True)
    change.search_while(change.replace())
    change.expect_all(NEW)
    check_paid(change.answered(NEW), change.texts, lost=kills * WORKERS * BATCH_SIZE)


def test_a_change_that_is_ended_in_order_loses_nothing(change: Change) -> None:
    assert change.start(OLD).wait() == 0
    new = change.replace()
    change.wait_for(NEW, ROWS // 3)
    new.interrupt()
    new.wait()
    assert 0 < len(change.check(NEW).current) < ROWS
    change.search_while(change.replace())
    change.expect_all(NEW)
    check_paid(change.answered(NEW), change.texts)


def test_two_releases_that_replace_each_other_come_to_an_end(change: Change) -> None:
    """Nobody should do that; it costs a walk or two over the table."""
    assert change.start(OLD).wait() == 0
    new = change.replace(NEW)
    change.wait_for(NEW, ROWS // 2)
    change.search_while(new, change.replace(OLD))
    for model in (OLD, NEW):
        change.check(model)
    assert len(change.answered(OLD) + change.answered(NEW)) <= 6 * ROWS
    assert change.replace().wait() == 0
    change.expect_all(NEW)
