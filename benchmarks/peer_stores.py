"""Other vector stores on PostgreSQL, in a process of their own environment.

`python -m benchmarks.peer_stores <store> <file of vectors>` adds the vectors with short texts to a
new table, and prints the seconds and whether they are all there. The server is the one that the
variables of libpq name.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

__all__ = [
    "BATCH",
    "KEY",
    "STORES",
    "Condition",
    "LangChain",
    "LlamaIndex",
    "NewLangChain",
    "Store",
    "drop_tables",
    "short_text",
]

BATCH = 1000
KEY = "key"
# The same as pgvector's defaults, which ours has.
M, EF_CONSTRUCTION = 16, 64
# What `nearest` looks at, for those that let one say it.
EF_SEARCH = 100
# Name or address, user and so on are in the environment.
URL = "postgresql+psycopg://"

TYPES = {int: "INTEGER", float: "FLOAT"}

Columns: TypeAlias = Mapping[str, type]
"""Names in the metadata, `int` or `float`."""
Condition: TypeAlias = tuple[str, str, float] | None
"""Name in the metadata, lookup of Django, value."""


class Store(Protocol):
    """A store whose table does not exist yet. The metadata of every row has all columns and `KEY`
    among them."""

    table: str
    order: str

    def __init__(self, dimensions: int, columns: Columns) -> None: ...

    def batch(self, texts: Sequence[str], vectors: Any, metadata: Sequence[dict[str, Any]]) -> Any:
        """Rows as `add` takes them."""

    def add(self, batch: Any) -> object: ...

    def build_index(self, connection: Any) -> None: ...

    def search(self, vector: list[float], count: int, condition: Condition) -> list[int]:
        """The keys of the nearest rows."""


class LlamaIndex:
    table = "data_peers"
    order = f"(metadata_->>'{KEY}')::int"

    def __init__(self, dimensions: int, columns: Columns) -> None:
        self.dimensions = dimensions
        self.store = self._store()

    def _store(self, **options: Any) -> Any:
        from llama_index.vector_stores.postgres import PGVectorStore

        return PGVectorStore(
            connection_string="postgresql+psycopg2://",
            async_connection_string="postgresql+asyncpg://",
            table_name="peers",
            embed_dim=self.dimensions,
            **options,
        )

    def batch(self, texts: Sequence[str], vectors: Any, metadata: Sequence[dict[str, Any]]) -> Any:
        from llama_index.core.schema import TextNode

        return [
            TextNode(text=text, metadata=values, embedding=vector.tolist())
            for text, vector, values in zip(texts, vectors, metadata, strict=True)
        ]

    def add(self, batch: Any) -> object:
        return self.store.add(batch)

    def build_index(self, connection: Any) -> None:
        options = {"hnsw_m": M, "hnsw_ef_construction": EF_CONSTRUCTION}
        self.store = self._store(hnsw_kwargs={**options, "hnsw_ef_search": EF_SEARCH})
        # Made when it is first used.
        self.search([1.0] * self.dimensions, 1, None)

    def search(self, vector: list[float], count: int, condition: Condition) -> list[int]:
        from llama_index.core.vector_stores.types import (
            FilterOperator,
            MetadataFilter,
            MetadataFilters,
            VectorStoreQuery,
        )

        filters = None
        if condition:
            operators = {
                "exact": FilterOperator.EQ,
                "lte": FilterOperator.LTE,
                "gte": FilterOperator.GTE,
            }
            name, lookup, value = condition
            chosen = MetadataFilter(key=name, value=value, operator=operators[lookup])
            filters = MetadataFilters(filters=[chosen])
        query = VectorStoreQuery(query_embedding=vector, similarity_top_k=count, filters=filters)
        return [node.metadata[KEY] for node in self.store.query(query).nodes]


class LangChain:
    """The older store, which has no setting for what an index looks at."""

    table = "langchain_pg_embedding"
    order = f"(cmetadata->>'{KEY}')::int"

    def __init__(self, dimensions: int, columns: Columns) -> None:
        from langchain_postgres import PGVector

        self.store: Any = PGVector(
            self.embeddings(dimensions), connection=URL, embedding_length=dimensions
        )

    def embeddings(self, dimensions: int) -> Any:
        """They are not asked: vectors are given."""
        from langchain_core.embeddings import FakeEmbeddings

        return FakeEmbeddings(size=dimensions)

    def batch(self, texts: Sequence[str], vectors: Any, metadata: Sequence[dict[str, Any]]) -> Any:
        return [*texts], vectors.tolist(), metadata

    def add(self, batch: Any) -> object:
        return self.store.add_embeddings(*batch)

    def build_index(self, connection: Any) -> None:
        """By hand: it makes none itself."""
        index = f"CREATE INDEX ON {self.table} USING hnsw (embedding vector_cosine_ops)"
        connection.execute(f"{index} WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})")

    def search(self, vector: list[float], count: int, condition: Condition) -> list[int]:
        found = self.store.similarity_search_by_vector(vector, k=count, filter=_filter(condition))
        return [document.metadata[KEY] for document in found]


class NewLangChain(LangChain):
    """The store of the newer interface; metadata has columns."""

    table = "langchain_peers"
    order = KEY

    def __init__(self, dimensions: int, columns: Columns) -> None:
        from langchain_postgres import Column, PGEngine, PGVectorStore
        from langchain_postgres.v2.indexes import HNSWQueryOptions

        engine = PGEngine.from_connection_string(URL)
        types = [Column(name, TYPES[kind]) for name, kind in columns.items()]
        engine.init_vectorstore_table(self.table, dimensions, metadata_columns=types)
        self.store = PGVectorStore.create_sync(
            engine,
            self.embeddings(dimensions),
            self.table,
            metadata_columns=list(columns),
            index_query_options=HNSWQueryOptions(ef_search=EF_SEARCH),
        )

    def build_index(self, connection: Any) -> None:
        from langchain_postgres.v2.indexes import HNSWIndex

        self.store.apply_vector_index(HNSWIndex(m=M, ef_construction=EF_CONSTRUCTION))


STORES: dict[str, type[Store]] = {
    "llama_index": LlamaIndex,
    "langchain": LangChain,
    "new_langchain": NewLangChain,
}


def short_text(metadata: dict[str, Any]) -> str:
    return f"Document {metadata[KEY]}"


def _filter(condition: Condition) -> dict[str, Any] | None:
    if condition is None:
        return None
    name, lookup, value = condition
    operators = {"exact": "$eq", "lte": "$lte", "gte": "$gte"}
    return {name: {operators[lookup]: value}}


def drop_tables(connection: Any) -> None:
    tables = ", ".join(store.table for store in STORES.values())
    connection.execute(f"DROP TABLE IF EXISTS {tables} CASCADE")


def _run(name: str, path: str) -> None:
    import psycopg

    vectors = np.load(path)
    with psycopg.connect(autocommit=True) as connection:
        drop_tables(connection)
        store = STORES[name](vectors.shape[1], {KEY: int})
        metadata = [{KEY: key} for key in range(len(vectors))]
        starts = range(0, len(vectors), BATCH)
        parts = [slice(start, start + BATCH) for start in starts]
        texts = [*map(short_text, metadata)]
        batches = [store.batch(texts[part], vectors[part], metadata[part]) for part in parts]
        started = time.perf_counter()
        for batch in batches:
            store.add(batch)
        seconds = time.perf_counter() - started
        sql = f"SELECT embedding::text FROM {store.table} ORDER BY {store.order}"
        stored = [json.loads(text) for (text,) in connection.execute(sql).fetchall()]
        drop_tables(connection)
    found = np.array(stored, dtype=np.float32)
    print(json.dumps({"seconds": seconds, "right": bool(np.array_equal(found, vectors))}))


if __name__ == "__main__":
    _run(*sys.argv[1:])
