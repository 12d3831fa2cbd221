"""`OpenAIEmbedder`: OpenAI, and every server that speaks its format."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.checks import CheckMessage, Error

from hybrid_store.embedders.answers import Answer
from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.embedders.retries import retry_after
from hybrid_store.embedders.shared import Shared
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    EmbedderError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
    TextRefusedError,
)

if TYPE_CHECKING:
    from openai import OpenAI, OpenAIError

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

TEXT_STATUSES = (400, 413, 422)
"""The input is at fault..."""
SETTINGS = ("model", "dimensions", "encoding_format")
"""...unless the answer names one of these parameters."""
PASSING_STATUSES = (408, 409, 425, 429)
"""As are those from 500."""
LASTING_CODES = ("insufficient_quota", "billing_hard_limit_reached")
"""These come with the status of a rate limit."""

QUOTED = 200
"""Characters of a server's own words that an error quotes at most."""

clients: Shared[OpenAI] = Shared()
"""HTTP clients by process and by the options that they were made with."""


class OpenAIEmbedder(BaseEmbedder):
    """OpenAI, or by `base_url` any server with its interface: Azure, Ollama, vLLM, TEI and others.

    OPTIONS: `api_key` (default: the environment's OPENAI_API_KEY); `base_url`; `organization`;
    `timeout` of a request in seconds (default: 30); `max_retries` after a failure that may pass
    (default: 2); `send_dimensions`, name DIMENSIONS in requests (default: for the models that are
    known to accept it); `encoding_format`, "base64" (default) or "float", for servers that reject
    the former; `max_tokens` of a text (default: 8192 for OpenAI's models, else unknown);
    `truncates`, the server reads only the beginning of a longer text, instead of refusing it as
    OpenAI does (default: False).

    Requests stay within what OpenAI accepts.
    """

    remote = True
    request_texts = REQUEST_TEXTS
    request_tokens = REQUEST_TOKENS

    option_types = {
        "api_key": str,
        "base_url": str,
        "organization": str,
        "timeout": (int, float),
        "max_retries": int,
        "send_dimensions": bool,
        "encoding_format": str,
        "max_tokens": int,
        "truncates": bool,
    }
    requires = ("openai",)
    extra = "openai"

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        if not self.options.get("base_url", "https://").startswith(("http://", "https://")):
            raise self.invalid("base_url must begin with http:// or https://.")
        self.truncates = self.options.get("truncates", False)

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        known = DIMENSIONS.get(params.get("MODEL", ""))
        return {"BATCH_SIZE": 256} | ({"DIMENSIONS": known} if known else {})

    @property
    def max_tokens(self) -> int | None:
        known = TEXT_TOKENS if self.model in DIMENSIONS else None
        return self.options.get("max_tokens", known)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Besides those of every embedder:

        hybrid_store.E103: there is no API key, and no server of one's own that may need none.
        """
        errors = super().check(**kwargs)
        if not self._api_key:
            errors.append(
                Error(
                    "There is no API key.",
                    hint="Set OPENAI_API_KEY in the environment, or api_key in its OPTIONS.",
                    obj=self,
                    id="hybrid_store.E103",
                )
            )
        return errors

    @property
    def _api_key(self) -> str | None:
        # A key that was read from a file ends with a line break.
        key = (self.options.get("api_key") or os.environ.get("OPENAI_API_KEY", "")).strip()
        # The client insists on a key; a server of one's own often knows none.
        return key or ("none" if "base_url" in self.options else None)

    def _client(self) -> OpenAI:
        key = self._api_key
        if not key:
            raise self.invalid('there is no API key: set OPENAI_API_KEY or OPTIONS["api_key"].')
        if not (key.isascii() and key.isprintable()):
            # The client would say so too, and quote the key.
            raise self.invalid("the API key has characters that cannot be sent.")
        options = {
            "api_key": key,
            "base_url": self.options.get("base_url"),
            "organization": self.options.get("organization"),
            "timeout": self.options.get("timeout", 30),
        }
        # Connections must not be shared with the process that this one was forked from.
        return clients.get((os.getpid(), *options.values()), lambda: self._connect(options))

    def _connect(self, options: Mapping[str, Any]) -> OpenAI:
        self.require_extra()
        from openai import OpenAI

        # Retries are made here: the client would repeat a request whose quota is exhausted.
        return OpenAI(max_retries=0, **options)

    def embed_batch(self, texts: Sequence[str]) -> Answer:
        client = self._client()
        from openai import OpenAIError

        failure: EmbedderError
        try:
            raw = client.embeddings.with_raw_response.create(**self._parameters(texts))
            answer = raw.http_response.json()
        except OpenAIError as error:
            failure = self._failure(error, texts)
        except ValueError:
            failure = EmbedderUnavailableError(f"{self} did not answer with complete JSON.")
        else:
            return Answer(self._vectors(answer, len(texts)), used_tokens(answer))
        # Raised here, where it does not drag the client's error along, and with it the key.
        raise failure

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

    def _failure(self, error: OpenAIError, texts: Sequence[str]) -> EmbedderError:
        """The error of this package that stands for one of the client."""
        from openai import APIStatusError

        if not isinstance(error, APIStatusError):
            cause = error.__cause__ or error
            reason = self._quoted(f"{type(cause).__name__} {cause}", texts)
            return EmbedderUnavailableError(f"{self} cannot be reached: {reason}")
        body = error.body if isinstance(error.body, dict) else {}
        reason = self._quoted(str(body.get("message") or error), texts)
        message = f"{self} answered with status {error.status_code}: {reason}"
        if error.status_code in TEXT_STATUSES and body.get("param") not in SETTINGS:
            return TextRefusedError(message)
        passing = error.status_code in PASSING_STATUSES or error.status_code >= 500
        if passing and body.get("code") not in LASTING_CODES:
            return EmbedderUnavailableError(message, retry_after(error.response.headers))
        return EmbedderRefusedError(message)

    def _quoted(self, words: str, texts: Sequence[str]) -> str:
        """A server's own words, without the key and without the texts that it may repeat."""
        for secret in (self._api_key or "", *texts):
            if len(secret) > len("none"):
                words = words.replace(secret, "...")
        return words if len(words) <= QUOTED else f"{words[:QUOTED]}..."


def used_tokens(answer: Any) -> int | None:
    """What `usage` tells; None where a server leaves it out or has not counted."""
    usage = answer.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and tokens > 0 else None
