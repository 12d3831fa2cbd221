"""Our stores for frameworks, and the same documents written and searched by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from django.db.models import Model
from psycopg.types.json import Jsonb

from benchmarks.bench import Bench
from benchmarks.by_hand import copy_rows
from benchmarks.document_stores import LangChainDocuments
from benchmarks.models import StoredDocument, StoredNode
from benchmarks.peer_stores import KEY, Condition, LlamaIndex
from benchmarks.raw import OPERATORS, connected
from hybrid_store.contrib.langchain import DjangoVectorStore as LangChainStore
from hybrid_store.contrib.llamaindex import DjangoVectorStore as LlamaIndexStore
from hybrid_store.contrib.retrieval.models import new_key
from hybrid_store.models.embedding import embedding_field

__all__ = ["ByHand", "OwnLangChain", "OwnLlamaIndex"]

EMBEDDER = "default"
ORDER = f"(metadata->>'{KEY}')::int"


def _emptied(bench: Bench, model: type[Model]) -> Any:
    bench.recreate(model)
    return model._default_manager.using(bench.alias)


class OwnLangChain(LangChainDocuments):
    """`columns` is metadata with columns of its own."""

    order = ORDER

    def __init__(self, bench: Bench, kind: type[Model], columns: Sequence[str] = ()) -> None:
        self.bench, self.kind = bench, kind
        self.table = kind._meta.db_table
        self.store = LangChainStore(
            _emptied(bench, kind), self.embeddings(0), fields=columns, embedded_by=EMBEDDER
        )

    def build_index(self, connection: Any) -> None:
        self.bench.build_vector_index(self.kind)
        self.bench.build_text_index(self.kind)


class OwnLlamaIndex(LlamaIndex):
    table = StoredNode._meta.db_table
    order = ORDER

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.store = LlamaIndexStore(_emptied(bench, StoredNode), embedded_by=EMBEDDER)

    def build_index(self, connection: Any) -> None:
        self.bench.build_vector_index(StoredNode)


class ByHand:
    """psycopg 3 alone over the table of ours: COPY, and a prepared statement."""

    table = StoredDocument._meta.db_table
    order = ORDER
    types = {
        "id": "varchar",
        "text": "text",
        "metadata": "jsonb",
        "source": "varchar",
        "payload": "jsonb",
        "embedding": "vector",
        "embedding_fingerprint": "varchar",
    }

    def __init__(self, bench: Bench, effort: int) -> None:
        self.bench = bench
        _emptied(bench, StoredDocument)
        self.fingerprint = embedding_field(StoredDocument, None).space_prefix + "0" * 32
        self.connection: psycopg.Connection[Any] = connected(bench)
        self.connection.execute(f"SET hnsw.ef_search = {effort}")

    def batch(self, texts: Sequence[str], vectors: Any, metadata: Sequence[dict[str, Any]]) -> Any:
        return [
            (new_key(), text, Jsonb(values), "", Jsonb({}), vector, self.fingerprint)
            for text, vector, values in zip(texts, vectors, metadata, strict=True)
        ]

    def add(self, batch: Any) -> object:
        copy_rows(self.bench, StoredDocument, [*self.types], [*self.types.values()], batch)
        return len(batch)

    def build_index(self, connection: Any) -> None:
        self.bench.build_vector_index(StoredDocument)

    def search(self, vector: list[float], count: int, condition: Condition) -> list[int]:
        filtered, params = "", []
        if condition:
            name, lookup, value = condition
            filtered = f"WHERE (metadata->>'{name}')::int {OPERATORS[lookup]} %s"
            params = [value]
        sql = f"""
            SELECT id, text, metadata, embedding <=> %b AS distance
            FROM {self.table} {filtered} ORDER BY distance LIMIT {count}
        """
        given = [np.array(vector, dtype=np.float32), *params]
        found = self.connection.execute(sql, given, prepare=True, binary=True)
        return [row[2][KEY] for row in found.fetchall()]
