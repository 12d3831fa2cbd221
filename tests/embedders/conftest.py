"""Fixtures of the embedders' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybrid_store.embedders.openai import clients
from tests.embedders.fake_openai import FakeOpenAI

pytest.register_assert_rewrite("hybrid_store.test.embedders")


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_clients_left() -> Iterator[None]:
    """Connections do not outlive the server that they lead to."""
    yield
    for client in clients.clear():
        client.close()
