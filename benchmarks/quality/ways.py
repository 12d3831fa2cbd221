"""The ways to search that are compared, and the figures of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from django.db.models import QuerySet

from benchmarks.quality.collection import COLUMN
from benchmarks.quality.models import Abstract
from benchmarks.report import Table
from hybrid_store.management.evaluation import Evaluation, JudgedQuery, Search
from hybrid_store.models import diversify, search
from hybrid_store.ranking import Estimate, difference, mean

__all__ = ["figures"]

LIMIT = 10
NDCG, RECALL = f"nDCG@{LIMIT}", f"recall@{LIMIT}"
VECTORS = "vectors"
ALPHAS = [tenths / 10 for tenths in range(11)]
LAMBDA = 0.7


def figures(alias: str, title: str, queries: Sequence[JudgedQuery]) -> Table:
    """Every way to search, judged by all queries, and by every second one.

    What has a parameter is tuned on the first, third and so on: the others have not seen it.
    """
    odd, even = queries[0::2], queries[1::2]
    alpha = _best_alpha(alias, odd)
    ways = _ways(alias, alpha)
    found = Evaluation.of(ways, queries, COLUMN, LIMIT).figures
    unseen = Evaluation.of(ways, even, COLUMN, LIMIT).means
    alike = _Likeness(alias)
    rows = []
    for label, values in found.items():
        against = difference(values[NDCG], found[VECTORS][NDCG])
        cells = [
            *(_shown(mean(values[name])) for name in (NDCG, RECALL)),
            *(f"{unseen[label][name].mean:.3f}" for name in (NDCG, RECALL)),
            "" if label == VECTORS else _shown(against, "+"),
            f"{alike.of(ways[label], queries):.2f}",
        ]
        rows.append([label, *cells])
    columns = ["", NDCG, RECALL, f"{NDCG}, even", f"{RECALL}, even", f"{NDCG} - vectors", "alike"]
    return Table(title, columns, rows)


def _ways(alias: str, alpha: float) -> Mapping[str, Search]:
    documents = Abstract.objects.using(alias).all()

    def found(text: str, **options: Any) -> QuerySet[Any]:
        return search(documents, text, **options)

    def diverse(text: str, **options: Any) -> QuerySet[Any]:
        return diversify(found(text, **options), lambda_=LAMBDA)

    return {
        "words": lambda text: found(text, mode="text"),
        VECTORS: lambda text: found(text, mode="vector"),
        "both, RRF": found,
        "both, weighted, alpha 0.5": lambda text: found(text, fusion="weighted"),
        f"both, weighted, alpha {alpha:g}, tuned": lambda text: found(
            text, fusion="weighted", alpha=alpha
        ),
        f"vectors, MMR, lambda {LAMBDA:g}": lambda text: diverse(text, mode="vector"),
        f"both, RRF, MMR, lambda {LAMBDA:g}": diverse,
    }


def _best_alpha(alias: str, queries: Sequence[JudgedQuery]) -> float:
    """The share of the vectors that is best for these queries; of equals the most even."""
    documents = Abstract.objects.using(alias).all()
    ways: dict[str, Search] = {
        str(alpha): partial(search, documents, fusion="weighted", alpha=alpha) for alpha in ALPHAS
    }
    means = Evaluation.of(ways, queries, COLUMN, LIMIT).means
    return max(ALPHAS, key=lambda alpha: (means[str(alpha)][NDCG].mean, -abs(alpha - 0.5)))


class _Likeness:
    """How much the rows of a result say the same."""

    def __init__(self, alias: str) -> None:
        held = Abstract.objects.using(alias).filter(embedding__isnull=False)
        self.vectors = dict(held.values_list("key", "embedding"))

    def of(self, search: Search, queries: Sequence[JudgedQuery]) -> float:
        """The mean cosine similarity of two rows of a result."""
        return float(np.mean([self._of_one(search(query.text)) for query in queries]))

    def _of_one(self, rows: QuerySet[Any]) -> float:
        keys = rows.values_list("key", flat=True)[:LIMIT]
        matrix = np.array([self.vectors[key] for key in keys if key in self.vectors])
        if len(matrix) < 2:
            return 0.0
        pairs = np.triu_indices(len(matrix), k=1)
        return float((matrix @ matrix.T)[pairs].mean())


def _shown(estimate: Estimate, sign: str = "") -> str:
    return f"{estimate.mean:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"
