"""BM25 of a document, by the impacts that its words have in it.

The impact of a word is tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average)); the score is the
sum of the impacts of the query's words, each times its IDF. Sources: Robertson and Zaragoza, The
Probabilistic Relevance Framework; SQLite, fts5Bm25Function in ext/fts5/fts5_aux.c.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from hybrid_store.backends.postgresql.text.conditions import Condition
from hybrid_store.backends.postgresql.text.functions import LENGTH_SHARE, SATURATION
from hybrid_store.backends.postgresql.text.lexemes import NUMBERS
from hybrid_store.backends.postgresql.text.statistics import Statistics

__all__ = ["MOST_DRIFT", "idf", "score"]

# Of a word that most documents have.
LEAST_IDF = 1e-6
# By how much the average length may be another than impacts were made with.
MOST_DRIFT = 0.02

# Of one word, with the impact of the average of today. With i = t (k1 + 1) / (t + n) for the
# occurrences t and the old n = k1 (1 - b + b length / average), it is (k1 + 1) / (1 + n' / t),
# where n' / t = ((k1 + 1) / i - 1) n' / n.
GAIN, BASE, SLOPE = (
    f"{number!r}::float8" for number in (SATURATION + 1, 1 - LENGTH_SHARE, LENGTH_SHARE)
)
TODAY = f"""coalesce(%s::float8 * {GAIN} / (1 + ({GAIN} / nullif(0 - {{impact}}, 0) - 1)
    * ({BASE} + {SLOPE} * s.len / %s::float8) / ({BASE} + {SLOPE} * s.len / s.average)), 0)"""


def idf(statistics: Statistics, term: int) -> float:
    """How much a word tells, as FTS5 has it."""
    documents = statistics.documents
    having = min(statistics.frequency(term), documents)
    return max(math.log((documents - having + 0.5) / (having + 0.5)), LEAST_IDF)


def score(statistics: Statistics, weights: Mapping[int, float], schema: str) -> Condition:
    """SQL of the score of a document by words with weights; `schema` is that of pgvector."""
    operator = f"OPERATOR({schema}<#>)" if schema else "<#>"
    impact = f"(s.sv {operator} %s::{schema}sparsevec)"
    if _is_as_made(statistics):
        return Condition(f"(0 - {impact})", (_sparse(weights),))
    sql = " + ".join([TODAY.format(impact=impact)] * len(weights))
    params = (
        value
        for term, weight in weights.items()
        for value in (weight, _sparse({term: 1}), statistics.average)
    )
    return Condition(f"({sql})", tuple(params))


def _is_as_made(statistics: Statistics) -> bool:
    """Are the impacts those of today?"""
    return statistics.drift is not None and abs(statistics.drift - 1) <= MOST_DRIFT


def _sparse(weights: Mapping[int, float]) -> str:
    parts = ",".join(f"{term}:{weight!r}" for term, weight in sorted(weights.items()))
    return f"{{{parts}}}/{NUMBERS}"
