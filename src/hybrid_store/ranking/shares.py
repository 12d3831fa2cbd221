"""Shares: numbers from 0 to 1 that weigh one thing against another."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from hybrid_store.exceptions import SearchError

__all__ = ["checked_share"]


def checked_share(value: Any, name: str, least: str, most: str) -> float:
    """`value` as a number from 0, which means `least`, to 1, `most`; else raises `SearchError`."""
    number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    if not 0 <= number <= 1:
        raise SearchError(f"{name} is {value!r}: give a number from 0, {least}, to 1, {most}.")
    return number
