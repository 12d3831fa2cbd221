"""What the points of a map are coloured by: few groups, made of the values of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import count, pairwise
from math import floor, isfinite, log10, nan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CATEGORIES", "NONE", "OTHER", "STEPS", "Group", "Grouping", "grouped", "ungrouped"]

# Colours that people tell apart, and steps of a scale.
CATEGORIES = 12
STEPS = 8
OTHER, NONE = "other", "none"
# The share of numbers at either end that may lie beyond the scale, in its first and last step.
TAIL = 0.02
# Widths of steps, and powers of ten of them, that people count in.
ROUND = (1, 2, 5)

# What sums and quotients of numbers stay numbers within.
LEAST, MOST = 1e-300, 1e300

# Names with their colours, and the place among them of every row; one more is for no value.
Scale: TypeAlias = tuple[list[tuple[str, str]], NDArray[np.intp]]


@dataclass(frozen=True)
class Group:
    """Rows of one colour: `category-0` to `category-11`, `step-0` to `step-7`, `other`, `none`."""

    name: str
    colour: str
    rows: int


@dataclass(frozen=True)
class Grouping:
    """`of` has the place of each row's group in `groups`, as uint8 of shape (n,)."""

    groups: tuple[Group, ...]
    of: NDArray[np.uint8]


def grouped(values: Sequence[Any], choices: Mapping[Any, Any]) -> Grouping:
    """Numbers become steps of even width, dates those of their years, all else categories.

    Up to 8 different numbers are steps of their own. Of other values the most frequent become
    categories, 12 at most, and the rest one more; so do rows without a value. `choices` has what
    is shown instead of values.
    """
    numbers = [nan if choices else _number(value) for value in values]
    is_scale = all(n is not None for n in numbers) and not np.isnan(np.array(numbers, float)).all()
    scale = _steps(np.array(numbers, float)) if is_scale else _categories(values, choices)
    return _grouping(*scale)


def ungrouped(rows: int) -> Grouping:
    """All of one colour."""
    groups = (Group("all", "category-0", rows),) if rows else ()
    return Grouping(groups, np.zeros(rows, np.uint8))


def _grouping(names: list[tuple[str, str]], places: NDArray[np.intp]) -> Grouping:
    """Without the groups that no row is in."""
    names = [*names, ("no value", NONE)]
    rows = np.bincount(places, minlength=len(names))
    kept = np.flatnonzero(rows)
    groups = tuple(Group(*names[place], rows=int(rows[place])) for place in kept)
    return Grouping(groups, np.searchsorted(kept, places).astype(np.uint8))


# Categories


def _categories(values: Sequence[Any], choices: Mapping[Any, Any]) -> Scale:
    shown = [None if value in (None, "") else str(choices.get(value, value)) for value in values]
    rows = Counter(text for text in shown if text is not None)
    ranked = sorted(rows, key=lambda text: (-rows[text], text))
    # One value more is no reason for a group of others.
    most = min(len(ranked), CATEGORIES)
    names = [(text, f"category-{place}") for place, text in enumerate(ranked[:most])]
    names += [("other", OTHER)] if len(ranked) > most else []
    place_of: dict[str | None, int] = {text: min(p, most) for p, text in enumerate(ranked)}
    place_of[None] = len(names)
    return names, np.array([place_of[text] for text in shown], np.intp)


# Steps


def _number(value: Any) -> float | None:
    """NaN for no value, None for what is no number."""
    if value in (None, ""):
        return nan
    if isinstance(value, date):
        return value.year
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return min(max(float(value), -MOST), MOST) if isfinite(value) else nan
    return None


def _steps(numbers: NDArray[np.float64]) -> Scale:
    known = numbers[np.isfinite(numbers)]
    different = np.unique(known)
    if len(different) <= STEPS:
        texts = [f"{number:.10g}" for number in different.tolist()]
        places = np.searchsorted(different, numbers)
    else:
        start, width, steps = _even(known)
        texts = _ranges(known, start, width, steps)
        places = np.floor((numbers - start) / width).clip(0, steps - 1)
    places = np.where(np.isnan(numbers), len(texts), places).astype(np.intp)
    return [(text, _step(place, len(texts))) for place, text in enumerate(texts)], places


def _step(place: int, steps: int) -> str:
    """Few steps take the whole scale of colours."""
    return f"step-{round(place * (STEPS - 1) / max(steps - 1, 1))}"


def _even(known: NDArray[np.float64]) -> tuple[float, float, int]:
    """Where steps begin, how wide they are and how many: up to `STEPS`, of a round width."""
    low, high = np.quantile(known, [TAIL, 1 - TAIL])
    if low == high:
        low, high = known.min(), known.max()
    tens = 10.0 ** floor(log10(max((high - low) / STEPS, LEAST)))
    for power in count():
        for width in (tens * 10**power * digit for digit in ROUND):
            start = floor(low / width) * width
            steps = floor((high - start) / width) + 1
            if steps <= STEPS:
                return start, width, steps
    raise AssertionError


def _ranges(known: NDArray[np.float64], start: float, width: float, steps: int) -> list[str]:
    """What steps are called; the first and the last are open where there is more."""
    is_whole = width >= 1 and bool((known == np.round(known)).all())
    edges = [start + width * place for place in range(steps + 1)]
    texts = [_range(*pair, is_whole) for pair in pairwise(edges)]
    if known.min() < start:
        texts[0] = f"below {edges[1]:.10g}"
    if known.max() >= edges[-1]:
        texts[-1] = f"{edges[-2]:.10g} and above"
    return texts


def _range(low: float, high: float, is_whole: bool) -> str:
    last = high - 1 if is_whole else high
    return f"{low:.10g}" if low == last else f"{low:.10g} to {last:.10g}"
