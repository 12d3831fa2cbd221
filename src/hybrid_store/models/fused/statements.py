"""A fused search as one statement, for where its hits cannot be known before: in other queries.

Gives the rows, ranks and scores that `Ranking.hits` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import NotSupportedError
from django.db.models import QuerySet

from hybrid_store.models.fused.legs import Leg
from hybrid_store.models.fused.ranking import Ranking
from hybrid_store.models.fused.tables import FIELDS, key_names
from hybrid_store.ranking.fusion import RRF_K

__all__ = ["hits_sql"]

# What a row is worth by a leg, from its `rank` there and its `value`; see `ranking.fusion`.
LEAST, GREATEST = "MIN(value) OVER ()", "MAX(value) OVER ()"
WORTH = {
    "rrf": f"1 / CAST({RRF_K} + rank AS double precision)",
    "weighted": f"COALESCE((value - {LEAST}) / NULLIF({GREATEST} - {LEAST}, 0), 1)",
}
# A rank behind all others.
LAST = 2**31 - 1
# Where a weight is over the mean of all, not over their sum.
OVER_MEAN = {"rrf"}


@dataclass(frozen=True)
class _Part:
    """The SELECT of one leg, and what a row's weight is in it."""

    leg: Leg
    sql: str
    weight: float

    @property
    def best(self) -> str:
        """The rank as it counts among equal scores."""
        return "rank" if self.weight else str(LAST)

    def columns(self, names: Sequence[str]) -> str:
        return ", ".join(self._column(name) for name in names)

    def _column(self, name: str) -> str:
        if name == self.leg.rank:
            return f"rank AS {name}"
        return name if name in self.leg.columns else f"{_null(name)} AS {name}"


def hits_sql(ranking: Ranking, rows: QuerySet[Any], needed: int | None) -> tuple[str, list[Any]]:
    """A table of hits for a FROM clause, and its parameters.

    Raises `NotSupportedError` where more than ranks decides.
    """
    if ranking.stages or not all(leg.is_statement for leg in ranking.legs):
        raise NotSupportedError(
            "A search by several likes, or one that is diversified or reranked, cannot be a part "
            "of another query: evaluate it first, as in filter(pk__in=[row.pk for row in found])."
        )
    count = ranking.depth(needed)
    compiled = [leg.sql(rows, count) for leg in ranking.legs]
    unit = len(ranking.legs) if ranking.fusion in OVER_MEAN else 1
    parts = [
        _Part(leg, sql, weight * unit)
        for leg, (sql, _), weight in zip(ranking.legs, compiled, ranking.weights, strict=True)
    ]
    sql = _alone(parts[0], ranking) if ranking.is_alone else _fused(parts, ranking)
    return sql.format(keys=", ".join(key_names(rows.model))), [
        param for _, params in compiled for param in params
    ]


def _alone(part: _Part, ranking: Ranking) -> str:
    columns = part.columns(ranking.columns)
    return f"(SELECT {{keys}}, rank AS place, value AS score, {columns} FROM ({part.sql}) leg)"  # noqa: S608


def _fused(parts: Sequence[_Part], ranking: Ranking) -> str:
    names, ranks = ranking.columns, [leg.rank for leg in ranking.legs]
    worth = WORTH[ranking.fusion]
    united = " UNION ALL ".join(
        f"SELECT {{keys}}, {part.columns(names)}, {part.best} AS best, "  # noqa: S608
        f"CAST({part.weight!r} AS double precision) * ({worth}) AS share FROM ({part.sql}) leg"
        for part in parts
    )
    greatest = ", ".join(f"MAX({name}) AS {name}" for name in names)
    order = ", ".join(["score DESC", "best", *(f"{rank} IS NULL, {rank}" for rank in ranks)])
    return (
        f"(SELECT {{keys}}, ROW_NUMBER() OVER (ORDER BY {order}) AS place, score, "  # noqa: S608
        f"{', '.join(names)} FROM (SELECT {{keys}}, {greatest}, MIN(best) AS best, "
        f"SUM(share) AS score FROM ({united}) united GROUP BY {{keys}}) fused)"
    )


def _null(name: str) -> str:
    types: Mapping[str, str] = {"FloatField": "double precision", "IntegerField": "integer"}
    return f"CAST(NULL AS {types[FIELDS[name].__name__]})"
