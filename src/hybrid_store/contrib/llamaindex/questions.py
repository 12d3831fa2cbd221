"""Queries of LlamaIndex become questions to a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from hybrid_store.contrib.llamaindex.filters import translated
from hybrid_store.contrib.retrieval.collection import Question
from hybrid_store.exceptions import SearchError

__all__ = ["question_of"]

DEFAULT_ALPHA, DEFAULT_MMR_THRESHOLD = 0.5, 0.5


@dataclass(frozen=True)
class Mode:
    """What a query in a mode is answered by."""

    vector: bool = False
    text: bool = False
    diverse: bool = False
    reranked: bool = False


MODES = {
    VectorStoreQueryMode.DEFAULT: Mode(vector=True),
    VectorStoreQueryMode.SPARSE: Mode(text=True),
    VectorStoreQueryMode.TEXT_SEARCH: Mode(text=True),
    VectorStoreQueryMode.HYBRID: Mode(vector=True, text=True),
    VectorStoreQueryMode.SEMANTIC_HYBRID: Mode(vector=True, text=True, reranked=True),
    VectorStoreQueryMode.MMR: Mode(vector=True, diverse=True),
}


def question_of(
    query: VectorStoreQuery,
    mmr_threshold: float | None,
    mmr_prefetch_k: int | None,
    reranker: Any = None,
) -> Question:
    """Raises `SearchError` for modes that there are not, and for what a mode needs and has not."""
    mode = _mode(query)
    if mode.reranked and reranker is None:
        raise SearchError(
            f"The mode {query.mode.value!r} orders what is found by a reranker: make the store "
            "with reranker=, or ask in the mode 'hybrid'."
        )
    for is_needed, name in ((mode.vector, "query_embedding"), (mode.text, "query_str")):
        if is_needed and getattr(query, name) is None:
            raise SearchError(f"A query in the mode {query.mode.value!r} needs its {name}.")
    share = _first(query.mmr_threshold, mmr_threshold, DEFAULT_MMR_THRESHOLD)
    return Question(
        _count(query, mode),
        vector=query.query_embedding if mode.vector else None,
        text=query.query_str if mode.text else None,
        filter=translated(query.filters),
        alpha=_first(query.alpha, DEFAULT_ALPHA),
        lambda_=share if mode.diverse else 1.0,
        choice=_choice(mmr_prefetch_k if mode.diverse else query.sparse_top_k, query),
        reranker=reranker if mode.reranked else None,
    )


def _count(query: VectorStoreQuery, mode: Mode) -> int:
    named = query.hybrid_top_k if mode.vector and mode.text else None
    if mode.text and not mode.vector:
        named = query.sparse_top_k
    count: int = _first(named, query.similarity_top_k)
    return count


def _choice(named: int | None, query: VectorStoreQuery) -> int | None:
    return None if named is None else max(named, query.similarity_top_k, 1)


def _mode(query: VectorStoreQuery) -> Mode:
    if query.mode not in MODES:
        known = ", ".join(mode.value for mode in MODES)
        raise SearchError(
            f"A DjangoVectorStore has no mode {getattr(query.mode, 'value', query.mode)!r}; "
            f"use one of: {known}."
        )
    return MODES[query.mode]


def _first(*values: Any) -> Any:
    """That is given."""
    return next(value for value in values if value is not None)
