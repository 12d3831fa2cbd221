"""`DjangoKVStore` and `DjangoDocumentStore`: what LlamaIndex keeps by keys, in a table."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from django.db.models import QuerySet
from llama_index.core.storage.docstore.keyval_docstore import KVDocumentStore
from llama_index.core.storage.kvstore.types import DEFAULT_COLLECTION, BaseKVStore

from hybrid_store.contrib.llamaindex.models import Entry
from hybrid_store.contrib.retrieval.threads import in_database_thread

__all__ = ["DjangoDocumentStore", "DjangoKVStore"]

BATCH = 500
"""Entries of one statement."""


class DjangoKVStore(BaseKVStore):
    """Values by keys, in collections of a named store: stores do not see each other's.

    Needs "hybrid_store.contrib.llamaindex" in `INSTALLED_APPS`. `using` is the alias of a database;
    without one the router chooses.
    """

    def __init__(self, store: str = "default", *, using: str | None = None) -> None:
        self._store = store
        self._using = using

    def put(self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION) -> None:
        self.put_all([(key, val)], collection)

    def put_all(
        self,
        kv_pairs: list[tuple[str, dict[str, Any]]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = BATCH,
    ) -> None:
        """Values that are there are replaced; of several with a key the last counts."""
        entries = [
            Entry(
                store=self._store,
                collection=collection,
                digest=_digest(key),
                key=key,
                value=json.dumps(value),
            )
            for key, value in dict(kv_pairs).items()
        ]
        Entry.objects.using(self._using).bulk_create(
            entries,
            batch_size=batch_size,
            update_conflicts=True,
            unique_fields=["store", "collection", "digest"],
            update_fields=["value"],
        )

    def get(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:
        found = self._entries(collection).filter(digest=_digest(key))
        value = found.values_list("value", flat=True).first()
        return None if value is None else json.loads(value)

    def get_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:
        """In the order in which their keys were first put."""
        found = self._entries(collection).order_by("pk").values_list("key", "value")
        return {key: json.loads(value) for key, value in found}

    def delete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """Was it there?"""
        deleted, _ = self._entries(collection).filter(digest=_digest(key)).delete()
        return deleted > 0

    def _entries(self, collection: str) -> QuerySet[Entry]:
        return Entry.objects.using(self._using).filter(store=self._store, collection=collection)

    async def aput(
        self, key: str, val: dict[str, Any], collection: str = DEFAULT_COLLECTION
    ) -> None:
        await in_database_thread(self.put, key, val, collection)

    async def aput_all(
        self,
        kv_pairs: list[tuple[str, dict[str, Any]]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = BATCH,
    ) -> None:
        await in_database_thread(self.put_all, kv_pairs, collection, batch_size)

    async def aget(self, key: str, collection: str = DEFAULT_COLLECTION) -> dict[str, Any] | None:
        return await in_database_thread(self.get, key, collection)

    async def aget_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, dict[str, Any]]:
        return await in_database_thread(self.get_all, collection)

    async def adelete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        return await in_database_thread(self.delete, key, collection)


class DjangoDocumentStore(KVDocumentStore):
    """The documents that an ingestion pipeline has seen, kept between processes."""

    def __init__(self, store: str = "default", *, using: str | None = None, **options: Any) -> None:
        super().__init__(DjangoKVStore(store, using=using), batch_size=BATCH, **options)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
