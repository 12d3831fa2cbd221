"""Processes and threads that write and search at once, each at its own moment of the database."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, connections

from hybrid_store.backends.sqlite.engine import cache
from tests.certified.conftest import on_sqlite
from tests.certified.places import MODELS, SMALL, check_all, in_database
from tests.certified.writers import insert, write
from tests.databases.other_ways import another_way
from tests.reliability.processes import Launcher

pytestmark = on_sqlite

both_keys = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@pytest.fixture
def rows(model: Any, journal: str) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, in_database(model):
        for module, name, value in SMALL:
            patch.setattr(module, name, value)
        insert(model.objects.all(), Random(1))  # noqa: S311
        yield model.objects.all()


def in_threads(*actions: Callable[[], Any]) -> None:
    """Each in a thread of its own, on a connection of its own; raises what one of them raises."""

    def run(action: Callable[[], Any]) -> None:
        try:
            action()
        finally:
            connections.close_all()

    connections.close_all()
    with ThreadPoolExecutor(len(actions)) as pool:
        list(pool.map(run, actions))


def searching(model: Any, times: int) -> Callable[[], None]:
    def search() -> None:
        # A transaction that takes no lock, and has its moment from the first statement on.
        with another_way("reader", {"transaction_mode": "DEFERRED"}):
            for _ in range(times):
                check_all(model, "reader")

    return search


def writing(rows: Any, seed: int, times: int) -> Callable[[], None]:
    def write_all() -> None:
        random = Random(seed)  # noqa: S311
        for _ in range(times):
            write(rows.all(), random)

    return write_all


def write_and_search(launcher: Launcher, rows: Any, seed: int, times: int) -> None:
    random = Random(seed)  # noqa: S311
    connections.close_all()
    processes = []
    for _ in range(2):
        given = (rows.model.__name__, random.randrange(2**32), None, times)
        code = f"from tests.certified.writers import main; main(*{given})"
        processes.append(launcher.start("shell", "-c", code, settings={}))
    writers = [writing(rows, random.randrange(2**32), times) for _ in range(2)]
    in_threads(*writers, *[searching(rows.model, 4 * times) for _ in range(2)])
    for process in processes:
        assert process.wait(timeout=600) == 0, process.output
    in_threads(*[searching(rows.model, 1) for _ in range(2)])
    check_all(rows.model)


@both_keys
def test_every_search_is_right_while_others_write(launcher: Launcher, rows: Any, seed: int) -> None:
    write_and_search(launcher, rows, seed, times=5)


@both_keys
@pytest.mark.long
def test_every_search_is_right_while_others_write_for_long(
    launcher: Launcher, rows: Any, seed: int
) -> None:
    write_and_search(launcher, rows, seed, times=300)


@pytest.mark.parametrize("model", MODELS[:1])
def test_one_thread_makes_a_state_and_others_wait_for_it(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = cache
    read_segments, whole = module.read_segments, []

    def read(raw: Any, source: Any, *condition: Any) -> Any:
        if not condition:
            whole.append(source)
        return read_segments(raw, source, *condition)

    monkeypatch.setattr(module, "read_segments", read)
    cache.files.clear()
    barrier = Barrier(6)

    def search() -> None:
        barrier.wait()
        check_all(rows.model)

    in_threads(*[search] * 6)
    assert len(whole) == len(set(whole)) == 3


@pytest.mark.parametrize("model", MODELS[:1])
def test_a_process_is_forked_while_a_thread_makes_a_state(rows: Any) -> None:
    """Its lock would be held in the child for ever."""
    connection.close()
    held, done = Event(), Event()

    def hold() -> None:
        with cache.files._lock:
            held.set()
            done.wait()

    def fork() -> None:
        held.wait()
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            check_all(rows.model)
            os._exit(0)
        done.set()
        assert os.waitpid(pid, 0)[1] == 0

    in_threads(hold, fork)
