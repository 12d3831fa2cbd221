"""How many rows searches under conditions of a kind had to compare, so that the next ones know."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

__all__ = ["Experience", "shape"]

MOST_SHAPES = 1000


def shape(condition: Any) -> Hashable:
    """Conditions without the values in them: those of the same shape keep about as many rows."""
    children = getattr(condition, "children", None)
    if children is not None:
        return (condition.connector, condition.negated, *map(shape, children))
    asked = getattr(condition, "lhs", None)
    return type(condition), getattr(asked, "alias", None), getattr(asked, "target", type(asked))


class Experience:
    """Rows compared for every one that was wanted, a running mean for each kind of search."""

    def __init__(self) -> None:
        self._means: dict[Hashable, float] = {}

    def expected(self, kind: Hashable) -> float:
        return self._means.get(kind, 0.0)

    def learn(self, kind: Hashable, rows: float) -> None:
        if len(self._means) >= MOST_SHAPES:
            self._means.clear()
        self._means[kind] = (self._means.get(kind, rows) + rows) / 2
