"""Dividing a list into requests, none of which is too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

__all__ = ["Limit", "divided"]

T = TypeVar("T")


class Limit(NamedTuple):
    """The most that a request may hold of something, and how much of it each item is."""

    most: int
    sizes: Sequence[int]


def divided(items: Sequence[T], *limits: Limit) -> Iterator[list[T]]:
    """`items` in order, in lists as long as all the limits allow.

    An item that is above a limit all by itself is alone in its list.
    """
    start = 0
    sums = [0] * len(limits)
    for end in range(len(items)):
        sizes = [limit.sizes[end] for limit in limits]
        sums = [total + size for total, size in zip(sums, sizes, strict=True)]
        if end > start and any(
            total > limit.most for total, limit in zip(sums, limits, strict=True)
        ):
            yield list(items[start:end])
            start, sums = end, sizes
    if start < len(items):
        yield list(items[start:])
