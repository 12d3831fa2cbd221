"""LlamaIndex asks for a tokenizer that it would download: one is given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections
from llama_index.core import Settings


@pytest.fixture(autouse=True)
def local_tokenizer() -> Iterator[None]:
    Settings.tokenizer = str.split
    yield
    Settings._tokenizer = None


@pytest.fixture(scope="session", autouse=True)
def closed_connections(django_db_setup: None) -> Iterator[None]:
    """Those of the thread of asynchronous calls, which keep a database from being dropped."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
