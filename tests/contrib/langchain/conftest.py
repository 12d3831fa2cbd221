"""Papers of two tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from hybrid_store.contrib.langchain import DjangoVectorStore
from tests.contrib.models import Paper

TEXTS = {"a": "red apples", "b": "green apples", "c": "stone bridges"}
METADATA: dict[str, dict[str, Any]] = {
    "a": {"year": 2000},
    "b": {"year": 2001},
    "c": {"year": 2001, "kind": "essay"},
}


def store_of(owner: str) -> DjangoVectorStore:
    return DjangoVectorStore(
        Paper.objects.filter(owner=owner), fields=["owner"], defaults={"owner": owner}
    )


@pytest.fixture(autouse=True)
async def _connections() -> AsyncIterator[None]:
    """Asynchronous methods use those of another thread, which nobody closes outside of requests."""
    yield
    await sync_to_async(connections.close_all, thread_sensitive=True)()


@pytest.fixture
def papers(db: None) -> DjangoVectorStore:
    """Mine; another tenant has "x"."""
    mine, yours = store_of("me"), store_of("you")
    mine.add_texts([*TEXTS.values()], [*METADATA.values()], ids=[*TEXTS])
    yours.add_texts(["red apples of yours"], [{"year": 2001}], ids=["x"])
    return mine
