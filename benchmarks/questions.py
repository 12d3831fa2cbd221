"""Questions: vectors whose nearest documents are wanted, of those that a filter keeps."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Model, QuerySet

from benchmarks.data import GROUPS, NEIGHBOURS, QUERIES, Corpus, Mask
from hybrid_store.vectors import FloatArray

__all__ = ["Condition", "Question", "everything", "one_group"]

GROUP = 3
# Rows as near as this to the last neighbour are as good as it.
TIE = 1e-6
OPERATORS = {"exact": operator.eq, "lte": operator.le, "gte": operator.ge}


class Condition(NamedTuple):
    """What a filter asks of a column of the corpus, in the words of Django's lookups."""

    column: str
    lookup: str
    value: float


@dataclass(frozen=True)
class Question:
    """The nearest to each of `vectors`, shape (QUERIES, dimensions), under one condition or none.

    `label` says of what, as in "the 10 nearest ...".
    """

    corpus: Corpus
    label: str
    vectors: FloatArray
    condition: Condition | None = None

    @cached_property
    def eligible(self) -> Mask | None:
        if self.condition is None:
            return None
        column, lookup, value = self.condition
        mask: Mask = OPERATORS[lookup](self.corpus.columns[column], value)
        return mask

    @cached_property
    def wanted(self) -> int:
        """How many rows a right answer has."""
        kept = self.corpus.rows if self.eligible is None else int(self.eligible.sum())
        return min(NEIGHBOURS, kept)

    def vector(self, number: int) -> FloatArray:
        vector: FloatArray = self.vectors[number % QUERIES]
        return vector

    def chosen(self, model: type[Model], alias: str) -> QuerySet[Any]:
        documents = model._default_manager.using(alias)
        if self.condition is None:
            return documents.all()
        column, lookup, value = self.condition
        return documents.filter(**{f"{column}__{lookup}": value})

    def recall(self, number: int, found: list[int]) -> float:
        """The share of the true nearest neighbours of a vector that is among the keys `found`."""
        places = np.array(sorted(set(found)), dtype=np.int64) - 1
        scores = self.corpus.vectors[places] @ self.vector(number)
        good = scores >= self._least_scores[number % QUERIES] - TIE
        if self.eligible is not None:
            good &= self.eligible[places]
        return float(good.sum()) / self.wanted

    @cached_property
    def _least_scores(self) -> FloatArray:
        """Those of the last true neighbours."""
        kept = self.corpus.vectors if self.eligible is None else self.corpus.vectors[self.eligible]
        scores: FloatArray = np.partition(self.vectors @ kept.T, -self.wanted)[:, -self.wanted]
        return scores


def everything(corpus: Corpus) -> Question:
    return Question(corpus, f"of {corpus.rows:,} rows", corpus.queries)


def one_group(corpus: Corpus) -> Question:
    label = f"under a filter that keeps {1 / GROUPS:.0%} of {corpus.rows:,} rows"
    return Question(corpus, label, corpus.queries, Condition("group", "exact", GROUP))
