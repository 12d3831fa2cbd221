"""Vectors of query texts, kept in Django's cache.

Neither function may be called while a driver executes a query: the cache may be a table of the
database whose connection is in use. A cache that fails breaks no search.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Event
from typing import Any

from django.conf import settings
from django.core.cache import BaseCache, caches
from django.db import connections, router, transaction

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors import SINGLE, Vector

__all__ = ["DEFAULTS", "keep", "recall"]

logger = logging.getLogger("hybrid_store")

# HYBRID_STORE["QUERY_CACHE"]; TIMEOUT is in seconds.
DEFAULTS: Mapping[str, Any] = {"ALIAS": "default", "TIMEOUT": 86_400}

# Part of every key: raised when keys or values change, so that old ones are never met.
FORMAT_VERSION = 1

# Set while the cache fails: one warning is given, not one with every search.
_failing = Event()


def recall(embedder: BaseEmbedder, text: str) -> Vector | None:
    """The vector kept for a query; None where there is none, or no good one."""
    data = _tried(_get, _key(embedder, text))
    if not isinstance(data, bytes):
        return None
    try:
        vector = SINGLE.parse(data, embedder.dimensions)
    except VectorValueError:
        return None
    return None if vector.is_zero() else vector


def keep(embedder: BaseEmbedder, text: str, vector: Vector) -> None:
    """Remember the vector of a query, as little-endian float32."""
    _tried(_set, _key(embedder, text), SINGLE.encode(vector))


def _key(embedder: BaseEmbedder, text: str) -> str:
    """83 ASCII characters that do not tell the text, for all that its vector depends on."""
    parts = [FORMAT_VERSION, embedder.space, embedder.dimensions, embedder.model]
    known = json.dumps([*parts, embedder.query_prefix, text])
    return f"hybrid_store:query:{hashlib.sha256(known.encode()).hexdigest()}"


def _tried(action: Callable[..., Any], *arguments: Any) -> Any:
    """What `action(cache, timeout, ...)` returns; None without a cache, and where it fails."""
    try:
        given = getattr(settings, "HYBRID_STORE", {}).get("QUERY_CACHE", {})
        if given is None:
            return None
        chosen = {**DEFAULTS, **given}
        return action(caches[chosen["ALIAS"]], chosen["TIMEOUT"], *arguments)
    except Exception as error:  # noqa: BLE001 - of whichever cache is configured
        if not _failing.is_set():
            _failing.set()
            logger.warning("The query cache fails; texts are embedded anew: %r", error)
        return None


def _get(cache: BaseCache, timeout: float | None, key: str) -> Any:
    with _savepoint(_database(cache, router.db_for_read)):
        data = cache.get(key)
    _failing.clear()
    return data


def _set(cache: BaseCache, timeout: float | None, key: str, data: bytes) -> None:
    database = _database(cache, router.db_for_write)
    if database is None:
        _set_now(cache, timeout, key, data)
    else:
        # A search shall not turn a transaction that reads into one that writes, and locks.
        transaction.on_commit(partial(_tried, _set_now, key, data), using=database)


def _set_now(cache: BaseCache, timeout: float | None, key: str, data: bytes) -> None:
    cache.set(key, data, timeout)
    _failing.clear()


def _database(cache: BaseCache, route: Callable[[Any], str]) -> str | None:
    """The database that the cache is a table of, if it is one."""
    table = getattr(cache, "cache_model_class", None)
    return None if table is None else route(table)


def _savepoint(database: str | None) -> AbstractContextManager[Any]:
    """In a transaction, a failure may not reach further than the cache."""
    if database is None or not connections[database].in_atomic_block:
        return nullcontext()
    return transaction.atomic(using=database)
