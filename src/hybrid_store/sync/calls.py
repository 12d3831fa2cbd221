"""Calls to an embedder, at once or in threads. No thread of these touches a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from hybrid_store.embedders import embedders
from hybrid_store.embedders.answers import Embedded
from hybrid_store.sync.batches import Batch

__all__ = ["Answered", "InlineExecutor", "ThreadExecutor", "call", "executor"]

T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """A batch, what came of it, and the latency in seconds."""

    batch: Batch
    outcome: Embedded | Exception
    seconds: float


class InlineExecutor(Executor):
    """Makes each call in the calling thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        _fulfil(future, fn, args, kwargs)
        return future


class ThreadExecutor(Executor):
    """Makes each call in a thread of its own, which does not keep the process from ending.

    The threads of the standard library's executor are joined when the interpreter exits, so that a
    second Ctrl-C would wait for the provider. Against a call, starting a thread costs nothing.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        threading.Thread(
            target=_fulfil,
            args=(future, fn, args, kwargs),
            name="hybrid-store-embedder",
            daemon=True,
        ).start()
        return future


def _fulfil(
    future: Future[T], fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        future.set_result(fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001
        future.set_exception(error)


def executor(workers: int) -> Executor:
    """One call at a time is made in the calling thread, several are made in threads."""
    return InlineExecutor() if workers == 1 else ThreadExecutor()


def call(alias: str, batch: Batch) -> Answered:
    """Send one batch; the caller waits and repeats, so nothing is repeated here."""
    started = time.monotonic()
    outcome: Embedded | Exception
    try:
        outcome = embedders[alias].embed_counted(batch.texts, retries=0)
    except Exception as error:  # noqa: BLE001
        outcome = error
    return Answered(batch, outcome, time.monotonic() - started)
