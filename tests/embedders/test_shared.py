"""`Shared`: one value a process."""

from __future__ import annotations

import threading
import time

import pytest

from hybrid_store.embedders.shared import Shared


def test_threads_that_ask_at_once_get_one_value() -> None:
    shared: Shared[object] = Shared()
    made: list[object] = []
    found: list[object] = []

    def make() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    threads = [
        threading.Thread(target=lambda: found.append(shared.get("key", make))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == made * 8


def test_each_key_has_its_own() -> None:
    shared: Shared[str] = Shared()
    assert shared.get(("a", 1), lambda: "one") == "one"
    assert shared.get(("a", 2), lambda: "two") == "two"
    assert shared.get(("a", 1), lambda: "three") == "one"


def test_a_failure_is_not_kept() -> None:
    shared: Shared[str] = Shared()

    def fail() -> str:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        shared.get("key", fail)
    assert shared.get("key", lambda: "made") == "made"


def test_what_is_forgotten_is_handed_over() -> None:
    shared: Shared[str] = Shared()
    shared.get("key", lambda: "old")
    assert shared.clear() == ["old"]
    assert shared.get("key", lambda: "new") == "new"
