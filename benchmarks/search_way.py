"""A way of searching, whose answers are counted and whose recall is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from benchmarks.questions import Question
from benchmarks.timing import Way
from hybrid_store.vectors import FloatArray

__all__ = ["Find", "SearchWay"]

Find: TypeAlias = Callable[[FloatArray], list[int]]
"""Takes a vector, shape (dimensions,); gives the keys of documents, the nearest first."""


class SearchWay(Way[list[int]]):
    """Every round asks another vector of a question."""

    def __init__(
        self,
        label: str,
        question: Question,
        find: Find,
        *,
        exact: bool = False,
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(label, self._found, self._judged, prepare, exact)
        self.question = question
        self.find = find
        self.counts: list[int] = []

    def _found(self, number: int) -> list[int]:
        return self.find(self.question.vector(number))

    def _judged(self, number: int, found: list[int]) -> float:
        self.counts.append(len(found))
        return self.question.recall(number, found)
