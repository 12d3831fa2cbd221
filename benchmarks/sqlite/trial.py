"""A benchmark of SQLite, and the goals that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.bench import Bench
from benchmarks.report import Table, number

__all__ = [
    "FASTER_THAN_SQLITE_VEC",
    "FASTER_THAN_TUTORIALS",
    "FILTERED",
    "GOALS",
    "INGEST",
    "LIMIT",
    "ORM",
    "Figure",
    "Goal",
    "Trial",
    "goals",
]


class Figure(NamedTuple):
    """Something that is measured, of so many rows and dimensions."""

    what: str
    rows: int
    dimensions: int

    def __str__(self) -> str:
        return f"{self.rows:,} x {self.dimensions:,}: {self.what}"


@dataclass(frozen=True)
class Goal:
    """A figure that is at most, or at least, as great as a bound."""

    figure: Figure
    most: float = float("inf")
    least: float = 0.0

    @property
    def bound(self) -> str:
        return f"at least {self.least:,g}" if self.least else f"at most {self.most:,g}"

    def is_reached(self, value: float) -> bool:
        return self.least <= value <= self.most


LIMIT = "times the limit"
FASTER_THAN_TUTORIALS = "times as fast as the tutorials"
FASTER_THAN_SQLITE_VEC = "times as fast as sqlite-vec in the model's table"
FILTERED = "times the limit, under any filter that keeps 1 to 50 %"
ORM = "ms that the ORM adds"
INGEST = "rows/s of `bulk_ingest` with triggers"

GOALS = (
    Goal(Figure(LIMIT, 100_000, 384), most=1.0),
    Goal(Figure(LIMIT, 500_000, 384), most=1.0),
    Goal(Figure(LIMIT, 100_000, 1536), most=0.5),
    Goal(Figure(FASTER_THAN_TUTORIALS, 100_000, 384), least=100),
    Goal(Figure(FASTER_THAN_SQLITE_VEC, 100_000, 384), least=10),
    Goal(Figure(FILTERED, 100_000, 384), most=1.5),
    Goal(Figure(ORM, 10, 384), most=1.0),
    Goal(Figure(INGEST, 100_000, 384), least=60_000),
)


@dataclass(frozen=True)
class Trial(Bench):
    """`figures` are those that goals are about, as far as they were measured."""

    figures: dict[Figure, float] = field(default_factory=dict, compare=False)

    def note(self, what: str, value: float) -> None:
        self.figures[Figure(what, self.rows, self.corpus.dimensions)] = value


def goals(figures: Mapping[Figure, float]) -> Table:
    """The goals beside what was measured."""
    return Table("Goals", ["", "goal", "measured", "reached"], [*_rows(figures)])


def _rows(figures: Mapping[Figure, float]) -> Iterator[list[str]]:
    for goal in GOALS:
        value = figures.get(goal.figure)
        if value is None:
            measured, reached = "", "not measured"
        else:
            measured, reached = number(value), "yes" if goal.is_reached(value) else "no"
        yield [str(goal.figure), goal.bound, measured, reached]
