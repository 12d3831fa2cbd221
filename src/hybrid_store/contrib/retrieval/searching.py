"""Searches for documents: by a vector, by words, or by both."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast

from django.db.models import QuerySet

from hybrid_store.contrib.retrieval.filters import Filter
from hybrid_store.contrib.retrieval.layout import Layout, Record
from hybrid_store.exceptions import SearchError
from hybrid_store.models import diversify, nearest, rerank, search
from hybrid_store.models.functions import METRICS
from hybrid_store.models.fused.ranking import CANDIDATES
from hybrid_store.models.repeated import RepeatedSearch
from hybrid_store.models.targets import resolve

__all__ = ["Hit", "Question", "Searching"]

# Names that no model has.
SCORE, DISTANCE, VECTOR_RANK, TEXT_RANK = (
    f"_hybrid_store_document_{name}" for name in ("score", "distance", "vector_rank", "text_rank")
)
# How many of the best rows unlike ones are chosen from, for every one wanted, and at least.
CHOICE, LEAST_CHOICE = 4, 20


@dataclass(frozen=True)
class Question:
    """What is searched for: a vector, the words of a text, or both, whichever is given.

    `vector` may also be a text, which the embedding's own embedder embeds when rows are fetched.
    `alpha` is the share of the vector, from 0 to 1. With `lambda_` below 1 rows are chosen that are
    unlike each other, from `choice` of the best ones; by both a vector and words, so many of the
    best by either are fused. A `reranker`, as for `rerank`, compares the best ones with the text.
    """

    count: int
    vector: Any = None
    text: str | None = None
    filter: Filter | None = None
    alpha: float = 0.5
    lambda_: float = 1.0
    choice: int | None = None
    reranker: Any = None

    @property
    def words(self) -> str:
        return (self.text or "").strip()

    @property
    def is_repeatable(self) -> bool:
        """Does the statement that answers it depend on the vector and the count alone?"""
        is_ranked_by_vector = self.lambda_ == 1 and not (self.words or self.reranker)
        return is_ranked_by_vector and self.vector is not None and self.filter is None


@dataclass(frozen=True)
class Hit:
    """A document that was found with its score, of which the greater is the better: by a vector
    the similarity, by words BM25, by both that of the fusion; with a reranker what that gives."""

    record: Record
    score: float


Found: TypeAlias = tuple[Iterable[Mapping[str, Any]], Callable[[Any], float]]
"""Rows as dictionaries, and the score that belongs to what they have as `SCORE`."""
# Statements that are kept.
MOST_KEPT = 32


@dataclass(frozen=True)
class Searching:
    """Searches of one collection; statements that are asked for again are kept."""

    layout: Layout
    kept: dict[Hashable, RepeatedSearch] = field(default_factory=dict, compare=False)

    def hits(self, rows: QuerySet[Any], question: Question, with_embeddings: bool) -> list[Hit]:
        """The best of `rows`: those of the collection for which the filter holds."""
        names = self.layout.read(with_embedding=with_embeddings)
        search = self._nearest if question.is_repeatable else self._best
        found, score_of = search(rows, question, names)
        return [Hit(self.layout.record(row), score_of(row[SCORE])) for row in found]

    def _best(self, rows: QuerySet[Any], question: Question, names: Sequence[str]) -> Found:
        found, score_of = self._ranked(rows, question)
        if question.lambda_ != 1:
            choice = question.choice or max(CHOICE * question.count, LEAST_CHOICE)
            vector = self.layout.vector.name
            found = diversify(found, lambda_=question.lambda_, candidates=choice, field=vector)
        if question.reranker is not None:
            found = rerank(found, question.reranker, text=self.layout.text)
        return found[: question.count].values(*names, SCORE), score_of

    def _nearest(self, rows: QuerySet[Any], question: Question, names: Sequence[str]) -> Found:
        """As `_best`, by a statement that is kept, if there is one that finds them."""
        target = resolve(self.layout.vector, question.vector)
        key = (rows.db, question.count, *names)
        kept = self.kept.get(key)
        known = None if kept is None else kept.rows(target)
        if kept is not None and known is not None:
            return known, self._similarity(kept.search.metric)
        self.kept.pop(key, None)
        found, score_of = self._best(rows, replace(question, vector=target), names)
        fetched = [*found]
        repeated = RepeatedSearch.of(cast("Any", found))
        if repeated is not None and len(self.kept) < MOST_KEPT:
            self.kept[key] = repeated
        return fetched, score_of

    def _ranked(
        self, rows: QuerySet[Any], question: Question
    ) -> tuple[QuerySet[Any], Callable[[Any], float]]:
        """The best first, and the score that belongs to what they have as `SCORE`."""
        vector, text = question.vector, question.words
        if vector is None and not text:
            raise SearchError("There is nothing to search for: give a vector, a text, or both.")
        name = self.layout.vector.name if vector is not None else None
        if not text:
            # A database would compute the distance once more for the similarity.
            found = nearest(rows, vector, field=name, similarity_as=None, distance_as=SCORE)
            return found, self._similarity(cast("Any", found.query).search.metric)
        found = search(
            rows,
            question.text or "",
            mode="text" if vector is None else "hybrid",
            near=vector,
            field=name,
            alpha=question.alpha,
            candidates=question.choice or CANDIDATES,
            score_as=SCORE,
            distance_as=DISTANCE,
            vector_rank_as=VECTOR_RANK,
            text_rank_as=TEXT_RANK,
        )
        return found, float

    def _similarity(self, metric: str) -> Callable[[Any], float]:
        return partial(METRICS[metric].similarity, dimensions=self.layout.vector.dimensions)
