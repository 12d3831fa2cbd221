"""Dividing a list into requests, none of which is too large."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

__all__ = ["Limit", "divided"]

T = TypeVar("T")


class Limit(NamedTuple):
    """The most that a request may hold of something, and how much of it each item is."""

    most: int
    sizes: Sequence[int]
    """None of them is negative."""


def divided(items: Sequence[T], *limits: Limit) -> Iterator[list[T]]:
    """`items` in order, in lists as long as all the limits allow.

    An item that is above a limit all by itself is alone in its list.
    """
    # How much the first 0, 1, 2, ... items hold.
    totals = [list(accumulate(limit.sizes, initial=0)) for limit in limits]
    start = 0
    while start < len(items):
        ends = [
            bisect_right(total, total[start] + limit.most) - 1
            for total, limit in zip(totals, limits, strict=True)
        ]
        end = max(start + 1, min(ends, default=len(items)))
        yield list(items[start:end])
        start = end
