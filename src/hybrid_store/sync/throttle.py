"""How many calls to a provider are made at once, and when."""

from __future__ import annotations

import random
import time

__all__ = ["Throttle"]

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


class Throttle:
    """Slows calls down when a provider is overloaded, and speeds them up again.

    Every failure halves the number of calls at once and stops all of them for as long as the
    provider asks, else for 1, 2, 4, ... 60 seconds, less a random part so that many processes do
    not come back together. Every success adds a fraction of a call (additive increase,
    multiplicative decrease, as TCP does: RFC 5681). Used by one thread.
    """

    def __init__(self, most: int, patience: float) -> None:
        self.most = most
        self.patience = patience
        self.limit = float(most)
        self.opens_at = 0.0
        self._failures = 0
        self._failing_since: float | None = None

    def succeeded(self) -> None:
        self._failures = 0
        self._failing_since = None
        self.limit = min(self.most, self.limit + 1 / self.limit)

    def failed(self, retry_after: float | None) -> bool:
        """Wait; False if that is beyond all patience."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if retry_after is None:
            retry_after = min(FIRST_WAIT * 2**self._failures, LONGEST_WAIT)
            retry_after *= random.uniform(0.75, 1)  # noqa: S311
        if now >= self.opens_at:
            # Calls that fail together are one failure.
            self._failures += 1
            self.limit = max(1.0, self.limit / 2)
        self.opens_at = max(self.opens_at, now + retry_after)
        return self.opens_at - self._failing_since <= self.patience

    def allows(self, calls: int) -> bool:
        """May one more call be made beside so many?"""
        return calls < int(self.limit) and self.seconds_closed == 0

    @property
    def seconds_closed(self) -> float:
        """For how long no call may be made."""
        return max(0.0, self.opens_at - time.monotonic())
