"""`OpenAIEmbedder`: OpenAI, and every server that speaks its format."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_store.embedders.answers import Answer
from hybrid_store.embedders.remote import RemoteEmbedder
from hybrid_store.embedders.retries import retry_after
from hybrid_store.exceptions import EmbedderAnswerError, EmbedderError

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["OpenAIEmbedder"]

REQUEST_TEXTS = 2048
REQUEST_TOKENS = 300_000
TEXT_TOKENS = 8192
"""Limits that OpenAI's API reference states for embeddings: inputs a request, tokens a request
and tokens an input."""

DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
SHORTENING = "text-embedding-3-"
"""What the names of those models begin with that take `dimensions` as a parameter."""

SETTINGS = ("model", "dimensions", "encoding_format")
"""Parameters that an answer names where not the input is at fault."""
LASTING_CODES = ("insufficient_quota", "billing_hard_limit_reached")
"""These come with the status of a rate limit."""
NO_KEY = "none"


class OpenAIEmbedder(RemoteEmbedder):
    """OpenAI, or by `base_url` any server with its interface: Azure, Ollama, vLLM, TEI and others.

    OPTIONS besides those of `RemoteEmbedder`: `organization`; `send_dimensions`, name DIMENSIONS
    in requests (default: for the models that are known to accept it); `encoding_format`, "base64"
    (default) or "float", for servers that reject the former; `truncates`, the server reads only
    the beginning of a longer text, instead of refusing it as OpenAI does (default: False).

    Requests stay within what OpenAI accepts. A server of one's own may need no key.
    """

    request_texts = REQUEST_TEXTS
    request_tokens = REQUEST_TOKENS
    option_types = {
        **RemoteEmbedder.option_types,
        "organization": str,
        "send_dimensions": bool,
        "encoding_format": str,
        "truncates": bool,
    }
    requires = ("openai",)
    extra = "openai"
    key_variables = ("OPENAI_API_KEY",)
    option_variables = {"base_url": ("OPENAI_BASE_URL",), "organization": ("OPENAI_ORG_ID",)}

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        self.truncates = self.options.get("truncates", False)

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        known = DIMENSIONS.get(params.get("MODEL", ""))
        return {"BATCH_SIZE": 256} | ({"DIMENSIONS": known} if known else {})

    @property
    def known_tokens(self) -> int | None:
        return TEXT_TOKENS if self.model in DIMENSIONS else None

    @property
    def api_key(self) -> str | None:
        # The client insists on a key; a server of one's own often knows none.
        return super().api_key or (NO_KEY if "base_url" in self.options else None)

    def connect(self) -> OpenAI:
        from openai import OpenAI

        # Retries are made here: the client would repeat a request whose quota is exhausted.
        return OpenAI(
            max_retries=0,
            api_key=self.api_key,
            base_url=self.options.get("base_url"),
            organization=self.options.get("organization"),
            timeout=self.timeout,
        )

    def embed_batch(self, texts: Sequence[str]) -> Answer:
        answer = self.asked(partial(self._ask, self.client(), texts), texts)
        return Answer(self._vectors(answer, len(texts)), used_tokens(answer))

    def failure_of(self, error: Exception, texts: Sequence[str]) -> EmbedderError:
        from openai import APIConnectionError, APIStatusError

        if isinstance(error, APIConnectionError):
            return self.unreachable(error, texts)
        if not isinstance(error, APIStatusError):
            return super().failure_of(error, texts)
        body = error.body if isinstance(error.body, dict) else {}
        return self.failed(
            error.status_code,
            self.quoted(str(body.get("message") or error), texts),
            is_setting=body.get("param") in SETTINGS,
            is_lasting=body.get("code") in LASTING_CODES,
            wait=retry_after(error.response.headers),
        )

    def _ask(self, client: OpenAI, texts: Sequence[str]) -> Any:
        # Not read by the client, which lets pass what is no answer.
        raw = client.embeddings.with_raw_response.create(**self._parameters(texts))
        return raw.http_response.json()

    def _parameters(self, texts: Sequence[str]) -> dict[str, Any]:
        parameters = {
            "input": texts,
            "model": self.model,
            "encoding_format": self.options.get("encoding_format", "base64"),
        }
        if self.options.get("send_dimensions", self.model.startswith(SHORTENING)):
            parameters["dimensions"] = self.dimensions
        return parameters

    def _vectors(self, answer: Any, count: int) -> list[Any]:
        items = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(items, list):
            raise EmbedderAnswerError(f"{self} answered with something that is no embeddings.")
        if len(items) != count:
            raise EmbedderAnswerError(
                f"{self} answered with {len(items)} vectors for {count} texts."
            )
        # The order of the items need not be that of the texts; `index` tells.
        by_index = {
            item["index"]: item.get("embedding")
            for item in items
            if isinstance(item, dict) and isinstance(item.get("index"), int)
        }
        if by_index.keys() != set(range(count)):
            raise EmbedderAnswerError(
                f"{self} answered with other indexes than 0 to {count - 1}, each once."
            )
        return [self._vector(by_index[index]) for index in range(count)]

    def _vector(self, embedding: Any) -> Any:
        """Base64 holds float32, little-endian; some servers send numbers whatever was asked."""
        if not isinstance(embedding, str):
            return embedding
        try:
            return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        except ValueError as error:
            raise EmbedderAnswerError(f"{self} answered with damaged base64.") from error


def used_tokens(answer: Any) -> int | None:
    """What `usage` tells; None where a server leaves it out or has not counted."""
    usage = answer.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and tokens > 0 else None
