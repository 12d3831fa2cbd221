"""`OpenAIEmbedder`, by the real SDK over HTTP."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders import Kind
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.embedders.openai import (
    REQUEST_TEXTS,
    REQUEST_TOKENS,
    TEXT_TOKENS,
    OpenAIEmbedder,
)
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    EmbedderError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
    InvalidEmbedderError,
    MissingExtraError,
    TextRefusedError,
)
from hybrid_store.test.embedders import EmbedderConformance
from tests.embedders.fake_openai import FAULTS, FakeOpenAI

KEY = "sk-planted-0123456789"
TEXTS = ["a crew lost in space", "two friends rob a bank", "a dog finds its way home"]

Make = Callable[..., OpenAIEmbedder]


@pytest.fixture
def make(server: FakeOpenAI) -> Make:
    def make(model: str = "fake-model", *, batch_size: int = 256, **options: Any) -> OpenAIEmbedder:
        options = {"base_url": server.url, "api_key": KEY, "max_retries": 0, **options}
        params = {"MODEL": model, "DIMENSIONS": 384, "BATCH_SIZE": batch_size, "OPTIONS": options}
        return OpenAIEmbedder("default", params)

    return make


def expected(model: str = "fake-model") -> Any:
    return HashingEmbedder("x", {"MODEL": model}).embed(TEXTS)


class TestConformance(EmbedderConformance):
    @pytest.fixture
    def embedder(self, make: Make) -> OpenAIEmbedder:
        return make(batch_size=4)


class TestWire:
    def test_vectors_come_as_base64_and_arrive_bit_for_bit(
        self, server: FakeOpenAI, make: Make
    ) -> None:
        assert np.array_equal(make().embed(TEXTS), expected())
        assert server.requests[0].encoding_format == "base64"

    def test_a_server_that_sends_numbers_whatever_was_asked(self, make: Make) -> None:
        with FakeOpenAI(floats_only=True) as server:
            embedder = make(base_url=server.url)
            assert np.array_equal(embedder.embed(TEXTS), expected())

    def test_numbers_can_be_asked_for(self, server: FakeOpenAI, make: Make) -> None:
        assert np.array_equal(make(encoding_format="float").embed(TEXTS), expected())
        assert server.requests[0].encoding_format == "float"

    @pytest.mark.parametrize(
        ("model", "options", "sent"),
        [
            ("text-embedding-3-small", {}, 384),
            ("text-embedding-ada-002", {}, None),
            ("nomic-embed-text", {}, None),
            ("nomic-embed-text", {"send_dimensions": True}, 384),
            ("text-embedding-3-small", {"send_dimensions": False}, None),
        ],
    )
    def test_dimensions_are_sent_to_models_that_take_them(
        self, server: FakeOpenAI, make: Make, model: str, options: dict[str, Any], sent: int | None
    ) -> None:
        make(model, **options).embed(TEXTS)
        assert server.requests[0].dimensions == sent

    def test_the_key_and_the_organization_are_sent(self, server: FakeOpenAI, make: Make) -> None:
        make(organization="org-7").embed(TEXTS)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.requests[0].headers["openai-organization"] == "org-7"

    def test_the_key_may_come_from_the_environment(
        self, server: FakeOpenAI, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-from-a-file\n")
        make(api_key=None).embed(TEXTS)
        assert server.requests[0].headers["authorization"] == "Bearer sk-from-a-file"

    def test_a_server_of_ones_own_needs_no_key(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        embedder = make(api_key=None)
        assert embedder.check() == []
        assert embedder.embed(TEXTS).shape == (3, 384)

    def test_a_batch_that_is_too_large_becomes_several_requests(
        self, server: FakeOpenAI, make: Make
    ) -> None:
        texts = [f"text number {number}" for number in range(REQUEST_TEXTS + 1)]
        vectors = make(batch_size=10_000).embed(texts)
        assert [len(request.texts) for request in server.requests] == [REQUEST_TEXTS, 1]
        assert np.array_equal(
            vectors[-1], HashingEmbedder("x", {"MODEL": "fake-model"}).embed(texts)[-1]
        )

    def test_connections_are_reused_by_all_embedders_of_a_process(
        self, server: FakeOpenAI, make: Make
    ) -> None:
        for _ in range(3):
            make().embed(TEXTS)
        assert len(server.requests) == 3
        assert server.connections == 1


@given(st.lists(st.text(min_size=1, max_size=20).map(lambda text: text * 997), max_size=40))
def test_requests_hold_all_texts_in_order_and_stay_within_the_limits(texts: list[str]) -> None:
    embedder = OpenAIEmbedder("x", {"MODEL": "text-embedding-3-small", "BATCH_SIZE": 10_000})
    requests = list(embedder.batches(texts))
    assert [text for request in requests for text in request] == texts
    for request in requests:
        assert 1 <= len(request) <= REQUEST_TEXTS
        sizes = [len(text.encode(errors="replace")) for text in request]
        assert sum(min(size, TEXT_TOKENS) for size in sizes) <= REQUEST_TOKENS


FAULT_ERRORS: dict[str, type[EmbedderError] | None] = {
    "rate_limited": EmbedderUnavailableError,
    "rate_limited_briefly": EmbedderUnavailableError,
    "rate_limited_for_long": EmbedderUnavailableError,
    "quota": EmbedderRefusedError,
    "server_error": EmbedderUnavailableError,
    "unauthorized": EmbedderRefusedError,
    "forbidden": EmbedderRefusedError,
    "unknown_model": EmbedderRefusedError,
    "bad_text": TextRefusedError,
    "bad_setting": EmbedderRefusedError,
    "html": EmbedderUnavailableError,
    "other_json": EmbedderAnswerError,
    "plain_list": EmbedderAnswerError,
    "one_missing": EmbedderAnswerError,
    "one_extra": EmbedderAnswerError,
    "none": EmbedderAnswerError,
    "shuffled": None,
    "same_index": EmbedderAnswerError,
    "no_index": EmbedderAnswerError,
    "strange_index": EmbedderAnswerError,
    "strange_item": EmbedderAnswerError,
    "short": EmbedderAnswerError,
    "nan": EmbedderAnswerError,
    "infinite": EmbedderAnswerError,
    "zero": EmbedderAnswerError,
    "null": EmbedderAnswerError,
    "words": EmbedderAnswerError,
    "no_embedding": EmbedderAnswerError,
    "no_usage": None,
    "strange_usage": None,
    "zero_usage": None,
    "truncated_json": EmbedderUnavailableError,
    "reset": EmbedderUnavailableError,
    "half_closed": EmbedderUnavailableError,
    "silent": EmbedderUnavailableError,
}


def test_every_fault_of_the_server_is_covered() -> None:
    assert set(FAULT_ERRORS) == set(FAULTS)


class TestTokens:
    def test_are_those_that_the_server_counted(self, make: Make) -> None:
        assert make().embed_counted(TEXTS).tokens == sum(len(text.split()) for text in TEXTS)

    @pytest.mark.parametrize("fault", ["no_usage", "strange_usage", "zero_usage"])
    def test_are_estimated_where_it_does_not_tell(
        self, server: FakeOpenAI, make: Make, fault: str
    ) -> None:
        server.script(fault)
        embedder = make()
        assert embedder.embed_counted(TEXTS).tokens == sum(embedder.count_tokens(TEXTS))

    def test_the_limit_of_openais_models_is_known_and_of_others_can_be_told(
        self, make: Make
    ) -> None:
        assert make("text-embedding-3-small").max_tokens == TEXT_TOKENS
        assert make("bge-m3").max_tokens is None
        assert make("bge-m3", max_tokens=512).max_tokens == 512

    def test_a_text_that_is_too_long_is_left_to_the_server_to_refuse(self, make: Make) -> None:
        assert make(max_tokens=4).embed_counted(TEXTS).truncated == ()

    def test_unless_it_is_known_to_read_the_beginning_only(self, make: Make) -> None:
        embedder = make(max_tokens=5, truncates=True)
        assert embedder.embed_counted(["short", "long " * 20]).truncated == (1,)


class TestFaults:
    @pytest.mark.parametrize("encoding_format", ["base64", "float"])
    @pytest.mark.parametrize("fault", FAULTS)
    def test_each_fault_gives_its_error_or_the_right_vectors(
        self, server: FakeOpenAI, make: Make, fault: str, encoding_format: str
    ) -> None:
        server.script(fault)
        embedder = make(timeout=0.3, encoding_format=encoding_format)
        error = FAULT_ERRORS[fault]
        if error is None:
            assert np.array_equal(embedder.embed(TEXTS), expected())
        else:
            with pytest.raises(EmbedderError) as raised:
                embedder.embed(TEXTS)
            assert type(raised.value) is error
            assert 'The embedder "default" (fake-model)' in str(raised.value)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"silent"}))
    def test_passing_faults_are_overcome_by_a_retry_and_no_others(
        self, server: FakeOpenAI, make: Make, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hybrid_store.embedders.retries.FIRST_WAIT", 0.001)
        server.script(fault)
        embedder = make(max_retries=2)
        again = FAULT_ERRORS[fault] is EmbedderUnavailableError and fault != "rate_limited_for_long"
        if again or FAULT_ERRORS[fault] is None:
            assert np.array_equal(embedder.embed(TEXTS), expected())
        else:
            with pytest.raises(EmbedderError):
                embedder.embed(TEXTS)
        assert len(server.requests) == (2 if again else 1)

    def test_retries_come_to_an_end(
        self, server: FakeOpenAI, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hybrid_store.embedders.retries.FIRST_WAIT", 0.001)
        server.script(*["server_error"] * 5)
        with pytest.raises(EmbedderUnavailableError):
            make(max_retries=2).embed(TEXTS)
        assert len(server.requests) == 3

    def test_the_servers_wish_is_passed_on(self, server: FakeOpenAI, make: Make) -> None:
        server.script("rate_limited_for_long", "rate_limited")
        with pytest.raises(EmbedderUnavailableError) as raised:
            make().embed(TEXTS)
        assert raised.value.retry_after == 3600
        with pytest.raises(EmbedderUnavailableError) as raised:
            make().embed(TEXTS)
        assert raised.value.retry_after is None

    def test_a_server_that_is_not_there(self, make: Make) -> None:
        with pytest.raises(EmbedderUnavailableError, match="cannot be reached"):
            make(base_url="http://127.0.0.1:9/v1").embed(TEXTS)

    def test_a_damaged_half_does_not_pass_for_a_whole(self, server: FakeOpenAI, make: Make) -> None:
        """Two requests of one batch: an extra vector of one must not fill the gap of the other."""
        texts = ["x" * 200_000, "y" * 200_000] * 20
        server.script("one_extra", "one_missing")
        with pytest.raises(EmbedderAnswerError, match=r"37 vectors for 36 texts"):
            make(max_tokens=TEXT_TOKENS).embed(texts)


def everything_about(error: BaseException | None) -> str:
    """All that a report may show of an error and of those behind it, suppressed or not."""
    shown = ""
    while error is not None:
        frames = traceback.TracebackException.from_exception(error)
        shown += "".join(frames.format()) + repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return shown


class TestSecrets:
    """A planted key appears nowhere."""

    @pytest.mark.parametrize("fault", [name for name, error in FAULT_ERRORS.items() if error])
    def test_not_in_errors_and_not_in_logs(
        self, server: FakeOpenAI, make: Make, caplog: pytest.LogCaptureFixture, fault: str
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server.script(fault)
        with pytest.raises(EmbedderError) as raised:
            make(timeout=0.3).embed(TEXTS)
        assert KEY not in everything_about(raised.value)
        assert KEY not in caplog.text

    def test_not_where_the_server_repeats_it(
        self, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with (
            FakeOpenAI(api_key="another") as server,
            pytest.raises(EmbedderRefusedError, match="Incorrect API key") as raised,
        ):
            make(base_url=server.url).embed(TEXTS)
        assert KEY not in everything_about(raised.value)
        assert KEY not in caplog.text

    def test_not_in_representations(self, make: Make) -> None:
        embedder = make()
        assert KEY not in f"{embedder!r} {embedder} {vars(embedder)} {embedder.options}"

    @pytest.mark.parametrize(
        "key", [KEY + "é", KEY[:5] + "\n" + KEY[5:], KEY[:5] + "\x00" + KEY[5:]]
    )
    def test_not_where_the_key_itself_is_wrong(self, make: Make, key: str) -> None:
        with pytest.raises(InvalidEmbedderError, match="characters") as raised:
            make(api_key=key).embed(TEXTS)
        assert KEY[5:] not in everything_about(raised.value)

    def test_not_where_it_has_the_wrong_type(self) -> None:
        with pytest.raises(InvalidEmbedderError) as raised:
            OpenAIEmbedder("x", {"MODEL": "m", "DIMENSIONS": 3, "OPTIONS": {"api_key": [KEY]}})
        assert KEY not in str(raised.value)

    def test_a_text_that_the_server_repeats_is_not_told(
        self, server: FakeOpenAI, make: Make
    ) -> None:
        server.poison = {"poison"}
        text = "a secret of the customer, with poison in it"
        with pytest.raises(TextRefusedError) as raised:
            make().embed([text])
        assert text not in str(raised.value)


class TestSettings:
    def test_dimensions_of_openais_models_are_known(self) -> None:
        embedder = OpenAIEmbedder("x", {"MODEL": "text-embedding-3-large"})
        assert (embedder.dimensions, embedder.space) == (3072, "text-embedding-3-large@3072")

    def test_dimensions_of_others_have_to_be_named(self) -> None:
        with pytest.raises(InvalidEmbedderError, match="DIMENSIONS is missing"):
            OpenAIEmbedder("x", {"MODEL": "bge-m3"})

    def test_an_address_needs_a_scheme(self, make: Make) -> None:
        with pytest.raises(InvalidEmbedderError, match="base_url must begin with http"):
            make(base_url="localhost:11434/v1")

    def test_the_space_knows_neither_the_provider_nor_its_address(self, make: Make) -> None:
        assert make().space == make(base_url="https://elsewhere.example/v1").space

    def test_a_missing_key_is_found_by_a_check_and_by_a_call(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        embedder = OpenAIEmbedder("x", {"MODEL": "text-embedding-3-small"})
        assert [error.id for error in embedder.check()] == ["hybrid_store.E103"]
        with pytest.raises(InvalidEmbedderError, match="OPENAI_API_KEY"):
            embedder.embed(["text"])

    def test_without_the_sdk_the_extra_is_named(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "openai", None)
        embedder = make()
        assert [error.id for error in embedder.check()] == ["hybrid_store.E101"]
        with pytest.raises(MissingExtraError, match=r"django-hybrid-store\[openai\]"):
            embedder.embed(TEXTS, Kind.QUERY)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_process_opens_its_own_connections(server: FakeOpenAI, make: Make) -> None:
    embedder = make()
    embedder.embed(TEXTS)
    child = os.fork()
    if not child:
        try:
            embedder.embed(TEXTS)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len(server.requests) == 2
    assert server.connections == 2


def test_a_request_that_takes_too_long_is_given_up(server: FakeOpenAI, make: Make) -> None:
    server.script("silent")
    started = time.monotonic()
    with pytest.raises(EmbedderUnavailableError):
        make(timeout=0.2).embed(TEXTS)
    assert time.monotonic() - started < 5
