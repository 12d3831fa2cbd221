"""A map in words: what its groups are, and which rows are in the middle of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_store.maps.groups import Group
from hybrid_store.maps.points import Points

__all__ = ["Summary", "summaries"]

MIDDLE = 3


@dataclass(frozen=True)
class Summary:
    """A group, and the keys of the rows that are nearest to its mean position."""

    group: Group
    middle: list[Any]


def summaries(points: Points) -> list[Summary]:
    """One for each group, in the order of the groups."""
    found = []
    for place, group in enumerate(points.grouping.groups):
        rows = np.flatnonzero(points.grouping.of == place)
        positions = points.positions[rows].astype(np.float64)
        distances = ((positions - positions.mean(axis=0)) ** 2).sum(axis=1)
        nearest = rows[np.argsort(distances, kind="stable")[:MIDDLE]]
        found.append(Summary(group, [points.keys[row] for row in nearest.tolist()]))
    return found
