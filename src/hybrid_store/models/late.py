"""Query vectors that are not computed before a query needs them.

A late value stands in an expression where a vector will be: building, copying, printing and
pickling a queryset cost no provider call. It is computed once, when the query runs, and shared by
every copy of the queryset.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Lock
from typing import Any

from hybrid_store.vectors import BaseVector

__all__ = ["LateValue"]


class LateValue(ABC):
    """A vector computed on demand by `compute()`, once."""

    def __init__(self) -> None:
        self._vector: BaseVector | None = None
        self._lock = Lock()

    @abstractmethod
    def compute(self) -> BaseVector:
        """The vector; may call an embedder or read the database."""

    def read(self) -> None:  # noqa: B027
        """Read from the database or a cache what `compute` will need.

        Called when SQL is compiled: `compute` may be called while it is executed, when the
        connection is in use.
        """

    def prepare(self) -> None:
        """Compute the vector now; not to be called while a query is executed."""
        self.read()
        self.vector()

    def vector(self) -> BaseVector:
        with self._lock:
            if self._vector is None:
                self._vector = self.compute()
            return self._vector

    def settle(self, vector: BaseVector) -> None:
        """Take a vector that need not be computed."""
        with self._lock:
            if self._vector is None:
                self._vector = vector

    @property
    def is_settled(self) -> bool:
        return self._vector is not None

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> LateValue:
        return self
