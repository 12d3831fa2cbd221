"""`diversify` and `rerank`: another order for what a search has found."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from hybrid_store.exceptions import SearchError
from hybrid_store.models.fields import BaseVectorField, vector_field
from hybrid_store.models.fused.legs import VectorLeg
from hybrid_store.models.fused.likes import BestMatchLeg
from hybrid_store.models.fused.query import HITS, FusedQuery, join_hits
from hybrid_store.models.fused.ranking import CANDIDATES, Ranking
from hybrid_store.models.fused.stages import Diversity, Reranking
from hybrid_store.models.fused.tables import Column
from hybrid_store.models.fused.texts import TextOf
from hybrid_store.models.names import check_names
from hybrid_store.models.search_query import SearchQuery
from hybrid_store.models.targets import TextTarget
from hybrid_store.ranking.shares import checked_share
from hybrid_store.rerankers import as_reranker
from hybrid_store.vectors import SPARSE

__all__ = ["diversify", "rerank"]

ModelT = TypeVar("ModelT", bound=Model)


def diversify(
    queryset: QuerySet[ModelT],
    *,
    lambda_: float = 0.7,
    candidates: int = CANDIDATES,
    field: str | None = None,
) -> QuerySet[ModelT]:
    """A ranked queryset in which rows are unlike those before them, as far as they are relevant.

    By maximal marginal relevance among the `candidates` best rows: `lambda_` is the share of
    relevance, from 0 to 1. Rows are compared by the cosine of the vectors of `field`, which may be
    omitted where the search has one. Raises `SearchError` for querysets that are not ranked.
    """
    ranking = _ranking(queryset, "diversify", candidates)
    chosen = _compared(queryset, field)
    checked_share(lambda_, "lambda_", "as different as can be", "as relevant as can be")
    return _staged(queryset, ranking.then(Diversity(chosen, float(lambda_)), candidates))


def rerank(
    queryset: QuerySet[ModelT],
    reranker: Any,
    *,
    candidates: int = 50,
    text: TextOf = None,
    query: str | None = None,
    score_as: str = "score",
) -> QuerySet[ModelT]:
    """A ranked queryset in the order of a reranker's scores, which its rows then carry.

    `reranker` is a `BaseReranker` or a function of a query and a list of texts; it is called when
    rows are fetched, with the `candidates` best rows, or as many as a slice needs. `text` is what
    it reads of a row: names of columns, or a function of the row; by default what is embedded.
    `query` is what it compares that with, by default the text searched for. Raises `SearchError`
    for querysets that are not ranked and `RerankerError` for what is no reranker.
    """
    ranking = _ranking(queryset, "rerank", candidates)
    asked = query if query is not None else ranking.text
    if asked is None:
        raise SearchError("rerank() needs query=, as the search was not for a text.")
    stage = Reranking(as_reranker(reranker), asked, text)
    has_score = isinstance(queryset.query, FusedQuery)
    if not has_score:
        check_names(queryset, {"score_as": score_as})
    staged = _staged(queryset, ranking.then(stage, candidates))
    if not has_score:
        score: Any = Column(HITS, "score")
        staged.query.add_annotation(score, score_as)
    return staged


def _ranking(queryset: QuerySet[Any], name: str, candidates: Any) -> Ranking:
    """That of a search, or of a ranked queryset as one."""
    if type(candidates) is not int or candidates < 1:
        raise SearchError(f"{name}(): candidates is {candidates!r}: use a whole number from 1.")
    query = queryset.query
    if query.is_sliced:
        raise SearchError(f"{name}() comes before the slice: it chooses the rows in it.")
    if isinstance(query, FusedQuery):
        return query.ranking
    if not isinstance(query, SearchQuery):
        raise SearchError(f"{name}() follows search(), nearest() or recommend().")
    search = query.search
    text = search.near.text if isinstance(search.near, TextTarget) else None
    leg = VectorLeg(search.near, search.field.name, search.metric, None, search.tuning)
    return Ranking((leg,), (1.0,), "rrf", candidates, text)


def _compared(queryset: QuerySet[Any], name: str | None) -> BaseVectorField:
    query = queryset.query
    if name is None and isinstance(query, SearchQuery):
        field = query.search.field
    elif name is None and isinstance(query, FusedQuery):
        legs = [leg for leg in query.ranking.legs if isinstance(leg, VectorLeg | BestMatchLeg)]
        field = vector_field(queryset.model, legs[0].field if legs else None)
    else:
        field = vector_field(queryset.model, name)
    if field.codec is SPARSE:
        raise SearchError(f"{field.label}: sparse vectors are not compared by diversify().")
    return field


def _staged(queryset: QuerySet[ModelT], ranking: Ranking) -> QuerySet[ModelT]:
    staged = queryset.all()
    join_hits(staged.query, ranking)
    return staged
