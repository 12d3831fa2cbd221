"""The leg of a search by passages: each row counts by the best of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import F, QuerySet
from django.db.models.sql import Query

from hybrid_store.models.chunks import PARENT, Chunking
from hybrid_store.models.fields import vector_fields
from hybrid_store.models.fused.legs import CARRIED, DISTANCE, SIMILARITY, Leg, TextLeg, VectorLeg
from hybrid_store.models.fused.tables import Hit

__all__ = ["AttachedPassages", "PassageLeg"]

# How many passages are looked at for every row wanted, and how many times as many where these are
# of too few rows.
PASSAGES = 4
GROWTH = 4


@dataclass(frozen=True)
class PassageLeg(Leg):
    """Rows by the best of their passages, of those in a query, as another leg ranks them."""

    chunking: Chunking
    passages: Query
    leg: VectorLeg | TextLeg

    @property
    def columns(self) -> Sequence[str]:  # type: ignore[override]
        similarity = ("similarity",) if isinstance(self.leg, VectorLeg) else ()
        return (*self.leg.columns, *similarity, "passage")

    @property
    def rank(self) -> str:  # type: ignore[override]
        return self.leg.rank

    @property
    def is_statement(self) -> bool:  # type: ignore[override]
        return isinstance(self.leg, VectorLeg)

    def found(
        self,
        rows: QuerySet[Any],
        count: int | None,
        carry: str | None = None,
        enough: float = 1.0,
    ) -> list[Hit]:
        passages = self._passages(rows)
        depth = None if count is None else PASSAGES * count
        while True:
            best = self.leg.found(passages, depth, carry=self._parent)
            hits = self._of_parents(best, rows.db)
            if depth is None or len(best) < depth or len(hits) >= (count or 0):
                return hits[:count]
            depth *= GROWTH

    def _of_parents(self, best: Sequence[Hit], using: str) -> list[Hit]:
        key, connection = self.chunking.model._meta.pk, connections[using]
        found: dict[Any, Hit] = {}
        for hit in best:
            values = {**hit.values, "similarity": hit.score}
            parent = values.pop(CARRIED)
            if parent not in found:
                values["passage"] = key.get_db_prep_value(hit.key, connection)
                found[parent] = Hit(parent, hit.score, values)
        return list(found.values())

    def sql(self, rows: QuerySet[Any], count: int | None) -> tuple[str, Sequence[Any]]:
        # The names are none that a model has.
        values = (F(self._parent), F("pk"), F(DISTANCE), F(SIMILARITY))
        names = [f"_hybrid_store_{n}" for n in ("parent", "passage", "near", "similar")]
        passages = self.leg.eligible(self._passages(rows))
        found = passages.order_by().annotate(**dict(zip(names, values, strict=True)))
        sql, params = found.values_list(*names).query.get_compiler(rows.db).as_sql()
        parent, passage, near, similar = names
        order = f"{near}, {passage}"
        nth = f"ROW_NUMBER() OVER (PARTITION BY {parent} ORDER BY {order}) AS nth"
        rank = f"ROW_NUMBER() OVER (ORDER BY {order}) AS rank"
        ranked = (
            f"SELECT {parent} AS key0, {passage} AS passage, {near} AS distance, "  # noqa: S608
            f"{similar} AS similarity, {similar} AS value, {rank} "
            f"FROM (SELECT found.*, {nth} FROM ({sql}) found) best WHERE nth = 1"
        )
        if count is None:
            return ranked, params
        return f"SELECT * FROM ({ranked}) ranked WHERE rank <= %s", (*params, count)  # noqa: S608

    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        parents = self.leg.eligible(self._passages(rows)).order_by().values(self._parent)
        return rows.filter(**{f"{self._key}__in": parents})

    def prepare(self) -> None:
        self.leg.prepare()

    def _passages(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The passages of `rows` that count."""
        model, query = self.chunking.model, self.passages.clone()
        passages: QuerySet[Any] = QuerySet(model, query=query, using=rows.db)
        if rows.query.where.children or rows.model is not self.chunking.text.model:
            passages = passages.filter(**{f"{PARENT}__in": rows.order_by().values(self._key)})
        return passages

    @property
    def _parent(self) -> str:
        return str(self.chunking.parent.attname)

    @property
    def _key(self) -> str:
        """The key of the rows in the table that the passages refer to."""
        return str(self.chunking.text.model._meta.pk.name)


@dataclass(frozen=True)
class AttachedPassages:
    """A finisher: puts passages in the place of their keys."""

    chunking: Chunking
    name: str

    def finish(self, rows: Sequence[Any], using: str) -> None:
        heavy = [field.name for field in vector_fields(self.chunking.model)]
        passages = self.chunking.passages(using).defer(*heavy)
        found = passages.in_bulk([getattr(row, self.name) for row in rows])
        for row in rows:
            passage = found.get(getattr(row, self.name))
            if passage is not None:
                setattr(passage, PARENT, row)
            setattr(row, self.name, passage)
