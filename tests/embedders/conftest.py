"""Fixtures of the embedders' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedders.closing import close_clients
from tests.embedders.providers import KEY

pytest.register_assert_rewrite("hybrid_store.test.embedders")

KEY_VARIABLES = (
    *("OPENAI_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"),
    *("AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
)


@pytest.fixture(autouse=True)
def _only_planted_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0000000000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)


@pytest.fixture(autouse=True, scope="module")
def _no_clients_left() -> Iterator[None]:
    """Connections do not outlive the servers that they lead to for long."""
    yield
    close_clients()
