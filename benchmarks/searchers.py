"""Other vector stores that hold the corpus and answer questions, each in a process of its own."""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import tempfile
from typing import Any

import numpy as np

from benchmarks.bench import Bench
from benchmarks.data import NEIGHBOURS
from benchmarks.peer_searches import VECTORS
from benchmarks.peer_stores import KEY, STORES
from benchmarks.peers import command
from benchmarks.questions import Question
from benchmarks.search_way import SearchWay
from hybrid_store.vectors import FloatArray

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


class Searcher:
    """One store. Loading takes minutes, so it lives until this process ends."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.name = name
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:
            keys = np.arange(1, bench.rows + 1)
            columns: dict[str, Any] = {
                _named(name): column for name, column in bench.corpus.columns.items()
            }
            np.savez(file, **{VECTORS: bench.corpus.vectors, KEY: keys, **columns})
            file.flush()
            started = command(bench, "benchmarks.peer_searches", name, file.name)
            self.process: subprocess.Popen[str] = subprocess.Popen(**started, stdin=subprocess.PIPE)
            atexit.register(self.close)
            self._read()

    def close(self) -> None:
        self.process.communicate()

    def ask(self, vector: FloatArray, question: Question) -> dict[str, Any]:
        """The keys found, and the seconds it took."""
        condition = question.condition
        if condition is not None:
            condition = condition._replace(column=_named(condition.column))
        asked = {"vector": vector.tolist(), "count": NEIGHBOURS, "condition": condition}
        assert self.process.stdin
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process of {self.name} has ended; it said why on stderr.")
        answer: dict[str, Any] = json.loads(line)
        return answer


class SearcherWay(SearchWay):
    """A way that takes as long as the other process says."""

    def __init__(self, label: str, question: Question, searcher: Searcher) -> None:
        super().__init__(label, question, self._asked)
        self.searcher = searcher

    def _asked(self, vector: FloatArray) -> list[int]:
        answer = self.searcher.ask(vector, self.question)
        self.last = float(answer["seconds"])
        found: list[int] = answer["keys"]
        return found

    def took(self, result: list[int], seconds: float) -> float:
        return self.last


def searcher_ways(bench: Bench, question: Question) -> list[SearchWay]:
    """One for each store."""
    return [SearcherWay(LABELS[name], question, it) for name, it in _searchers(bench).items()]


@functools.cache
def _searchers(bench: Bench) -> dict[str, Searcher]:
    return {name: Searcher(bench, name) for name in STORES}
