"""Ending a command in order when somebody asks for it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stopping_by"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what service managers and containers send before they kill."""


@contextmanager
def stopping_by(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal; a second one interrupts at once.

    Signals only reach the main thread; elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)
        stop()

    before = {each: signal.signal(each, first) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
