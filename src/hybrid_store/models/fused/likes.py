"""The leg of a recommendation by the best match: each row counts by the like it is nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from hybrid_store.models.fused.legs import Leg, VectorLeg
from hybrid_store.models.fused.tables import Hit

__all__ = ["BestMatchLeg"]

# How many times as many rows are looked at, where too many of them are near to what is unliked.
GROWTH = 4


@dataclass(frozen=True)
class BestMatchLeg(Leg):
    """Rows by their greatest similarity to a like, times its weight.

    Rows that are more similar to an unlike come behind all others, the least similar ones first.
    """

    field: str
    likes: Sequence[tuple[VectorLeg, float]]
    unlikes: Sequence[tuple[VectorLeg, float]]

    columns = ("vector_rank", "distance", "similarity")
    rank = "vector_rank"
    is_statement = False

    def found(
        self,
        rows: QuerySet[Any],
        count: int | None,
        carry: str | None = None,
        enough: float = 1.0,
    ) -> list[Hit]:
        if carry is not None:
            raise NotImplementedError
        depth = count
        while True:
            hits = self._liked(rows, depth)
            good, bad = self._parted(rows, hits)
            # Among the best of each like are the best of all.
            is_all = depth is None or len(hits) < depth
            if is_all or count is None or len(good) >= count:
                return [*good, *bad][:count]
            depth = GROWTH * (depth or 0)

    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return self.likes[0][0].eligible(rows)

    def prepare(self) -> None:
        for leg, _ in (*self.likes, *self.unlikes):
            leg.prepare()

    def _liked(self, rows: QuerySet[Any], count: int | None) -> list[Hit]:
        best: dict[Any, Hit] = {}
        for leg, weight in self.likes:
            for hit in leg.found(rows, count):
                score = weight * hit.score
                if hit.key not in best or score > best[hit.key].score:
                    values = {**hit.values, "similarity": hit.score}
                    best[hit.key] = Hit(hit.key, score, values)
        return sorted(best.values(), key=lambda hit: -hit.score)[:count]

    def _parted(self, rows: QuerySet[Any], hits: list[Hit]) -> tuple[list[Hit], list[Hit]]:
        """Those that are nearest to a like, and those that are nearest to an unlike."""
        unliked: dict[Any, float] = {}
        for leg, weight in self.unlikes:
            for key, similarity in leg.similarities(rows, [hit.key for hit in hits]):
                unliked[key] = max(unliked.get(key, -float("inf")), weight * similarity)
        bad = [hit for hit in hits if unliked.get(hit.key, -float("inf")) > hit.score]
        kept = {hit.key for hit in bad}
        good = [hit for hit in hits if hit.key not in kept]
        return good, sorted(bad, key=lambda hit: unliked[hit.key])
