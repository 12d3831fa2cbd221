"""What LangChain's searches ask for, and what their scores mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hybrid_store.contrib.langchain.filters import filter_of
from hybrid_store.contrib.retrieval.collection import Question
from hybrid_store.exceptions import SearchError
from hybrid_store.ranking.fusion import RRF_K
from hybrid_store.ranking.shares import checked_share

__all__ = ["Mode", "mode_of", "question"]


@dataclass(frozen=True)
class Mode:
    """Which ranking is asked for; how relevant, from 0 to 1, a score is in it."""

    by_vector: bool
    by_words: bool
    relevance: Callable[[float], float]


def _clamped(score: float) -> float:
    return min(max(score, 0.0), 1.0)


MODES: Mapping[str, Mode] = {
    "vector": Mode(True, False, _clamped),
    # BM25 is above 0, without a limit.
    "text": Mode(False, True, lambda score: score / (1 + score)),
    # What is first by vector and by words has 2 / (k + 1).
    "hybrid": Mode(True, True, lambda score: _clamped(score * (RRF_K + 1) / 2)),
}


def mode_of(name: str) -> Mode:
    """Raises `SearchError` for one that is not known."""
    if name not in MODES:
        known = ", ".join(map(repr, MODES))
        raise SearchError(f"There is no mode {name!r:.60}, use one of {known}.")
    return MODES[name]


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
