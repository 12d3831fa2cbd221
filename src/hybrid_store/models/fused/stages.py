"""What is done with the hits of a search before the rows are shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db.models import QuerySet

from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.fused.tables import Hit
from hybrid_store.models.fused.texts import TextOf, texts_of
from hybrid_store.ranking.fusion import scaled
from hybrid_store.ranking.mmr import mmr
from hybrid_store.rerankers import BaseReranker

__all__ = ["Diversity", "Reranking", "Stage"]


class Stage(ABC):
    """Puts the best hits into another order."""

    @abstractmethod
    def apply(self, hits: list[Hit], rows: QuerySet[Any], needed: int | None) -> list[Hit]:
        """The hits, those asked for first; `rows` are the ones that were searched."""


@dataclass(frozen=True)
class Diversity(Stage):
    """By maximal marginal relevance; rows without a vector are like no others."""

    field: BaseVectorField
    lambda_: float

    def apply(self, hits: list[Hit], rows: QuerySet[Any], needed: int | None) -> list[Hit]:
        if not hits:
            return hits
        keys = [hit.key for hit in hits]
        vectors = rows.order_by().filter(pk__in=keys).values_list("pk", self.field.name)
        stored = {key: vector.to_numpy() for key, vector in vectors if vector is not None}
        empty = np.zeros(self.field.dimensions, dtype=np.float32)
        matrix = np.stack([stored.get(key, empty) for key in keys])
        relevance = np.array(scaled([hit.score for hit in hits]))
        chosen = [int(place) for place in mmr(relevance, matrix, self.lambda_, needed or len(hits))]
        rest = [place for place in range(len(hits)) if place not in {*chosen}]
        return [hits[place] for place in (*chosen, *rest)]


@dataclass(frozen=True)
class Reranking(Stage):
    """By the scores of a reranker, which become those of the rows."""

    reranker: BaseReranker
    query: str
    text: TextOf

    def apply(self, hits: list[Hit], rows: QuerySet[Any], needed: int | None) -> list[Hit]:
        texts = texts_of(self.text, rows, [hit.key for hit in hits])
        there = [hit for hit in hits if hit.key in texts]
        scores = self.reranker.scores(self.query, [texts[hit.key] for hit in there])
        best_first = np.argsort(-scores, kind="stable")
        return [replace(there[place], score=float(scores[place])) for place in best_first]
