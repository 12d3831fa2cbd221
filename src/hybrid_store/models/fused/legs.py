"""The legs of a search: each ranks rows in a way of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import connections
from django.db.models import Q, QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import TextSpec
from hybrid_store.models.fused.tables import Column, Hit, KeyTable, WordRanks
from hybrid_store.models.late import LateValue
from hybrid_store.models.ranked_search import nearest
from hybrid_store.models.targets import QueryVector
from hybrid_store.models.word_conditions import Fulfils
from hybrid_store.texts.query import Clause, Term, TextQuery

__all__ = ["Leg", "TextLeg", "VectorLeg"]

DISTANCE = "_hybrid_store_distance"
SIMILARITY = "_hybrid_store_similarity"
STRICT = "_hybrid_store_strict"
SCORE = "_hybrid_store_score"
WORDS = "hybrid_store_words"


class Leg(ABC):
    """One ranking of the rows of a queryset."""

    # What of its hits' values is shown.
    columns: ClassVar[Sequence[str]]
    # The column that tells the place of a row in this leg, from 1.
    rank: ClassVar[str]

    @abstractmethod
    def found(self, rows: QuerySet[Any], count: int | None) -> list[Hit]:
        """The best of `rows`, so many or all, each once; `rank` is left to the caller."""

    @abstractmethod
    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """All of `rows` that the leg ranks, in any order."""

    def prepare(self) -> None:  # noqa: B027
        """Compute now what is computed when rows are fetched, outside of the database."""


@dataclass(frozen=True)
class VectorLeg(Leg):
    """Rows by the distance of their vector."""

    near: QueryVector
    field: str
    metric: str | None
    max_distance: float | None

    columns = ("vector_rank", "distance")
    rank = "vector_rank"

    def found(self, rows: QuerySet[Any], count: int | None) -> list[Hit]:
        ranked = self._ranked(rows).values_list("pk", DISTANCE, SIMILARITY)
        return _distinct(
            Hit(key, similarity, {"distance": distance})
            for key, distance, similarity in ranked[:count]
        )

    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return self._ranked(rows)

    def _ranked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return nearest(
            rows,
            self.near,
            field=self.field,
            metric=self.metric,
            max_distance=self.max_distance,
            distance_as=DISTANCE,
            similarity_as=SIMILARITY,
        )

    def prepare(self) -> None:
        if isinstance(self.near, LateValue):
            self.near.prepare()


@dataclass(frozen=True)
class TextLeg(Leg):
    """Rows by their words: those with all of them first, each part by BM25."""

    spec: TextSpec
    query: TextQuery

    columns = ("text_rank",)
    rank = "text_rank"

    def found(self, rows: QuerySet[Any], count: int | None) -> list[Hit]:
        if not self.query.words:
            return []
        texts = vector_ops(connections[rows.db]).texts
        share = 1.0 if count is None else _share(rows)
        ranked = texts.ranked(self.spec, self.query, wanted=count, share=share)
        hits = self._hits(rows, WordRanks(ranked), count)
        if ranked.is_complete or len(hits) == count:
            return hits
        return self._hits(rows, WordRanks(texts.ranked(self.spec, self.query)), count)

    def _hits(self, rows: QuerySet[Any], ranks: WordRanks, count: int | None) -> list[Hit]:
        joined = rows.order_by()
        query: Any = joined.query
        KeyTable.join(query, WORDS, ranks)
        query.add_annotation(Column(WORDS, "strict"), STRICT, select=False)
        query.add_annotation(Column(WORDS, "score"), SCORE)
        ordered = joined.order_by(f"-{STRICT}", f"-{SCORE}", "pk").values_list("pk", SCORE)
        return _distinct(Hit(key, score) for key, score in ordered[:count])

    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if not self.query.words:
            return rows.none()
        any_word = Clause(tuple(_term(word) for word in self.query.words))
        return rows.filter(Q(Fulfils(rows.model, self.spec, [any_word])))


def _distinct(hits: Iterable[Hit]) -> list[Hit]:
    """Each row at its first place: joins of conditions may give it several times."""
    found: dict[Any, Hit] = {}
    for hit in hits:
        found.setdefault(hit.key, hit)
    return list(found.values())


def _term(word: str) -> Term:
    return Term((word,))


def _share(rows: QuerySet[Any]) -> float:
    """About what part of its table a queryset has."""
    query = rows.query
    if not query.where.children and len(query.alias_map) <= 1:
        return 1.0
    ops = vector_ops(connections[rows.db])
    whole = ops.table_rows(rows.model)
    return min(1.0, ops.compared_rows(query) / whole) if whole else 1.0
