"""Timing several ways of doing the same thing, side by side."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Generic, TypeVar

__all__ = ["TURN", "Way", "side_by_side"]

TURN = 10
"""Searches that a way makes in a row, where each takes some milliseconds."""

T = TypeVar("T")


@dataclass
class Way(Generic[T]):
    """One way: what it is called, what it does in a round, and how good the result is.

    `judge` gives the accuracy of a round's result, from 0 to 1; a way that is `exact` must reach 1
    in every round. `prepare` comes before every round. Neither is timed.
    """

    label: str
    run: Callable[[int], T]
    judge: Callable[[int, T], float]
    prepare: Callable[[], object] = lambda: None
    exact: bool = True
    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        """As many seconds as 95 % of the rounds took at most."""
        return sorted(self.seconds)[ceil(0.95 * len(self.seconds)) - 1]

    @property
    def accuracy(self) -> float:
        return statistics.fmean(self.accuracies)

    def measure(self, number: int) -> None:
        """Time round `number` and judge its result."""
        self.prepare()
        started = time.perf_counter()
        result = self.run(number)
        self.seconds.append(self.took(result, time.perf_counter() - started))
        accuracy = self.judge(number, result)
        if self.exact and accuracy < 1:
            raise AssertionError(f"{self.label}: round {number} is only {accuracy:.1%} right.")
        self.accuracies.append(accuracy)

    def took(self, result: T, seconds: float) -> float:
        """The time of a round, which gave this result after so many seconds."""
        return seconds


W = TypeVar("W", bound=Way[Any])


def side_by_side(
    ways: Sequence[W], rounds: int, *, warm_up: bool = True, turn: int = 1
) -> Sequence[W]:
    """Time all `ways` in turns of so many rounds, so that a busy machine harms all alike.

    Who comes after whom matters too, so the order is another one each time, the same in every run.
    Of ways that take a millisecond it matters how long ago they were run: a turn of several rounds
    is more like a server at work.
    """
    if warm_up:
        for way in ways:
            way.prepare()
            way.run(0)
    for first in range(0, rounds, turn):
        order = random.Random(first).sample(ways, len(ways))  # noqa: S311
        for way in order:
            for number in range(first, min(first + turn, rounds)):
                way.measure(number)
    return ways
