"""`PydanticAIEmbedder`: what is peculiar to it; see also `test_remote`."""

from __future__ import annotations

from typing import Any

import pytest

from hybrid_store.embedders.pydantic_ai import PydanticAIEmbedder
from hybrid_store.exceptions import EmbedderRefusedError, InvalidEmbedderError
from tests.embedders.fake_bedrock import FakeBedrock
from tests.embedders.fake_cohere import FakeCohere
from tests.embedders.fake_gemini import FakeGemini
from tests.embedders.fake_server import FakeServer
from tests.embedders.fake_voyage import FakeVoyage
from tests.embedders.providers import KEY, everything_about

TEXTS = ["a crew lost in space", "two friends rob a bank"]


def make(model: str, server: FakeServer | None = None, **options: Any) -> PydanticAIEmbedder:
    settings = {name: options.pop(name) for name in list(options) if name.isupper()}
    given = {"base_url": server and server.url, "api_key": KEY, "max_retries": 0}
    if model.startswith("bedrock:"):
        given |= {"api_key": None, "region": "us-east-1"}
    options = given | options
    return PydanticAIEmbedder("default", {"MODEL": model, "OPTIONS": options, **settings})


class TestModels:
    @pytest.mark.parametrize(
        ("model", "space", "tokens", "texts"),
        [
            ("cohere:embed-v4.0", "embed-v4.0@1536|document", 128_000, 96),
            ("cohere:embed-english-light-v3.0", "embed-english-light-v3.0@384|document", 512, 96),
            ("voyageai:voyage-4-lite", "voyage-4-lite@1024|document", 32_000, 128),
            ("voyageai:voyage-law-2", "voyage-law-2@1024|document", 16_000, 128),
            (
                "bedrock:amazon.titan-embed-text-v2:0",
                "amazon.titan-embed-text-v2:0@1024",
                8192,
                96,
            ),
            ("bedrock:cohere.embed-v4:0", "cohere.embed-v4:0@1536|document", 128_000, 96),
        ],
    )
    def test_limits_and_dimensions_are_known(
        self, model: str, space: str, tokens: int, texts: int
    ) -> None:
        embedder = make(model)
        assert (embedder.space, embedder.max_tokens) == (space, tokens)
        assert (embedder.request_texts, embedder.batch_size) == (
            texts,
            16 if "titan" in model else texts,
        )

    def test_of_one_that_is_not_known_they_are_told(self) -> None:
        embedder = make("cohere:embed-v9", DIMENSIONS=10, max_tokens=100)
        assert (embedder.space, embedder.max_tokens) == ("embed-v9@10|document", 100)
        with pytest.raises(InvalidEmbedderError, match="DIMENSIONS is missing"):
            make("cohere:embed-v9")

    @pytest.mark.parametrize("model", ["embed-v4.0", "cohere:", ":embed-v4.0"])
    def test_are_named_with_their_provider(self, model: str) -> None:
        with pytest.raises(InvalidEmbedderError, match=r'MODEL must be "provider:model"'):
            make(model, DIMENSIONS=3)

    @pytest.mark.parametrize(
        ("model", "sent"), [("cohere:embed-v4.0", 384), ("cohere:embed-english-v3.0", None)]
    )
    def test_dimensions_are_sent_to_those_that_take_them(
        self, model: str, sent: int | None
    ) -> None:
        with FakeCohere(dimensions=384) as server:
            make(model, server, DIMENSIONS=384).embed(TEXTS)
            assert server.requests[-1].dimensions == sent


class TestWire:
    def test_cohere_is_told_what_texts_are_and_to_cut_them_off(self) -> None:
        with FakeCohere() as server:
            embedder = make("cohere:embed-v4.0", server)
            assert embedder.embed_counted(TEXTS).tokens == 10
            body = server.requests[-1].body
            assert (body["input_type"], body["truncate"]) == ("search_document", "END")
            embedder.embed_query("lost")
            assert server.requests[-1].body["input_type"] == "search_query"
            make("cohere:embed-v4.0", server, TOO_LONG="refuse").embed(TEXTS)
            assert server.requests[-1].body["truncate"] == "NONE"

    def test_voyage_is_told_what_texts_are_and_to_cut_them_off(self) -> None:
        with FakeVoyage() as server:
            embedder = make("voyageai:voyage-3.5", server)
            assert embedder.embed_counted(TEXTS).tokens == 10
            body = server.requests[-1].body
            assert (body["input_type"], body["truncation"]) == ("document", True)
            embedder.embed_query("lost")
            assert server.requests[-1].body["input_type"] == "query"
            make("voyageai:voyage-3.5", server, TOO_LONG="refuse").embed(TEXTS)
            assert server.requests[-1].body["truncation"] is False

    def test_titan_takes_one_text_in_a_request(self) -> None:
        with FakeBedrock() as server:
            embedder = make("bedrock:amazon.titan-embed-text-v2:0", server)
            assert embedder.batch_size == 16
            assert embedder.embed_counted(TEXTS).tokens == 10
            assert sorted(request.texts[0] for request in server.requests) == TEXTS

    def test_which_texts_are_cut_off_is_reported_where_they_are(self) -> None:
        texts = ["short", "long " * 2000]
        with FakeCohere(dimensions=1024) as server:
            embedded = make("cohere:embed-english-v3.0", server).embed_counted(texts)
            assert embedded.truncated == (1,)
        # Titan refuses them.
        assert not make("bedrock:amazon.titan-embed-text-v2:0").truncates

    def test_another_provider_is_asked_as_pydantic_ai_does(self) -> None:
        with FakeGemini() as server:
            embedder = make("google:gemini-embedding-001", server, DIMENSIONS=384)
            assert embedder.embed(TEXTS).shape == (2, 384)
            assert server.requests[-1].headers["x-goog-api-key"] == KEY

    def test_what_another_provider_needs_is_told(self) -> None:
        embedder = make("mistral:mistral-embed", api_key=None, DIMENSIONS=1024)
        with pytest.raises(InvalidEmbedderError, match="mistral"):
            embedder.embed(TEXTS)


class TestClients:
    def test_of_two_providers_are_two(self) -> None:
        one, other = make("cohere:embed-v4.0"), make("voyageai:voyage-3.5")
        assert one.client() is not other.client()
        assert one.client() is make("cohere:embed-english-v3.0").client()

    def test_bedrock_takes_a_key_as_a_bearer_token(self) -> None:
        provider = make("bedrock:amazon.titan-embed-text-v2:0", api_key=KEY).client()
        assert provider.client.meta.config.signature_version == "bearer"
        assert make("bedrock:amazon.titan-embed-text-v2:0").check() == []

    def test_what_is_missing_for_a_client_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InvalidEmbedderError, match="Unknown provider: nobody") as raised:
            make("nobody:model", DIMENSIONS=3).embed(TEXTS)
        assert KEY not in everything_about(raised.value)
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        with pytest.raises(InvalidEmbedderError, match="region"):
            make("bedrock:amazon.titan-embed-text-v2:0", region=None).embed(TEXTS)

    def test_missing_credentials_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with FakeBedrock() as server:
            embedder = make("bedrock:amazon.titan-embed-text-v2:0", server)
            with pytest.raises(EmbedderRefusedError, match="locate credentials"):
                embedder.embed(TEXTS)

    def test_a_model_that_its_provider_cannot_embed_with_is_told(self) -> None:
        embedder = make("bedrock:meta.llama", DIMENSIONS=3)
        with pytest.raises(EmbedderRefusedError, match="Unsupported Bedrock embedding model"):
            embedder.embed(TEXTS)
