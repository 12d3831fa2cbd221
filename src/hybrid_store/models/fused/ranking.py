"""What a fused search is: its legs, how they are fused, and what is done with the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet

from hybrid_store.models.fused.legs import Leg
from hybrid_store.models.fused.stages import Stage
from hybrid_store.models.fused.tables import Hit
from hybrid_store.ranking.fusion import FUSIONS

__all__ = ["CANDIDATES", "Ranking"]

CANDIDATES = 100
"""How many of the best rows of each leg are fused, or put in another order, by default."""

# The share of the candidates that a leg gives at least, and never less than the slice needs: what
# the last ones add to a fused score is little.
ENOUGH = 0.5


@dataclass(frozen=True)
class Ranking:
    """The legs of a search with their weights.

    One leg alone ranks all rows it can, if no stage follows. Else the rows are those among the
    `candidates` best of any; a slice that reaches further takes as many of each as it needs. Of
    those beyond the slice, some may be missing where an index finds no more.
    """

    legs: Sequence[Leg]
    weights: Sequence[float]
    fusion: str
    candidates: int
    # What is searched for, if it is a text.
    text: str | None = None
    stages: Sequence[Stage] = ()

    @property
    def is_alone(self) -> bool:
        return len(self.legs) == 1

    @property
    def columns(self) -> list[str]:
        """What of its hits' values is shown, besides the score."""
        return list(dict.fromkeys(name for leg in self.legs for name in leg.columns))

    def prepare(self) -> None:
        for leg in self.legs:
            leg.prepare()

    def hits(self, rows: QuerySet[Any], needed: int | None) -> list[Hit]:
        """The best of `rows`, from the first one; `needed` is None where all are asked for."""
        found = [self._ranked(leg, rows, needed) for leg in self.legs]
        hits = found[0] if self.is_alone else self._fused(found)
        for stage in self.stages:
            hits = stage.apply(hits, rows, needed)
        return hits

    def depth(self, needed: int | None) -> int | None:
        """How many rows of each leg are looked at; None for all."""
        if self.is_alone and not self.stages:
            return needed
        return max(needed or 0, self.candidates)

    def then(self, stage: Stage, candidates: int | None) -> Ranking:
        """The same with one stage more, which chooses from so many rows at least."""
        most = max(self.candidates, candidates or 0)
        return replace(self, stages=(*self.stages, stage), candidates=most)

    def _ranked(self, leg: Leg, rows: QuerySet[Any], needed: int | None) -> list[Hit]:
        hits = leg.found(rows, self.depth(needed), enough=self._enough(needed))
        for place, hit in enumerate(hits, 1):
            hit.values[leg.rank] = place
        return hits

    def _enough(self, needed: int | None) -> float:
        """The share of the candidates that a leg has to give."""
        count = self.depth(needed)
        if self.is_alone or needed is None or not count:
            return 1.0
        return max(needed / count, ENOUGH)

    def _fused(self, found: Sequence[Sequence[Hit]]) -> list[Hit]:
        legs = [[(hit.key, hit.score) for hit in hits] for hits in found]
        values: dict[Any, dict[str, Any]] = {}
        # What two legs say of a row is that of the one in which it is the better.
        ranked = [(place, hit) for hits in found for place, hit in enumerate(hits)]
        for _, hit in sorted(ranked, key=itemgetter(0), reverse=True):
            values.setdefault(hit.key, {}).update(hit.values)
        fused = FUSIONS[self.fusion](legs, self.weights)
        return [Hit(key, score, values[key]) for key, score in fused]
