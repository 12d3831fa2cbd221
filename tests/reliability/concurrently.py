"""Other connections to the database under test."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from django.db import connections

__all__ = ["concurrently"]

T = TypeVar("T")


def concurrently(action: Callable[[], T]) -> T:
    """Carry out `action` in a thread, on a connection of its own; returns what it returns."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return future.result()
