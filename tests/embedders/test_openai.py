"""`OpenAIEmbedder`: what is peculiar to it; see also `test_remote`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.embedders.openai import (
    REQUEST_TEXTS,
    REQUEST_TOKENS,
    TEXT_TOKENS,
    OpenAIEmbedder,
)
from hybrid_store.exceptions import EmbedderAnswerError, InvalidEmbedderError
from tests.embedders.fake_openai import FakeOpenAI
from tests.embedders.providers import ERRORS, KEY

TEXTS = ["a crew lost in space", "two friends rob a bank", "a dog finds its way home"]

Make = Callable[..., OpenAIEmbedder]


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def make(server: FakeOpenAI) -> Make:
    def make(model: str = "fake-model", *, batch_size: int = 256, **options: Any) -> OpenAIEmbedder:
        options = {"base_url": server.url, "api_key": KEY, "max_retries": 0, **options}
        params = {"MODEL": model, "DIMENSIONS": 384, "BATCH_SIZE": batch_size, "OPTIONS": options}
        return OpenAIEmbedder("default", params)

    return make


def expected(model: str = "fake-model") -> Any:
    return HashingEmbedder("x", {"MODEL": model}).embed(TEXTS)


class TestWire:
    def test_vectors_come_as_base64_and_arrive_bit_for_bit(
        self, server: FakeOpenAI, make: Make
    ) -> None:
        assert np.array_equal(make().embed(TEXTS), expected())
        assert server.requests[0].body["encoding_format"] == "base64"

    def test_a_server_that_sends_numbers_whatever_was_asked(self, make: Make) -> None:
        with FakeOpenAI(floats_only=True) as server:
            embedder = make(base_url=server.url)
            assert np.array_equal(embedder.embed(TEXTS), expected())

    def test_numbers_can_be_asked_for(self, server: FakeOpenAI, make: Make) -> None:
        assert np.array_equal(make(encoding_format="float").embed(TEXTS), expected())
        assert server.requests[0].body["encoding_format"] == "float"

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

    def test_a_server_of_ones_own_needs_no_key(self, make: Make) -> None:
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


@pytest.mark.parametrize("fault", FakeOpenAI.faults())
def test_each_fault_gives_its_error_or_the_right_vectors_in_plain_numbers_too(
    server: FakeOpenAI, make: Make, fault: str
) -> None:
    server.script(fault)
    embedder = make(timeout=0.3, encoding_format="float")
    error = ERRORS[fault]
    if error is None:
        assert np.array_equal(embedder.embed(TEXTS), expected())
    else:
        with pytest.raises(error):
            embedder.embed(TEXTS)


def test_a_damaged_half_does_not_pass_for_a_whole(server: FakeOpenAI, make: Make) -> None:
    """Two requests of one batch: an extra vector of one must not fill the gap of the other."""
    texts = ["x" * 200_000, "y" * 200_000] * 20
    server.script("one_extra", "one_missing")
    with pytest.raises(EmbedderAnswerError, match=r"37 vectors for 36 texts"):
        make(max_tokens=TEXT_TOKENS).embed(texts)


class TestSettings:
    def test_dimensions_of_openais_models_are_known(self) -> None:
        embedder = OpenAIEmbedder("x", {"MODEL": "text-embedding-3-large"})
        assert (embedder.dimensions, embedder.space) == (3072, "text-embedding-3-large@3072")

    def test_dimensions_of_others_have_to_be_named(self) -> None:
        with pytest.raises(InvalidEmbedderError, match="DIMENSIONS is missing"):
            OpenAIEmbedder("x", {"MODEL": "bge-m3"})
