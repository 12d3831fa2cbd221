"""What LangChain's searches ask for."""

from __future__ import annotations

from typing import Any

from hybrid_store.contrib.langchain.filters import filter_of
from hybrid_store.contrib.retrieval.collection import Question
from hybrid_store.contrib.retrieval.modes import mode_of
from hybrid_store.ranking.shares import checked_share

__all__ = ["question"]


def question(
    text: str | None,
    vector: Any,
    k: int,
    *,
    filter: Any = None,  # noqa: A002
    mode: str = "vector",
    alpha: float = 0.5,
    lambda_mult: float = 1.0,
    fetch_k: int | None = None,
) -> Question:
    """The question that `search_kwargs` make; raises subclasses of `SearchError`."""
    chosen = mode_of(mode)
    checked_share(lambda_mult, "lambda_mult", "as different as can be", "as relevant as can be")
    return Question(
        k,
        vector=vector if chosen.by_vector else None,
        text=text if chosen.by_words else None,
        filter=filter_of(filter),
        alpha=alpha,
        lambda_=lambda_mult,
        choice=None if fetch_k is None else max(fetch_k, k),
    )
