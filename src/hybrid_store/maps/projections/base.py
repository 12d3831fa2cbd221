"""What a projection is: vectors of many dimensions made points of two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from hybrid_store.vectors import FloatArray

__all__ = ["BaseProjection"]


class BaseProjection(ABC):
    """Learns from a sample of vectors where in the plane vectors belong.

    An instance is for one map: it is fitted once, and then asked for every block of rows. The same
    vectors give the same points.
    """

    # The most rows that it is fitted on.
    sample: ClassVar[int] = 10_000

    @abstractmethod
    def fit(self, vectors: FloatArray) -> None:
        """Learn from finite float32 vectors of shape (n, d), n of 1 or more.

        Raises `MapError` where they are too few.
        """

    @abstractmethod
    def transform(self, vectors: FloatArray) -> FloatArray:
        """Where vectors of shape (n, d) are: float32 of shape (n, 2), of any scale."""

    @property
    @abstractmethod
    def described(self) -> str:
        """What the fitted projection shows, in a few words."""
