"""`GeminiEmbedder`: what is peculiar to it; see also `test_remote`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hybrid_store.embedders.gemini import GeminiEmbedder
from hybrid_store.exceptions import EmbedderRefusedError, InvalidEmbedderError
from tests.embedders.fake_gemini import SCALE, FakeGemini
from tests.embedders.providers import KEY

OLD, NEW = "gemini-embedding-001", "gemini-embedding-2"
TEXTS = ["a crew lost in space", "two friends rob a bank"]

Make = Callable[..., GeminiEmbedder]


@pytest.fixture
def server() -> Iterator[FakeGemini]:
    with FakeGemini() as server:
        yield server


@pytest.fixture
def make(server: FakeGemini) -> Make:
    def make(model: str = OLD, **options: Any) -> GeminiEmbedder:
        settings = {name: options.pop(name) for name in list(options) if name.isupper()}
        options = {"base_url": server.url, "api_key": KEY, "max_retries": 0, **options}
        return GeminiEmbedder("default", {"MODEL": model, "OPTIONS": options, **settings})

    return make


def tasks(server: FakeGemini) -> set[str | None]:
    return {each.get("taskType") for each in server.requests[-1].body["requests"]}


class TestOldFamily:
    def test_is_told_by_a_parameter_what_texts_are_for(
        self, server: FakeGemini, make: Make
    ) -> None:
        make().embed(TEXTS)
        assert server.requests[-1].texts == TEXTS
        assert tasks(server) == {"RETRIEVAL_DOCUMENT"}
        make().embed_query("lost")
        assert tasks(server) == {"RETRIEVAL_QUERY"}

    def test_other_tasks_can_be_named_and_are_another_space(
        self, server: FakeGemini, make: Make
    ) -> None:
        assert make().space == "gemini-embedding-001@3072|RETRIEVAL_DOCUMENT"
        similar = make(document_task="SEMANTIC_SIMILARITY")
        assert similar.space == "gemini-embedding-001@3072|SEMANTIC_SIMILARITY"
        similar.embed(TEXTS)
        assert tasks(server) == {"SEMANTIC_SIMILARITY"}
        asking = make(query_task="QUESTION_ANSWERING")
        assert asking.space == make().space
        asking.embed_query("lost?")
        assert tasks(server) == {"QUESTION_ANSWERING"}

    def test_reads_2048_tokens(self, make: Make) -> None:
        assert make().max_tokens == 2048
        texts = ["short", "long " * 2000]
        assert make().embed_counted(texts).truncated == (1,)


class TestNewFamily:
    def test_is_told_by_words_before_the_text(self, server: FakeGemini, make: Make) -> None:
        make(NEW).embed(TEXTS)
        assert server.requests[-1].texts == [f"title: none | text: {text}" for text in TEXTS]
        make(NEW).embed_query("lost")
        assert server.requests[-1].texts == ["task: search result | query: lost"]
        assert tasks(server) == {None}

    def test_the_words_are_settings_and_part_of_the_space(
        self, server: FakeGemini, make: Make
    ) -> None:
        assert make(NEW).space == "gemini-embedding-2@3072|title: none | text: "
        plain = make(NEW, DOCUMENT_PREFIX="", QUERY_PREFIX="task: fact checking | query: ")
        assert plain.space == "gemini-embedding-2@3072"
        plain.embed(TEXTS)
        assert server.requests[-1].texts == TEXTS
        plain.embed_query("lost")
        assert server.requests[-1].texts == ["task: fact checking | query: lost"]

    def test_knows_no_tasks(self, make: Make) -> None:
        with pytest.raises(InvalidEmbedderError, match="gemini-embedding-2 knows no document_task"):
            make(NEW, document_task="RETRIEVAL_DOCUMENT")

    def test_reads_8192_tokens(self, make: Make) -> None:
        assert make("models/gemini-embedding-2-preview").max_tokens == 8192


@pytest.mark.parametrize("model", [OLD, NEW])
class TestBothFamilies:
    def test_each_text_has_a_vector_of_its_own(
        self, server: FakeGemini, make: Make, model: str
    ) -> None:
        vectors = make(model).embed(TEXTS)
        assert len(server.requests[-1].body["requests"]) == 2
        assert vectors.shape == (2, 3072)
        assert not np.allclose(vectors[0], vectors[1])

    def test_shortened_vectors_are_brought_to_length_1_and_no_others(
        self, server: FakeGemini, make: Make, model: str
    ) -> None:
        shortened = make(model, DIMENSIONS=768).embed(TEXTS)
        assert {each["outputDimensionality"] for each in server.requests[-1].body["requests"]} == {
            768
        }
        assert np.allclose(np.linalg.norm(shortened, axis=1), 1)
        assert np.allclose(np.linalg.norm(make(model).embed(TEXTS), axis=1), SCALE)

    def test_a_request_holds_100_texts(self, server: FakeGemini, make: Make, model: str) -> None:
        make(model, BATCH_SIZE=1000).embed([f"text {number}" for number in range(201)])
        assert [len(request.texts) for request in server.requests] == [100, 100, 1]

    def test_tokens_are_those_that_the_server_counted_or_else_estimated(
        self, server: FakeGemini, make: Make, model: str
    ) -> None:
        embedder = make(model)
        counted = embedder.embed_counted(TEXTS).tokens
        assert counted == sum(len(text.split()) for text in server.requests[-1].texts)
        for fault in ("no_usage", "zero_usage"):
            server.script(fault)
            assert embedder.embed_counted(TEXTS).tokens == sum(embedder.count_tokens(TEXTS))


def test_a_model_that_is_not_known_is_asked_as_it_is(server: FakeGemini, make: Make) -> None:
    embedder = make("gemini-embedding-9", DIMENSIONS=100)
    assert (embedder.max_tokens, embedder.space) == (None, "gemini-embedding-9@100")
    embedder.embed(TEXTS)
    assert (server.requests[-1].texts, tasks(server)) == (TEXTS, {None})
    with pytest.raises(InvalidEmbedderError, match="DIMENSIONS is missing"):
        make("gemini-embedding-9")


def test_the_environment_does_not_turn_it_into_another_service(
    server: FakeGemini, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
    make().embed(TEXTS)
    assert len(server.requests) == 1


def test_a_daily_quota_is_not_waited_for_though_the_server_says_so(
    server: FakeGemini, make: Make
) -> None:
    server.script("quota")
    with pytest.raises(EmbedderRefusedError, match="exceeded your current quota"):
        make(max_retries=5).embed(TEXTS)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["GOOGLE_API_KEY", "GEMINI_API_KEY"])
def test_the_key_may_have_either_name(
    server: FakeGemini, make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "from-the-environment")
    make(api_key=None).embed(TEXTS)
    assert server.requests[-1].headers["x-goog-api-key"] == "from-the-environment"
