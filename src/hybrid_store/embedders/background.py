"""An event loop for clients that know no other way."""

from __future__ import annotations

import asyncio
import os
from asyncio import AbstractEventLoop
from collections.abc import Coroutine
from threading import Thread
from typing import Any, TypeVar

from hybrid_store.embedders.shared import Shared

__all__ = ["loops", "run_in_background"]

T = TypeVar("T")

loops: Shared[AbstractEventLoop] = Shared()
"""The loop of each process: its thread does not survive a fork."""


def run_in_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of `coroutine`, run in a loop that all threads of the process share.

    A client belongs to the loop of its first call, and closing that loop would close its
    connections: hence one that stays. May be called from any thread, also from one that runs a
    loop of its own.
    """
    loop = loops.get(os.getpid(), _started)
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    finally:
        # Of use where the wait was interrupted; what is done cannot be cancelled.
        future.cancel()


def _started() -> AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="hybrid_store embedders", daemon=True).start()
    return loop
