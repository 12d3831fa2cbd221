"""What holds for every embedder that asks a server, by the providers' own clients over HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from hybrid_store.embedders import Kind
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import (
    EmbedderError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
    InvalidEmbedderError,
    MissingExtraError,
    TextRefusedError,
)
from hybrid_store.test.embedders import EmbedderConformance
from tests.embedders.fake_server import FakeServer
from tests.embedders.providers import (
    KEY,
    PROVIDERS,
    Make,
    Provider,
    everything_about,
    maker,
)

TEXTS = ["a crew lost in space", "two friends rob a bank", "a dog finds its way home"]
FAULTS = [
    pytest.param(provider, fault, error, id=f"{provider.name}-{fault}")
    for provider in PROVIDERS
    for fault, error in provider.faults()
]
WITH_KEYS = [provider for provider in PROVIDERS if provider.options.get("api_key", KEY)]

# The client of Voyage logs by a method that is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.name)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[type[FakeServer], FakeServer]]:
    """One of each kind: to make a client anew for every test would take most of the time."""
    with ExitStack() as stack:
        kinds = {provider.server for provider in PROVIDERS}
        yield {kind: stack.enter_context(kind()) for kind in kinds}


@pytest.fixture
def server(provider: Provider, servers: dict[type[FakeServer], FakeServer]) -> FakeServer:
    server = servers[provider.server]
    server.forget()
    return server


@pytest.fixture
def make(provider: Provider, server: FakeServer) -> Make:
    return maker(provider, server)


def expected(provider: Provider, make: Make) -> Any:
    params = {"MODEL": provider.served or provider.model}
    prefix = make().document_prefix
    return HashingEmbedder("x", params).embed([prefix + text for text in TEXTS])


@every_provider
class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self, make: Make) -> Any:
        # Of texts without words, the servers' vectors hold nothing but the prefix.
        return make(BATCH_SIZE=4, DOCUMENT_PREFIX="", QUERY_PREFIX="")


@pytest.mark.parametrize(("provider", "fault", "error"), FAULTS)
class TestEveryFault:
    def test_gives_its_error_or_the_right_vectors_and_tells_no_secret(
        self,
        provider: Provider,
        server: FakeServer,
        make: Make,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        fault: str,
        error: type[EmbedderError] | None,
    ) -> None:
        right = expected(provider, make)
        caplog.set_level(logging.DEBUG)
        server.script(fault)
        embedder = make(timeout=0.4 if fault == "silent" else 5)
        if error is None:
            assert np.allclose(embedder.embed(TEXTS), right, atol=1e-6)
        else:
            with pytest.raises(EmbedderError) as raised:
                embedder.embed(TEXTS)
            assert type(raised.value) is error
            assert f'The embedder "default" ({provider.model})' in str(raised.value)
            assert KEY not in everything_about(raised.value)
        assert KEY not in caplog.text + "".join(capfd.readouterr())
        assert len(server.requests) == (len(TEXTS) if provider.alone else 1)

    def test_is_overcome_by_a_retry_if_it_passes_and_only_then(
        self,
        provider: Provider,
        server: FakeServer,
        make: Make,
        fault: str,
        error: type[EmbedderError] | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("hybrid_store.embedders.retries.FIRST_WAIT", 0.001)
        server.script(fault)
        embedder = make(max_retries=2, timeout=0.4 if fault == "silent" else 5)
        again = error is EmbedderUnavailableError and fault != "rate_limited_for_long"
        if again or error is None:
            right = expected(provider, make)
            assert np.allclose(embedder.embed(TEXTS), right, atol=1e-6)
        else:
            with pytest.raises(EmbedderError):
                embedder.embed(TEXTS)
        calls = 2 if again else 1
        assert len(server.requests) == calls * (len(TEXTS) if provider.alone else 1)


class TestFaults:
    @every_provider
    def test_retries_come_to_an_end(
        self, server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hybrid_store.embedders.retries.FIRST_WAIT", 0.001)
        server.script(*["server_error"] * 5)
        with pytest.raises(EmbedderUnavailableError):
            make(max_retries=2).embed(TEXTS[:1])
        assert len(server.requests) == 3

    @every_provider
    def test_what_the_server_wishes_is_passed_on(self, server: FakeServer, make: Make) -> None:
        for fault, wait in (("rate_limited_for_long", 3600), ("rate_limited", None)):
            server.script(fault)
            with pytest.raises(EmbedderUnavailableError) as raised:
                make().embed_counted(TEXTS[:1], retries=0)
            assert raised.value.retry_after == wait

    @every_provider
    def test_a_server_that_is_not_there(self, make: Make) -> None:
        with pytest.raises(EmbedderUnavailableError, match="cannot be reached"):
            make(base_url="http://127.0.0.1:9").embed(TEXTS)

    @every_provider
    def test_a_request_that_takes_too_long_is_given_up(
        self, server: FakeServer, make: Make
    ) -> None:
        server.script("silent")
        started = time.monotonic()
        with pytest.raises(EmbedderUnavailableError):
            make(timeout=1).embed(TEXTS[:1])
        assert time.monotonic() - started < 20


class TestSecrets:
    """A planted key appears nowhere, besides the faults above."""

    @pytest.mark.parametrize("provider", WITH_KEYS, ids=lambda each: each.name)
    def test_not_where_the_server_repeats_it(
        self, provider: Provider, caplog: pytest.LogCaptureFixture
    ) -> None:
        # The client of Voyage logs by itself, at INFO, what a server says.
        caplog.set_level(logging.WARNING if provider.name == "voyage" else logging.DEBUG)
        with provider.server(api_key="another") as server:
            make = maker(provider, server)
            with pytest.raises(EmbedderRefusedError, match=r"\.\.\.") as raised:
                make().embed(TEXTS)
        assert KEY not in everything_about(raised.value)
        assert KEY not in caplog.text

    @every_provider
    def test_not_in_representations(self, make: Make) -> None:
        embedder = make()
        assert KEY not in f"{embedder!r} {embedder} {vars(embedder)} {embedder.options}"

    @pytest.mark.parametrize("provider", WITH_KEYS, ids=lambda each: each.name)
    @pytest.mark.parametrize(
        "key", [KEY + "é", KEY[:5] + "\n" + KEY[5:], KEY[:5] + "\x00" + KEY[5:]]
    )
    def test_not_where_the_key_itself_is_wrong(self, make: Make, key: str) -> None:
        with pytest.raises(InvalidEmbedderError, match="characters") as raised:
            make(api_key=key).embed(TEXTS)
        assert KEY[5:] not in everything_about(raised.value)

    @every_provider
    def test_not_where_it_has_the_wrong_type(self, make: Make) -> None:
        with pytest.raises(InvalidEmbedderError) as raised:
            make(api_key=[KEY])
        assert KEY not in str(raised.value)

    @every_provider
    def test_a_password_in_the_address_is_not_told(self, provider: Provider, make: Make) -> None:
        with pytest.raises(EmbedderError) as raised:
            make(base_url="http://me:pass-word@127.0.0.1:9").embed(TEXTS)
        assert "pass-word" not in str(raised.value)

    @every_provider
    def test_a_text_that_the_server_repeats_is_not_told(
        self, server: FakeServer, make: Make
    ) -> None:
        server.poison = {"poison"}
        text = 'a secret of the "customer",\nwith poison in it'
        with pytest.raises(TextRefusedError) as raised:
            make().embed([text])
        assert "of the" not in str(raised.value)


class TestClients:
    @every_provider
    def test_calls_may_come_from_many_threads_and_loops(self, make: Make) -> None:
        embedder = make()
        right = embedder.embed(TEXTS)
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(lambda _: make().embed(TEXTS), range(12)):
                assert np.array_equal(vectors, right)
        query = embedder.embed_query(TEXTS[0])
        for _ in range(2):
            assert np.array_equal(asyncio.run(embedder.aembed_query(TEXTS[0])), query)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    @every_provider
    def test_a_forked_process_opens_its_own_connections(
        self, server: FakeServer, make: Make
    ) -> None:
        embedder = make()
        embedder.embed(TEXTS[:1])
        before = server.connections
        child = os.fork()
        if not child:
            try:
                embedder.embed(TEXTS[:1])
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert len(server.requests) == 2
        assert server.connections == before + 1


class TestSettings:
    @pytest.mark.parametrize(
        ("options", "fault"),
        [
            ({"timeout": 0}, "timeout must be above 0 seconds, not 0"),
            ({"max_retries": -1}, "max_retries must be at least 0, not -1"),
            ({"max_tokens": 0}, "max_tokens must be at least 1, not 0"),
            ({"base_url": "localhost:11434/v1"}, "base_url must begin with http"),
            ({"base_url": "https:///v1"}, "base_url must begin with http"),
            ({"base_url": "http://[::1/v1"}, "base_url must begin with http"),
        ],
    )
    @every_provider
    def test_options_of_no_use_are_refused(
        self, make: Make, options: dict[str, Any], fault: str
    ) -> None:
        with pytest.raises(InvalidEmbedderError, match=fault):
            make(**options)

    @every_provider
    def test_the_space_knows_neither_the_server_nor_the_key(self, make: Make) -> None:
        assert make().space == make(base_url="https://elsewhere.example", api_key="other").space

    @every_provider
    def test_a_text_that_is_too_long_can_be_refused_before_any_call(
        self, server: FakeServer, make: Make
    ) -> None:
        embedder = make(TOO_LONG="refuse", max_tokens=100)
        with pytest.raises(TextRefusedError, match=r"texts\[1\] has 5\d\d tokens, but .* 100"):
            embedder.embed(["short", "long " * 400])
        assert server.requests == []

    @every_provider
    def test_calls_are_made_side_by_side(self, make: Make) -> None:
        assert make().workers == 4

    @pytest.mark.parametrize("provider", WITH_KEYS, ids=lambda each: each.name)
    def test_the_key_may_come_from_the_environment(
        self, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with provider.server(api_key="from-a-file") as server:
            make = maker(provider, server)
            monkeypatch.setenv(make().key_variables[0], "from-a-file\n")
            assert make(api_key=None).embed(TEXTS).shape == (3, 384)

    @pytest.mark.parametrize("provider", WITH_KEYS, ids=lambda each: each.name)
    def test_a_missing_key_is_found_by_a_check_and_by_a_call(self, make: Make) -> None:
        embedder = make(api_key=None, base_url=None)
        assert [error.id for error in embedder.check()] == ["hybrid_store.E103"]
        with pytest.raises(InvalidEmbedderError, match=embedder.key_variables[0]):
            embedder.embed(TEXTS)

    @every_provider
    def test_without_the_client_the_extra_is_named(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # With an option that no test has: there is no client for it yet.
        embedder = make(timeout=17)
        monkeypatch.setitem(sys.modules, embedder.requires[-1], None)
        assert [error.id for error in embedder.check()] == ["hybrid_store.E101"]
        with pytest.raises(MissingExtraError, match=rf"django-hybrid-store\[{embedder.extra}\]"):
            embedder.embed(TEXTS, Kind.QUERY)
