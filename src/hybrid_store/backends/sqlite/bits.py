"""Distances between vectors of bits, in Python's integers: they need no NumPy to be fast."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

__all__ = ["DISTANCES"]

Metric: TypeAlias = Callable[[int, int], float]


def _hamming(row: int, other: int) -> float:
    return float((row ^ other).bit_count())


def _jaccard(row: int, other: int) -> float:
    """1 where no bit is common, also where there is none at all: pgvector, src/bitutils.c."""
    common = (row & other).bit_count()
    return 1.0 - common / (row | other).bit_count() if common else 1.0


def _against(metric: Metric, other: bytes) -> Callable[[bytes], float]:
    from_bytes, size = int.from_bytes, len(other)
    number = from_bytes(other, "big")

    def compare(row: bytes) -> float:
        if len(row) != size:
            raise ValueError(f"different lengths in bytes {len(row)} and {size}")
        return metric(from_bytes(row, "big"), number)

    return compare


DISTANCES = {"hamming": partial(_against, _hamming), "jaccard": partial(_against, _jaccard)}
