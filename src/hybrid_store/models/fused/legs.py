"""The legs of a search: each ranks rows in a way of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import F, Q, QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import BaseTextOperations, TextSpec
from hybrid_store.models.fused.tables import Column, Hit, KeyTable, WordRanks, key_names
from hybrid_store.models.late import LateValue
from hybrid_store.models.ranked_search import nearest, tuned
from hybrid_store.models.search_query import SearchQuery
from hybrid_store.models.targets import QueryVector
from hybrid_store.models.tuning import Tuning
from hybrid_store.models.word_conditions import Fulfils
from hybrid_store.texts.query import Clause, Term, TextQuery

__all__ = ["CARRIED", "Leg", "TextLeg", "VectorLeg", "distinct"]

DISTANCE = "_hybrid_store_distance"
SIMILARITY = "_hybrid_store_similarity"
STRICT = "_hybrid_store_strict"
SCORE = "_hybrid_store_score"
WORDS = "hybrid_store_words"
CARRIED = "carried"
"""Among the values of a hit: what `Leg.found` was to carry."""


class Leg(ABC):
    """One ranking of the rows of a queryset."""

    # What of its hits' values is shown.
    columns: ClassVar[Sequence[str]]
    # The column that tells the place of a row in this leg, from 1.
    rank: ClassVar[str]
    # Does `sql` say the same?
    is_statement: ClassVar[bool] = True

    @abstractmethod
    def found(
        self,
        rows: QuerySet[Any],
        count: int | None,
        carry: str | None = None,
        enough: float = 1.0,
    ) -> list[Hit]:
        """The best of `rows`, so many or all, each once; `rank` is left to the caller.

        Hits `carry` the value of that column, if one is named, as `CARRIED`. There may be fewer,
        but at least that share which is `enough`, where the rest would be dear.
        """

    def sql(self, rows: QuerySet[Any], count: int | None) -> tuple[str, Sequence[Any]]:
        """The same as a SELECT of the primary key (`key0` and so on), `value`, which is the score,
        `rank`, and the other columns."""
        raise NotImplementedError

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
    tuning: Tuning | None = None

    columns = ("vector_rank", "distance")
    rank = "vector_rank"

    def found(
        self,
        rows: QuerySet[Any],
        count: int | None,
        carry: str | None = None,
        enough: float = 1.0,
    ) -> list[Hit]:
        ranked = self._ranked(rows).values_list("pk", DISTANCE, SIMILARITY, *_named(carry))[:count]
        cast(SearchQuery, ranked.query).enough = enough
        return distinct(
            Hit(key, similarity, {"distance": distance, **_carried(rest)})
            for key, distance, similarity, *rest in ranked
        )

    def similarities(self, rows: QuerySet[Any], keys: Sequence[Any]) -> Iterable[tuple[Any, float]]:
        """Key and similarity of each of `rows` with such a key, at whatever distance."""
        near = replace(self, max_distance=None)._ranked(rows.filter(pk__in=keys))
        return near.values_list("pk", SIMILARITY)

    def sql(self, rows: QuerySet[Any], count: int | None) -> tuple[str, Sequence[Any]]:
        columns = {"value": F(SIMILARITY), "distance": F(DISTANCE)}
        found = _with_keys(self._ranked(rows)[:count], columns)
        return _ranked_sql(found, "distance", ["MAX(value) AS value", "MIN(distance) AS distance"])

    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return self._ranked(rows)

    def _ranked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        ranked = nearest(
            rows,
            self.near,
            field=self.field,
            metric=self.metric,
            max_distance=self.max_distance,
            distance_as=DISTANCE,
            similarity_as=SIMILARITY,
        )
        return ranked if self.tuning is None else tuned(ranked, **asdict(self.tuning))

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

    def found(
        self,
        rows: QuerySet[Any],
        count: int | None,
        carry: str | None = None,
        enough: float = 1.0,
    ) -> list[Hit]:
        if not self.query.words:
            return []
        texts = vector_ops(connections[rows.db]).texts
        try:
            ranked = texts.ranked(self.spec, self.query, **_best(rows, count, enough, texts))
        except EmptyResultSet:
            return []
        hits = self._hits(rows, WordRanks(ranked), count, carry)
        if ranked.is_complete or len(hits) >= enough * (count or 0):
            return hits
        return self._hits(rows, WordRanks(texts.ranked(self.spec, self.query)), count, carry)

    def _hits(
        self, rows: QuerySet[Any], ranks: WordRanks, count: int | None, carry: str | None
    ) -> list[Hit]:
        ordered = self._ranked(rows, ranks).values_list("pk", SCORE, *_named(carry))
        return distinct(Hit(key, score, _carried(rest)) for key, score, *rest in ordered[:count])

    def _ranked(self, rows: QuerySet[Any], ranks: WordRanks) -> QuerySet[Any]:
        joined = rows.order_by()
        query: Any = joined.query
        KeyTable.join(query, WORDS, ranks)
        query.add_annotation(Column(WORDS, "strict"), STRICT, select=False)
        query.add_annotation(Column(WORDS, "score"), SCORE)
        return joined.order_by(f"-{STRICT}", f"-{SCORE}", "pk")

    def sql(self, rows: QuerySet[Any], count: int | None) -> tuple[str, Sequence[Any]]:
        if not self.query.words:
            raise EmptyResultSet
        texts = vector_ops(connections[rows.db]).texts
        ranks = WordRanks(texts.ranked(self.spec, self.query))
        columns = {"value": F(SCORE), "strict": F(STRICT)}
        found = _with_keys(self._ranked(rows, ranks)[:count], columns)
        return _ranked_sql(
            found, "strict DESC, value DESC", ["MAX(value) AS value", "MAX(strict) AS strict"]
        )

    def eligible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if not self.query.words:
            return rows.none()
        any_word = Clause(tuple(_term(word) for word in self.query.words))
        return rows.filter(Q(Fulfils(rows.model, self.spec, [any_word])))


def _named(carry: str | None) -> list[str]:
    return [] if carry is None else [carry]


def _carried(rest: Sequence[Any]) -> dict[str, Any]:
    return {CARRIED: rest[0]} if rest else {}


def distinct(hits: Iterable[Hit]) -> list[Hit]:
    """Each row at its first place: joins of conditions may give it several times."""
    found: dict[Any, Hit] = {}
    for hit in hits:
        found.setdefault(hit.key, hit)
    return list(found.values())


def _with_keys(rows: QuerySet[Any], columns: dict[str, Any]) -> QuerySet[Any]:
    """The keys of rows, by the names that a `KeyTable` has for them, and these columns."""
    fields = rows.model._meta.pk_fields
    keys = {name: F(field.name) for name, field in zip(key_names(rows.model), fields, strict=True)}
    found: QuerySet[Any] = rows.annotate(**keys, **columns).values_list(*keys, *columns)
    return found


def _ranked_sql(
    rows: QuerySet[Any], order: str, columns: Sequence[str]
) -> tuple[str, Sequence[Any]]:
    """SELECT of `rows`, each once, with its rank in that order."""
    keys = ", ".join(key_names(rows.model))
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    once = f"SELECT {keys}, {', '.join(columns)} FROM ({sql}) found GROUP BY {keys}"  # noqa: S608
    rank = f"ROW_NUMBER() OVER (ORDER BY {order}, {keys})"
    return f"SELECT once.*, {rank} AS rank FROM ({once}) once", params  # noqa: S608


def _term(word: str) -> Term:
    return Term((word,))


def _best(
    rows: QuerySet[Any], count: int | None, enough: float, texts: BaseTextOperations
) -> dict[str, Any]:
    """What a database is told of the best documents that are wanted."""
    if count is None:
        return {}
    query = rows.query
    if not query.where.children and len(query.alias_map) <= 1:
        return {"wanted": count}
    if texts.ranks_among:
        keys = _with_keys(rows.order_by(), {})
        return {"wanted": count, "among": keys.query.get_compiler(rows.db).as_sql()}
    ops = vector_ops(connections[rows.db])
    whole = ops.table_rows(rows.model)
    share = ops.compared_rows(query) / whole if whole else 1.0
    return {"wanted": count, "share": min(1.0, share / enough)}
