"""Repeating calls that failed in passing, and how long to wait between them."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from hybrid_store.exceptions import EmbedderUnavailableError

__all__ = ["retry_after", "with_retries"]

T = TypeVar("T")

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds that are waited here. A provider that asks for more is left to the caller's patience."""


def with_retries(call: Callable[[], T], retries: int) -> T:
    """`call()`, repeated up to `retries` times while it raises `EmbedderUnavailableError`.

    Waits as long as the error's `retry_after` says, else for 0.5, 1, 2, ... seconds, less a
    random part so that many processes do not come back together.
    """
    for attempt in range(retries):
        try:
            return call()
        except EmbedderUnavailableError as error:
            wait = error.retry_after
            if wait is None:
                wait = FIRST_WAIT * 2**attempt * random.uniform(0.75, 1)  # noqa: S311
            if wait > LONGEST_WAIT:
                raise
            time.sleep(wait)
    return call()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an HTTP answer asks to wait (RFC 9110, 10.2.3; retry-after-ms is a custom).

    `headers` has lowercase names or is indifferent to case. None where nothing usable is said.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name, "")) / unit
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def _seconds(value: str) -> float:
    """A number of seconds, or those until a date; NaN for anything else."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return math.nan
