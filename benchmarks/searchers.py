"""Other vector stores that hold the corpus and answer questions, each in a process of its own."""

from __future__ import annotations

import functools
import tempfile
from functools import partial
from typing import Any

import numpy as np

from benchmarks.answers import AnsweredWay, Answerer
from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.peer_searches import VECTORS
from benchmarks.peer_stores import KEY, STORES
from benchmarks.questions import Question
from benchmarks.search_way import SearchWay

__all__ = ["searcher_ways"]

# With what hnsw.ef_search they search: one has no setting for it, which leaves pgvector's default.
LABELS = {
    "llama_index": "LlamaIndex `PGVectorStore.query`, 100",
    "langchain": "LangChain `PGVector.similarity_search_by_vector`, 40",
    "new_langchain": "LangChain `PGVectorStore.similarity_search_by_vector`, 100",
}


def _named(column: str) -> str:
    """What the stores call a column: not a word of SQL, as one of them does not quote it."""
    return f"{column}_"


def searcher_ways(bench: Bench, question: Question) -> list[SearchWay]:
    """One for each store; none if peers are not wanted."""
    if not bench.peers:
        return []
    condition = question.condition
    if condition is not None:
        condition = condition._replace(column=_named(condition.column))
    asked: dict[str, Any] = {"count": NEIGHBOURS, "condition": condition}
    return [
        AnsweredWay(LABELS[name], question, partial(searcher.ask, **asked))
        for name, searcher in _searchers(bench).items()
    ]


@functools.cache
def _searchers(bench: Bench) -> dict[str, Answerer]:
    """Loading takes minutes, so they live until this process ends."""
    return {name: _searcher(bench, name) for name in STORES}


def _searcher(bench: Bench, name: str) -> Answerer:
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        keys = np.arange(1, bench.rows + 1)
        columns: dict[str, Any] = {
            _named(name): column for name, column in bench.corpus.columns.items()
        }
        np.savez(file, **{VECTORS: bench.corpus.vectors, KEY: keys, **columns})
        file.flush()
        return Answerer(bench, "benchmarks.peer_searches", name, file.name)
