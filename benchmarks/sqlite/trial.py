"""A benchmark of SQLite, and the goals that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.report import Table, number

__all__ = ["GOALS", "Goal", "Trial", "goals"]


@dataclass(frozen=True)
class Trial(Bench):
    """`figures` are what was measured so far, by the names that goals have for it."""

    peers: bool = True
    figures: dict[str, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Goal:
    """A figure that is at most, or at least, as great as a bound."""

    figure: str
    most: float = float("inf")
    least: float = 0.0

    @property
    def bound(self) -> str:
        return f"at least {self.least:,g}" if self.least else f"at most {self.most:,g}"

    def is_reached(self, value: float) -> bool:
        return self.least <= value <= self.most


GOALS = (
    Goal("100,000 x 384, times the limit", most=1.0),
    Goal("100,000 x 384, times as fast as the tutorials", least=100),
    Goal("100,000 x 384, times as fast as sqlite-vec in the model's table", least=10),
    Goal("100,000 x 384, any filter that keeps 1 to 50 %, times the limit", most=1.5),
    Goal("500,000 x 384, times the limit", most=1.0),
    Goal("100,000 x 1,536, times the limit", most=0.5),
    Goal("ms that the ORM adds", most=1.0),
    Goal("rows/s of `bulk_ingest` of 100,000 rows, with triggers", least=60_000),
)


def goals(figures: Mapping[str, float]) -> Table:
    """The goals beside what was measured."""
    return Table("Goals", ["", "goal", "measured", "reached"], [*_rows(figures)])


def _rows(figures: Mapping[str, float]) -> Iterator[list[str]]:
    for goal in GOALS:
        value = figures.get(goal.figure)
        if value is None:
            yield [goal.figure, goal.bound, "", "not measured"]
        else:
            reached = "yes" if goal.is_reached(value) else "no"
            yield [goal.figure, goal.bound, number(value), reached]
