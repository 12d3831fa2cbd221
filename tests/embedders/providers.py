"""Every embedder that asks a server, each with a server that stands in for its provider."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hybrid_store.embedders.gemini import GeminiEmbedder
from hybrid_store.embedders.openai import OpenAIEmbedder
from hybrid_store.embedders.pydantic_ai import PydanticAIEmbedder
from hybrid_store.embedders.remote import RemoteEmbedder
from hybrid_store.exceptions import (
    EmbedderAnswerError,
    EmbedderError,
    EmbedderRefusedError,
    EmbedderUnavailableError,
    TextRefusedError,
)
from tests.embedders.fake_bedrock import FakeBedrock
from tests.embedders.fake_cohere import FakeCohere
from tests.embedders.fake_gemini import FakeGemini
from tests.embedders.fake_openai import FakeOpenAI
from tests.embedders.fake_server import FakeServer
from tests.embedders.fake_voyage import FakeVoyage

__all__ = ["ERRORS", "KEY", "PROVIDERS", "Make", "Provider", "everything_about", "maker"]

KEY = "sk-planted-0123456789"

Make = Callable[..., RemoteEmbedder]
Errors = Mapping[str, type[EmbedderError] | None]

# What each fault leads to; None: to the right vectors.
ERRORS: Errors = {
    "rate_limited": EmbedderUnavailableError,
    "rate_limited_briefly": EmbedderUnavailableError,
    "rate_limited_for_long": EmbedderUnavailableError,
    "rate_limited_by_header": EmbedderUnavailableError,
    "list_error": EmbedderUnavailableError,
    "unpaid": EmbedderUnavailableError,
    "quota": EmbedderRefusedError,
    "no_quota": EmbedderRefusedError,
    "server_error": EmbedderUnavailableError,
    "overloaded": EmbedderUnavailableError,
    "deadline": EmbedderUnavailableError,
    "odd_error": EmbedderUnavailableError,
    "bad_key": EmbedderRefusedError,
    "no_billing": EmbedderRefusedError,
    "unauthorized": EmbedderRefusedError,
    "forbidden": EmbedderRefusedError,
    "unknown_model": EmbedderRefusedError,
    "bad_text": TextRefusedError,
    "bad_setting": EmbedderRefusedError,
    "bad_field": EmbedderRefusedError,
    "html": EmbedderUnavailableError,
    "other_json": EmbedderAnswerError,
    "plain_list": EmbedderAnswerError,
    "nothing": EmbedderAnswerError,
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
    "no_list": EmbedderAnswerError,
    "no_values": EmbedderAnswerError,
    "no_embedding": EmbedderAnswerError,
    "no_embeddings": EmbedderAnswerError,
    "no_usage": None,
    "strange_usage": None,
    "zero_usage": None,
    "truncated_json": EmbedderUnavailableError,
    "reset": EmbedderUnavailableError,
    "half_closed": EmbedderUnavailableError,
    "silent": EmbedderUnavailableError,
}


@dataclass(frozen=True)
class Provider:
    name: str
    server: type[FakeServer]
    embedder: type[RemoteEmbedder]
    model: str
    served: str = ""
    """The model's name as the server sees it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    errors: Errors = field(default_factory=dict)
    """Where they differ from ERRORS."""
    alone: bool = False
    """Is there a request for each text?"""

    def faults(self) -> list[tuple[str, type[EmbedderError] | None]]:
        errors = {**ERRORS, **self.errors}
        return [(fault, errors[fault]) for fault in self.server.faults()]


PROVIDERS = [
    Provider("openai", FakeOpenAI, OpenAIEmbedder, "fake-model"),
    Provider("gemini-001", FakeGemini, GeminiEmbedder, "gemini-embedding-001"),
    Provider("gemini-2", FakeGemini, GeminiEmbedder, "gemini-embedding-2"),
    Provider("cohere", FakeCohere, PydanticAIEmbedder, "cohere:embed-v4.0", "embed-v4.0"),
    Provider("voyage", FakeVoyage, PydanticAIEmbedder, "voyageai:voyage-3.5", "voyage-3.5"),
    Provider(
        "titan",
        FakeBedrock,
        PydanticAIEmbedder,
        "bedrock:amazon.titan-embed-text-v2:0",
        "amazon.titan-embed-text-v2:0",
        # A bearer token is not sent without encryption.
        options={"api_key": None, "region": "us-east-1"},
        # There is one vector in an answer.
        errors={"one_extra": None},
        alone=True,
    ),
    Provider(
        "bedrock-cohere",
        FakeBedrock,
        PydanticAIEmbedder,
        "bedrock:cohere.embed-v4:0",
        "cohere.embed-v4:0",
        options={"api_key": None, "region": "us-east-1"},
    ),
]


def maker(provider: Provider, server: FakeServer) -> Make:
    """Makes embedders that ask `server`."""

    def make(**options: Any) -> RemoteEmbedder:
        settings = {name: options.pop(name) for name in list(options) if name.isupper()}
        options = {
            "base_url": server.url,
            "api_key": KEY,
            "max_retries": 0,
            **provider.options,
            **options,
        }
        params = {"MODEL": provider.model, "DIMENSIONS": 384, "OPTIONS": options, **settings}
        return provider.embedder("default", params)

    return make


def everything_about(error: BaseException | None) -> str:
    """All that a report may show of an error and of those behind it, suppressed or not, with the
    variables of every function that it went through in this package."""
    shown = ""
    while error is not None:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        report.stack = traceback.StackSummary.from_list(
            [frame for frame in report.stack if "/hybrid_store/" in frame.filename]
        )
        shown += "".join(report.format()) + repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return shown
