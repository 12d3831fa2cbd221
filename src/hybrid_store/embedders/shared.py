"""What all threads of a process share: weights, HTTP clients."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Shared"]

T = TypeVar("T")


class Shared(Generic[T]):
    """Values by key, each made once in a process, by whichever thread first asks for it.

    Embedders are made per thread and per asynchronous context; what is expensive is kept here.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`; where `make` raises, nothing is kept."""
        try:
            return self._values[key]
        except KeyError:
            with self._lock:
                if key not in self._values:
                    self._values[key] = make()
                return self._values[key]

    def clear(self) -> list[T]:
        """Forget all values; returns them, for whoever has to close them."""
        with self._lock:
            values = list(self._values.values())
            self._values.clear()
        return values
