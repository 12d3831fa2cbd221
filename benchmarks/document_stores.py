"""Documents that the stores of frameworks are given and asked for, by the frameworks' own calls."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from benchmarks.peer_stores import (
    Condition,
    LangChain,
    LlamaIndex,
    NewLangChain,
    Store,
)

__all__ = ["PEERS", "Documents", "Keeper", "LangChainDocuments", "Peer", "kinds"]

TEXTS, VECTORS = "texts", "vectors"


@dataclass(frozen=True)
class Documents:
    """Texts, vectors of shape (rows, dimensions), and columns of metadata, `KEY` among them."""

    texts: Sequence[str]
    vectors: Any
    columns: Mapping[str, Any]

    def part(self, part: slice) -> tuple[Sequence[str], Any, list[dict[str, Any]]]:
        """Texts, vectors and metadata of some of them."""
        values = zip(*(column[part].tolist() for column in self.columns.values()), strict=True)
        metadata = [dict(zip(self.columns, row, strict=True)) for row in values]
        return self.texts[part], self.vectors[part], metadata

    def save(self, path: Path) -> None:
        texts = np.frombuffer(json.dumps([*self.texts]).encode(), dtype=np.uint8)
        np.savez(path, **{TEXTS: texts, VECTORS: self.vectors, **self.columns})

    @classmethod
    def load(cls, path: str) -> Documents:
        found = dict(np.load(path))
        texts = json.loads(found.pop(TEXTS).tobytes())
        return cls(texts, found.pop(VECTORS), found)


def kinds(documents: Documents) -> dict[str, type]:
    """The types of metadata."""
    return {name: type(column[0].item()) for name, column in documents.columns.items()}


class KnownEmbeddings(Embeddings):
    """A model that takes no time: it answers from a table of texts and vectors."""

    def __init__(self) -> None:
        self.known: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.known[text]


class LangChainDocuments(LangChain):
    """Adds documents, which the store has embedded."""

    def embeddings(self, dimensions: int) -> Any:
        self.model = KnownEmbeddings()
        return self.model

    def batch(self, texts: Sequence[str], vectors: Any, metadata: Sequence[dict[str, Any]]) -> Any:
        self.model.known = dict(zip(texts, vectors.tolist(), strict=True))
        return [
            Document(page_content=text, metadata=values)
            for text, values in zip(texts, metadata, strict=True)
        ]

    def add(self, batch: Any) -> object:
        return self.store.add_documents(batch)


class NewLangChainDocuments(LangChainDocuments, NewLangChain):
    pass


@dataclass(frozen=True)
class Peer:
    """A store of others: what is timed, the effort of its searches, the column of its texts."""

    kind: type[Store]
    add: str
    search: str
    text: str


PEERS = {
    "langchain": Peer(
        LangChainDocuments,
        "LangChain `PGVector.add_documents`",
        "LangChain `PGVector.similarity_search_by_vector`, 40",
        "document",
    ),
    "new_langchain": Peer(
        NewLangChainDocuments,
        "LangChain `PGVectorStore.add_documents`",
        "LangChain `PGVectorStore.similarity_search_by_vector`, 100",
        "content",
    ),
    "llama_index": Peer(
        LlamaIndex,
        "LlamaIndex `PGVectorStore.add`",
        "LlamaIndex `PGVectorStore.query`, 100",
        "text",
    ),
}


@dataclass
class Keeper:
    """Has a store keep documents, in a new table each time.

    `connection` is one of psycopg to the same database; `text` the column of the texts.
    """

    make: Callable[[], Store]
    documents: Documents
    connection: Any
    text: str
    store: Any = field(init=False, default=None)

    def fill(self, rows: int, size: int, indexed: bool) -> float:
        """Add the first rows in parts of a size, and give the seconds the store took; into an index
        that is there, or into none."""
        self.store = self.make()
        if indexed:
            self.store.build_index(self.connection)
        seconds = 0.0
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            batch = self.store.batch(*self.documents.part(part))
            started = time.perf_counter()
            self.store.add(batch)
            seconds += time.perf_counter() - started
        return seconds

    def index(self) -> float:
        """Build the index over what is there; the seconds it took."""
        started = time.perf_counter()
        self.store.build_index(self.connection)
        return time.perf_counter() - started

    def is_right(self, rows: int) -> bool:
        """Are the first rows stored as they were given, and no others?"""
        sql = f"SELECT {self.text}, embedding::text FROM {self.store.table}"
        found = self.connection.execute(f"{sql} ORDER BY {self.store.order}").fetchall()
        if [text for text, _ in found] != self.documents.texts[:rows]:
            return False
        vectors = np.array([json.loads(vector) for _, vector in found], dtype=np.float32)
        return bool(np.array_equal(vectors, self.documents.vectors[:rows]))

    def search(self, vector: list[float], count: int, condition: Condition) -> list[int]:
        """The keys of the nearest documents."""
        found: list[int] = self.store.search(vector, count, condition)
        return found
