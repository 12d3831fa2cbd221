"""Calls to an embedder, at once or in threads. No thread of these touches a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hybrid_store.embedders import embedders
from hybrid_store.embedders.answers import Embedded
from hybrid_store.sync.batches import Batch

__all__ = ["Answered", "InlineExecutor", "call", "executor"]


@dataclass(frozen=True)
class Answered:
    """A batch, what came of it, and the latency in seconds."""

    batch: Batch
    outcome: Embedded | Exception
    seconds: float


class InlineExecutor(Executor):
    """Runs each call in the calling thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


def executor(workers: int) -> Executor:
    """One call at once is made in the calling thread, more are made in threads of their own."""
    if workers == 1:
        return InlineExecutor()
    return ThreadPoolExecutor(workers, thread_name_prefix="hybrid-store-embedder")


def call(alias: str, batch: Batch) -> Answered:
    """Send one batch; the caller waits and repeats, so nothing is repeated here."""
    started = time.monotonic()
    outcome: Embedded | Exception
    try:
        outcome = embedders[alias].embed_counted(batch.texts, retries=0)
    except Exception as error:  # noqa: BLE001
        outcome = error
    return Answered(batch, outcome, time.monotonic() - started)
