"""How a search trades speed for exactness: by `HYBRID_STORE["SEARCH"]`, or query by query."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from hybrid_store.backends.indexes import MOST_EFFORT
from hybrid_store.exceptions import SearchError

__all__ = ["RULES", "Tuning", "configured", "fault"]

# Recall, and the hnsw.ef_search to aim at it with. What is reached depends on the vectors, which
# `manage.py measure_recall` tells; the second is what docs/benchmarks.md shows.
EFFORTS = ((0.90, 40), (0.95, 100), (0.98, 200), (0.99, 400), (0.995, MOST_EFFORT))


@dataclass(frozen=True)
class Tuning:
    """Settings of one search.

    `exact`: no approximate index is used. `recall`: the share of the true nearest rows that is
    aimed at, up to 0.995; more is an exact search. `ef_search`: the effort itself, from 1 to 1000,
    instead of what `recall` says. `exact_rows`: an exact search, which is the last resort when an
    index gives too few rows, is not made where it would compare more rows than that.
    """

    exact: bool = False
    recall: float = 0.95
    ef_search: int | None = None
    exact_rows: int = 500_000

    @property
    def is_exact(self) -> bool:
        return self.exact or (self.ef_search is None and self.recall > EFFORTS[-1][0])

    @property
    def effort(self) -> int:
        """How many of the nearest rows are looked at, unless more are wanted."""
        if self.ef_search is not None:
            return self.ef_search
        return EFFORTS[bisect_left([recall for recall, _ in EFFORTS], self.recall)][1]

    def but(self, **given: Any) -> Tuning:
        """These settings with others for those given; raises `SearchError` for bad values."""
        for name, value in given.items():
            if message := fault(name, value):
                raise SearchError(f"tuned(): {message}")
        if "recall" in given:
            given.setdefault("ef_search", None)
        return replace(self, **given)


def configured() -> Tuning:
    """By the settings; raises `ImproperlyConfigured` for those that the system checks refuse."""
    chosen: Mapping[str, Any] = getattr(settings, "HYBRID_STORE", {}).get("SEARCH", {})
    values = {name.lower(): value for name, value in chosen.items()}
    for name, value in values.items():
        if message := fault(name, value):
            raise ImproperlyConfigured(f'HYBRID_STORE["SEARCH"]: {message}')
    return Tuning(**values)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


# Name -> what makes a value good, in code and in words.
RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "exact": (lambda value: isinstance(value, bool), "True or False"),
    "recall": (_is_share, "a number above 0, up to 1"),
    "ef_search": (
        lambda value: value is None or (_is_count(value) and 1 <= value <= MOST_EFFORT),
        f"a whole number from 1 to {MOST_EFFORT}",
    ),
    "exact_rows": (_is_count, "a number of rows"),
}


def fault(name: str, value: Any) -> str | None:
    """What is wrong with a value, or with the name; None where nothing is."""
    if name not in RULES:
        known = ", ".join(field.name for field in fields(Tuning))
        return f"unknown option {name!r}, use one of {known}."
    is_good, wanted = RULES[name]
    return None if is_good(value) else f"{name} is {value!r}: use {wanted}."
