"""What is wrong with the vectors of a column, before they are converted.

Values that cannot be converted are faults beyond doubt. Two more kinds are suspicions:

- "repeated": rows with different texts cannot have the same embedding. A default that was
  computed when the column was added is the same in every row. Where the texts are known (an
  `EmbeddingField` over columns), rows that share their text may share their vector; elsewhere
  every repetition is reported.
- "random": tutorials fill new rows with `numpy.random.rand(n)`. Such numbers are spread evenly
  from 0 to their largest, while those of embeddings cluster around 0; a Kolmogorov-Smirnov test
  tells the two apart. At 256 dimensions, the fewest for which it is made, 1 even spread in 1,000
  passes unnoticed and no bell-shaped one is reported: one with a largest value as low as 2.2
  standard deviations still has twice the distance of the limit. Features scaled to [0, 1] can be
  spread evenly by nature. Reported too is a vector whose length is not 1 where nearly all
  others' is: `numpy.random.randn(n)`, or the output of another model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np

from hybrid_store.vectors import FloatArray, Vector

__all__ = [
    "FAULTS",
    "KEEP",
    "NULL",
    "REFUSE",
    "Diagnosis",
    "OnBad",
    "checked_on_bad",
    "is_evenly_spread",
    "report",
]

OnBad: TypeAlias = str | Mapping[str, str]

# Kind -> what rows of it have.
FAULTS = {
    "missing": "no vector, though the new field is not null",
    "size": "another number of bytes or numbers than the field's dimensions ask for",
    "unreadable": "no list of numbers",
    "ambiguous": "numbers that make sense only with other dimensions",
    "not_finite": "NaN, infinity, or numbers too large for the field",
    "zero": "nothing but zeros, which is no embedding",
    "repeated": "the same vector as rows of another text",
    "random": "numbers that look random, or a length unlike the others",
}
# A row without a vector has nothing that could be set to NULL or be kept.
VALUE_FAULTS = tuple(kind for kind in FAULTS if kind != "missing")
REFUSE, NULL, KEEP = "refuse", "null", "keep"
# Suspicions: the vector can be kept.
SUSPICIONS = ("repeated", "random")
SHOWN_KEYS = 20

# For the numbers see the module's docstring.
FEWEST_DIMENSIONS = 256
EVENNESS_LIMIT = 1.95
FEWEST_ROWS = 10
UNIT_SHARE = 0.9
LENGTH_TOLERANCE = 0.1


def checked_on_bad(on_bad: OnBad) -> dict[str, str]:
    """Fault -> what to do, for every fault; raises `ValueError`."""
    given = on_bad if isinstance(on_bad, Mapping) else dict.fromkeys(VALUE_FAULTS, on_bad)
    for kind, action in given.items():
        allowed = (REFUSE, NULL, KEEP) if kind in SUSPICIONS else (REFUSE, NULL)
        if kind not in VALUE_FAULTS or action not in allowed:
            raise ValueError(
                f'ConvertVectorColumn: on_bad cannot say {kind!r}: {action!r}. Use "refuse", '
                f'"null", or a dictionary of {", ".join(VALUE_FAULTS)} to one of these; '
                f'{" and ".join(SUSPICIONS)} also know "keep".'
            )
    return {**dict.fromkeys(FAULTS, REFUSE), **given}


@dataclass
class _Repetition:
    """Rows that hold one vector, and the texts they have; None for an unknown text."""

    keys: list[Any] = dataclass_field(default_factory=list)
    texts: set[str | None] = dataclass_field(default_factory=set)

    def add(self, key: Any, text: str | None) -> None:
        self.keys.append(key)
        self.texts.add(text)

    @property
    def is_fault(self) -> bool:
        return len(self.texts) > 1 or None in self.texts


@dataclass
class _Repetitions:
    """Every vector seen, by its digest; more is kept only of those seen again."""

    first: dict[bytes, tuple[Any, str | None]] = dataclass_field(default_factory=dict)
    again: dict[bytes, _Repetition] = dataclass_field(default_factory=dict)

    def add(self, vector: FloatArray, key: Any, text: str | None) -> None:
        digest = blake2b(vector.tobytes(), digest_size=16).digest()
        if digest not in self.first:
            self.first[digest] = (key, text)
            return
        if digest not in self.again:
            self.again[digest] = _Repetition()
            self.again[digest].add(*self.first[digest])
        self.again[digest].add(key, text)

    def keys(self) -> list[Any]:
        """The rows at fault, those of one vector side by side."""
        return [key for group in self.again.values() if group.is_fault for key in group.keys]


class Diagnosis:
    """Looks at one vector after another, in order of their keys."""

    def __init__(self) -> None:
        self.forms: dict[str, int] = defaultdict(int)
        self.found: dict[str, list[Any]] = {kind: [] for kind in FAULTS}
        self._repetitions = _Repetitions()
        self._of_other_length: list[Any] = []
        self._vectors = 0

    def add_fault(self, kind: str, key: Any) -> None:
        self.found[kind].append(key)

    def add(self, key: Any, vector: Vector, form: str, text: str | None) -> None:
        array = vector.to_numpy()
        self._vectors += 1
        self.forms[form] += 1
        self._repetitions.add(array, key, text)
        if abs(float(np.linalg.norm(array)) - 1) > LENGTH_TOLERANCE:
            self._of_other_length.append(key)
        if is_evenly_spread(array):
            self.add_fault("random", key)

    def faults(self) -> dict[str, list[Any]]:
        """Keys of the rows at fault, by kind."""
        faults = {
            **self.found,
            "repeated": self._repetitions.keys(),
            "random": list(dict.fromkeys([*self.found["random"], *self._outliers()])),
        }
        return {kind: keys for kind, keys in faults.items() if keys}

    def _outliers(self) -> list[Any]:
        """Rows whose vector is not of length 1 where nearly all are."""
        of_length_one = self._vectors - len(self._of_other_length)
        enough = self._vectors >= FEWEST_ROWS and of_length_one >= UNIT_SHARE * self._vectors
        return self._of_other_length if enough else []


def is_evenly_spread(array: FloatArray) -> bool:
    """Are the magnitudes spread evenly from 0 to the largest, as those of random numbers?"""
    size = array.size
    if size < FEWEST_DIMENSIONS:
        return False
    ordered = np.sort(np.abs(array)).astype(np.float64)
    if not ordered[-1]:
        return False
    steps = np.arange(1, size + 1) / size
    distance = float(np.abs(ordered / ordered[-1] - steps).max())
    return distance * float(np.sqrt(size)) < EVENNESS_LIMIT


def report(faults: Mapping[str, list[Any]]) -> Iterator[str]:
    """A line a kind of fault, with primary keys."""
    for kind, keys in faults.items():
        shown = ", ".join(str(key) for key in keys[:SHOWN_KEYS])
        more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
        rows = "1 row" if len(keys) == 1 else f"{len(keys)} rows"
        yield f"  {kind}: {rows} with {FAULTS[kind]}; primary keys {shown}{more}"
