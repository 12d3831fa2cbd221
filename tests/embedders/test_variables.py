"""What embedders take from the environment, by themselves or by their provider's client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hybrid_store.embedders.hashing import HashingEmbedder
from tests.embedders.closing import close_clients
from tests.embedders.providers import KEY, PROVIDERS, Provider

BY_NAME = {provider.name: provider for provider in PROVIDERS}
VARIABLES = {"openai": "OPENAI_BASE_URL", "gemini-001": "GOOGLE_GEMINI_BASE_URL"}


@pytest.fixture(autouse=True)
def _no_clients() -> Iterator[None]:
    """One that is connected keeps its address."""
    close_clients()
    yield
    close_clients()


def made(provider: Provider, **options: Any) -> Any:
    params = {"MODEL": provider.model, "DIMENSIONS": 384, "OPTIONS": options}
    return provider.embedder("default", params)


@pytest.mark.parametrize(("name", "variable"), VARIABLES.items())
def test_an_address_in_the_environment_is_the_one_that_is_asked(
    name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = BY_NAME[name]
    with provider.server() as server:
        monkeypatch.setenv(variable, server.url)
        embedder = made(provider, api_key=KEY)
        assert embedder.variable_of("base_url") == variable
        assert embedder.base_url == server.url
        embedder.embed(["text"])
        assert server.requests
    monkeypatch.setenv(variable, "http://me:planted-password@host/")
    assert "planted-password" in embedder.secrets
    given = made(provider, api_key=KEY, base_url="http://given/")
    assert (given.variable_of("base_url"), given.base_url) == (None, "http://given/")


def test_the_variable_of_a_key_is_the_one_that_it_is_taken_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    provider = BY_NAME["gemini-001"]
    assert made(provider).variable_of("api_key") is None
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_API_KEY", " ")
    embedder = made(provider)
    assert (embedder.variable_of("api_key"), embedder.api_key) == ("GEMINI_API_KEY", KEY)
    assert made(provider, api_key=KEY).variable_of("api_key") is None


def test_credentials_that_a_client_finds_stand_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = BY_NAME["titan"]
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert made(provider).variable_of("api_key") is None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    assert made(provider).variable_of("api_key") == "AWS_SECRET_ACCESS_KEY"
    assert made(provider, api_key=KEY).variable_of("api_key") is None
    assert made(provider).variable_of("timeout") is None


def test_embedders_in_process_take_nothing_from_there() -> None:
    assert HashingEmbedder("default", {}).variable_of("api_key") is None
