"""Other vector stores on PostgreSQL, timed by a process in their own environment.

`python -m benchmarks.peer_stores <store> <file of vectors>` adds the vectors with short texts to a
new table, and prints the seconds and whether they are all there. The server is the one that the
variables of libpq name.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = ["STORES"]

BATCH = 1000
SAMPLE = 5
# Name or address, user and so on are in the environment.
URL = "postgresql+psycopg://"

Batches: TypeAlias = Sequence[Any]
Store: TypeAlias = Callable[[Any], tuple[Batches, Callable[[Any], Any], str, str]]
"""Takes vectors; gives batches made of them, what adds a batch, and a table with its order."""


def llama_index(vectors: Any) -> tuple[Batches, Callable[[Any], Any], str, str]:
    from llama_index.core.schema import TextNode
    from llama_index.vector_stores.postgres import PGVectorStore

    store = PGVectorStore(
        connection_string="postgresql+psycopg2://",
        async_connection_string="postgresql+asyncpg://",
        table_name="peers",
        embed_dim=vectors.shape[1],
    )
    nodes = [
        TextNode(text=f"Document {row}", metadata={"group": row}, embedding=vector.tolist())
        for row, vector in enumerate(vectors)
    ]
    return _batches(nodes), store.add, "data_peers", "(metadata_->>'group')::int"


def langchain(vectors: Any) -> tuple[Batches, Callable[[Any], Any], str, str]:
    from langchain_core.embeddings import FakeEmbeddings
    from langchain_postgres import PGVector

    size = vectors.shape[1]
    store = PGVector(FakeEmbeddings(size=size), connection=URL, embedding_length=size)
    rows = [(f"Document {n}", v.tolist(), {"group": n}) for n, v in enumerate(vectors)]
    batches = [tuple(map(list, zip(*part, strict=True))) for part in _batches(rows)]
    table = "langchain_pg_embedding"
    return batches, lambda batch: store.add_embeddings(*batch), table, "(cmetadata->>'group')::int"


STORES: dict[str, tuple[str, Store]] = {
    "llama_index": ("LlamaIndex `PGVectorStore.add`", llama_index),
    "langchain": ("LangChain `PGVector.add_embeddings`", langchain),
}


def _batches(rows: Sequence[Any]) -> list[Any]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def _run(name: str, path: str) -> None:
    import psycopg

    vectors = np.load(path)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS data_peers, langchain_pg_embedding CASCADE")
        batches, add, table, order = STORES[name][1](vectors)
        started = time.perf_counter()
        for batch in batches:
            add(batch)
        seconds = time.perf_counter() - started
        sql = f"SELECT embedding::text FROM {table} ORDER BY {order}"
        stored = [json.loads(text) for (text,) in connection.execute(sql).fetchall()]
        connection.execute("DROP TABLE IF EXISTS data_peers, langchain_pg_embedding CASCADE")
    found = np.array(stored, dtype=np.float32)
    print(json.dumps({"seconds": seconds, "right": bool(np.array_equal(found, vectors))}))


if __name__ == "__main__":
    _run(*sys.argv[1:])
