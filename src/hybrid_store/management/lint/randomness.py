"""Do vectors look like random numbers?

Two kinds are told, with limits under which embeddings do not fall:

- Evenly spread from 0 to the largest, as those of `numpy.random.rand`. A vector of 256 numbers or
  more is judged alone, by the Kolmogorov-Smirnov distance that `operations.diagnosis` explains;
  shorter ones all together.
- Normal, without structure, as those of `numpy.random.randn`, brought to length 1 or not. The
  cosines of independent ones have mean 0 and standard deviation 1/sqrt(n) in n dimensions, and the
  greatest of m cosines is hardly above sqrt(2 ln(m) / n). Texts resemble each other: in any table
  of them the cosines spread wider, and some pairs are much nearer. Vectors with many zeros, as
  those of words that are hashed, can have such cosines too, but are not normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_store.operations.diagnosis import is_evenly_spread

__all__ = ["Looks", "looks_normal", "looks_uniform"]

Array: TypeAlias = NDArray[np.float64]

# Fewer dimensions or rows tell nothing for certain.
FEWEST_DIMENSIONS = 32
FEWEST_ROWS = 30
# The greatest distance between the spread of numbers and the one they are compared with, to which
# comes what chance adds to that of few numbers: in 1 of 1,000 cases more than 1.95/sqrt(numbers).
FARTHEST = 0.02
BY_CHANCE = 1.95
# Cosines of at most so many rows are taken: some 125,000 pairs.
COMPARED = 500
DEVIATION_TOLERANCE = 0.15
LARGEST_TOLERANCE = 1.15


@dataclass(frozen=True)
class Looks:
    """`rows` vectors look random; `figures` says by what."""

    rows: int
    figures: str


def looks_uniform(vectors: Array) -> Looks | None:
    """Of the rows of shape (rows, dimensions), those that are spread evenly."""
    even = vectors[[is_evenly_spread(row) for row in vectors]] if len(vectors) else vectors
    is_long_enough = vectors.shape[1] >= FEWEST_DIMENSIONS and len(vectors) >= FEWEST_ROWS
    if not len(even) and is_long_enough and _distance_from_even(vectors) < _farthest(vectors):
        even = vectors
    if not len(even):
        return None
    figures = f"mean {even.mean():.3f} and deviation {even.std():.3f}; numpy.random.rand has"
    return Looks(len(even), f"numbers spread evenly, with {figures} 0.500 and 0.289")


def _farthest(vectors: Array) -> float:
    return FARTHEST + BY_CHANCE / math.sqrt(vectors.size)


def _distance_from_even(vectors: Array) -> float:
    """Kolmogorov-Smirnov distance of all magnitudes from an even spread up to the largest."""
    ordered = np.sort(np.abs(vectors).ravel())
    steps = np.arange(1, ordered.size + 1) / ordered.size
    return float(np.abs(ordered / ordered[-1] - steps).max())


def looks_normal(vectors: Array) -> Looks | None:
    """All rows together, of shape (rows, dimensions)."""
    rows, dimensions = vectors.shape
    if rows < FEWEST_ROWS or dimensions < FEWEST_DIMENSIONS:
        return None
    if _distance_from_normal(vectors) > _farthest(vectors):
        return None
    cosines = _cosines(vectors[:COMPARED])
    chance = 1 / math.sqrt(dimensions)
    greatest = chance * math.sqrt(2 * math.log(cosines.size))
    if (
        abs(cosines.mean()) > DEVIATION_TOLERANCE * chance
        or abs(cosines.std() / chance - 1) > DEVIATION_TOLERANCE
        or cosines.max() > LARGEST_TOLERANCE * greatest
    ):
        return None
    return Looks(
        rows,
        f"no two of them nearer than chance has it: cosines {cosines.mean():.3f} on average, with "
        f"deviation {cosines.std():.3f} and at most {cosines.max():.2f}; random vectors of "
        f"{dimensions} numbers have 0, {chance:.3f} and {greatest:.2f}",
    )


def _distance_from_normal(vectors: Array) -> float:
    """Kolmogorov-Smirnov distance of all numbers from a normal spread around 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    ordered = np.sort((vectors / lengths).ravel()) * math.sqrt(vectors.shape[1])
    # At a thousand places is exact enough for the limit.
    places = np.linspace(0, ordered.size - 1, 1000).astype(int)
    normal = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in ordered[places]])
    return float(np.abs(normal - (places + 0.5) / ordered.size).max())


def _cosines(vectors: Array) -> Array:
    """Of every pair of rows."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    upper = np.triu_indices(len(unit), 1)
    found: Array = (unit @ unit.T)[upper]
    return found
