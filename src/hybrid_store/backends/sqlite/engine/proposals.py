"""Which rows an exact search has to compare: those that may be among the nearest, and few others.

Scores are upper bounds. Rows are proposed from the highest bound downwards; once the last row that
is wanted has a higher score than all bounds that are left, no other row can be nearer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_store.backends.sqlite.engine.bounds import METRICS, probable_scores
from hybrid_store.backends.sqlite.engine.kernels import Kernel, Query
from hybrid_store.backends.sqlite.engine.source import Source
from hybrid_store.backends.sqlite.engine.state import State

__all__ = ["Proposals"]

# How many rows are looked at for every one wanted, and by how many standard deviations of what
# codes leave out the last of those may be farther away than they tell.
LIKELY = 8
DEVIATIONS = 3
# How many blocks there are for every score that is looked for.
BLOCKS = 16


class Proposals:
    """The rows of a source in the order of how near they may be; `changed` ones are in all."""

    def __init__(
        self,
        source: Source,
        state: State,
        changed: Sequence[int],
        query: Query,
        kernel: Kernel,
        among: Sequence[int] | None = None,
    ) -> None:
        self._source = source
        self._state = state
        self._changed = changed
        self._query = query
        self._kernel = kernel
        self._among = among
        self._score = METRICS[source.metric].score
        self.floor = np.inf
        self.proposed = 0

    @cached_property
    def _scores(self) -> NDArray[Any]:
        return self._state.upper_scores(self._source.metric, self._query, self._kernel)

    @property
    def rows(self) -> int:
        """How many rows there are at most."""
        return len(self._state) + len(self._changed)

    @property
    def lacks_distances(self) -> bool:
        """May there be rows with a vector, but without a distance, that are not in every list?"""
        return self._state.has_zeros

    @property
    def condition(self) -> str:
        """SQL that holds for the rows in a list; {table} stands for theirs, %s for the list."""
        return f"{self.key} IN (SELECT value FROM json_each(%s))"  # noqa: S608

    @property
    def key(self) -> str:
        """SQL of what such a list is made of; {table} stands for the rows' table."""
        return f"{{table}}.{self._source.key}"

    def nearest(self, count: int) -> str:
        """Rows among which so many are, in all likelihood, the nearest of all, as such a list."""
        floor = _floor(self._scores, LIKELY * count)
        places = np.flatnonzero((self._scores >= floor) & np.isfinite(self._scores))
        if floor == -np.inf or len(places) < count:
            return self.best(count)
        codes = self._state.codes_at(places)
        probable = probable_scores(self._source.metric, codes, self._query, self._kernel)
        last = np.argsort(probable)[-count]
        deviation = (self._scores[places[last]] - probable[last]) / np.sqrt(codes.dimensions)
        return self._above(float(probable[last] - DEVIATIONS * deviation))

    def best(self, count: int) -> str:
        """So many rows or a few more, as the list that `condition` takes."""
        return self._above(_floor(self._scores, count))

    def within(self, distance: float) -> str:
        """All rows that may be as near as that."""
        return self._above(min(self.floor, self._score(distance)))

    def count(self, distance: float) -> int:
        """How many rows may be as near as that."""
        return int(np.count_nonzero(self._scores >= self._score(distance)))

    def are_surpassed_by(self, distance: float) -> bool:
        """Is a row at that distance nearer than all that have not been proposed?"""
        return self._score(distance) >= self.floor

    def only(self, keys: Sequence[int]) -> Proposals:
        """Proposals of no other rows than these; all of them within an infinite distance."""
        part = self._state.only(np.unique(np.array(keys, np.int64)))
        changed = {*keys}.intersection(self._changed)
        return Proposals(self._source, part, [*changed], self._query, self._kernel, keys)

    def _above(self, floor: float) -> str:
        self.floor = floor
        if self._among is not None and floor == -np.inf:
            keys = {*self._among}
        else:
            places = np.flatnonzero(self._scores >= floor)
            # A row that is there no more, or twice, does no harm: the statement looks it up.
            keys = {*self._state.keys_at(places).tolist(), *self._changed}
        self.proposed = len(keys)
        return str([*keys])


def _floor(scores: NDArray[Any], count: int) -> float:
    """A score that at least `count` of the scores reach, and hardly more: that of the block whose
    best score is the count-th best of all blocks."""
    size = max(1, len(scores) // (BLOCKS * count))
    whole = len(scores) // size * size
    # Blocks of rows that are far from each other, as this maximum is the faster one.
    bests = scores[:whole].reshape(size, -1).max(axis=0) if size > 1 else scores
    if len(bests) <= count:
        return -np.inf
    return float(np.partition(bests, len(bests) - count)[len(bests) - count])
