"""`GeminiEmbedder`: Google's Gemini API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hybrid_store.embedders.answers import Answer, checked_answer
from hybrid_store.embedders.base import Kind
from hybrid_store.embedders.remote import RemoteEmbedder
from hybrid_store.embedders.retries import retry_after
from hybrid_store.exceptions import EmbedderError
from hybrid_store.vectors import FloatArray

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.errors import APIError
    from google.genai.types import EmbedContentResponse

__all__ = ["GeminiEmbedder"]

REQUEST_TEXTS = 100
"""Most texts that the API takes in a batch."""


class Family(NamedTuple):
    """What is known of models whose names begin alike."""

    max_tokens: int | None = None
    dimensions: int | None = None
    tasks: bool = False
    """Is the model told by a parameter what a text is for? Else by words before the text."""
    document_prefix: str = ""
    query_prefix: str = ""


FAMILIES = {
    "gemini-embedding-001": Family(max_tokens=2048, dimensions=3072, tasks=True),
    "gemini-embedding-2": Family(
        max_tokens=8192,
        dimensions=3072,
        document_prefix="title: none | text: ",
        query_prefix="task: search result | query: ",
    ),
}
"""As the API's guide to embeddings states it."""

TASKS = {Kind.DOCUMENT: "RETRIEVAL_DOCUMENT", Kind.QUERY: "RETRIEVAL_QUERY"}

SETTINGS = re.compile(r"output_?dimensionality|task_?type", re.IGNORECASE)
"""Parameters that an answer names where not the input is at fault."""


class GeminiEmbedder(RemoteEmbedder):
    """gemini-embedding-001 and gemini-embedding-2, by the Gemini API.

    OPTIONS besides those of `RemoteEmbedder`, for gemini-embedding-001: `document_task` and
    `query_task`, what its vectors are for (default: "RETRIEVAL_DOCUMENT" and "RETRIEVAL_QUERY").
    gemini-embedding-2 is told by words before the text: DOCUMENT_PREFIX and QUERY_PREFIX are by
    default those of its guide.

    Vectors of fewer than the full dimensions are brought to length 1, which those of
    gemini-embedding-001 do not have. Tokens are those that the API reports, else estimates, and
    so is which texts were cut off: the API does not tell.
    """

    truncates = True
    request_texts = REQUEST_TEXTS
    option_types = {**RemoteEmbedder.option_types, "document_task": str, "query_task": str}
    requires = ("google.genai",)
    extra = "gemini"
    key_variables = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    option_variables = {"base_url": ("GOOGLE_GEMINI_BASE_URL",)}

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        for name in ("document_task", "query_task"):
            if name in self.options and not self._family.tasks:
                raise self.invalid(
                    f"{self.model} knows no {name}; it is told by DOCUMENT_PREFIX and QUERY_PREFIX."
                )

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        family = family_of(params.get("MODEL", ""))
        known = {
            "BATCH_SIZE": REQUEST_TEXTS,
            "DIMENSIONS": family.dimensions,
            "DOCUMENT_PREFIX": family.document_prefix,
            "QUERY_PREFIX": family.query_prefix,
        }
        return {name: value for name, value in known.items() if value is not None}

    @property
    def known_tokens(self) -> int | None:
        return self._family.max_tokens

    @property
    def default_space(self) -> str:
        """Vectors for another task are others, so the task of documents is a part of it."""
        task = self._task(Kind.DOCUMENT)
        return f"{super().default_space}|{task}" if task else super().default_space

    def connect(self) -> Client:
        from google.genai import Client
        from google.genai.types import HttpOptions

        options = HttpOptions(
            base_url=self.options.get("base_url"),
            timeout=max(1, round(1000 * self.timeout)),
        )
        # The environment could turn it into a client of Vertex AI.
        return Client(api_key=self.api_key, vertexai=False, http_options=options)

    def embed_batch(self, texts: Sequence[str]) -> Answer:
        return self.embed_batch_as(texts, Kind.DOCUMENT)

    def embed_batch_as(self, texts: Sequence[str], kind: Kind) -> Answer:
        answer = self.asked(partial(self._ask, self.client(), texts, kind), texts)
        return Answer(self._vectors(answer, len(texts)), used_tokens(answer))

    def failure_of(self, error: Exception, texts: Sequence[str]) -> EmbedderError:
        from google.genai.errors import APIError

        if not isinstance(error, APIError):
            return super().failure_of(error, texts)
        message = str(error.message or error)
        fields = [
            str(each.get("field")) for each in of_each(error, "BadRequest", "fieldViolations")
        ]
        is_of_account = error.status == "FAILED_PRECONDITION" or details(error, "ErrorInfo")
        return self.failed(
            error.code,
            self.quoted(message, texts),
            is_setting=bool(is_of_account or SETTINGS.search(" ".join([message, *fields]))),
            is_lasting=any(
                is_lasting(each) for each in of_each(error, "QuotaFailure", "violations")
            ),
            wait=wished_wait(error),
        )

    def _ask(self, client: Client, texts: Sequence[str], kind: Kind) -> EmbedContentResponse:
        from google.genai.types import Content, EmbedContentConfig, Part

        return client.models.embed_content(
            model=self.model,
            # Of plain texts, gemini-embedding-2 would make one vector for all of them together.
            contents=[Content(parts=[Part(text=text)]) for text in texts],
            config=EmbedContentConfig(
                output_dimensionality=self.dimensions, task_type=self._task(kind)
            ),
        )

    def _vectors(self, answer: EmbedContentResponse, count: int) -> FloatArray:
        values = [item.values for item in answer.embeddings or []]
        vectors = checked_answer(values, count, self.dimensions, str(self))
        if self.dimensions == self._family.dimensions:
            return vectors
        normed: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return normed

    def _task(self, kind: Kind) -> str | None:
        return self.options.get(f"{kind}_task", TASKS[kind]) if self._family.tasks else None

    @property
    def _family(self) -> Family:
        return family_of(self.model)


def family_of(model: str) -> Family:
    """What is known of a model, nothing of one that is new."""
    name = model.rpartition("/")[2]
    known = (family for start, family in FAMILIES.items() if name.startswith(start))
    return next(known, Family())


def used_tokens(answer: EmbedContentResponse) -> int | None:
    return (answer.usage_metadata and answer.usage_metadata.prompt_token_count) or None


def details(error: APIError, kind: str) -> list[dict[str, Any]]:
    """The parts of an answer that are of one kind of google.rpc's error details."""
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error")
    given = inner.get("details") if isinstance(inner, dict) else None
    return [
        detail
        for detail in (given if isinstance(given, list) else [])
        if isinstance(detail, dict) and str(detail.get("@type")).endswith(f".{kind}")
    ]


def of_each(error: APIError, kind: str, name: str) -> Iterator[dict[str, Any]]:
    for detail in details(error, kind):
        items = detail.get(name)
        yield from (
            item for item in (items if isinstance(items, list) else []) if isinstance(item, dict)
        )


def is_lasting(quota: Mapping[str, Any]) -> bool:
    """Is it refilled only tomorrow, or never?"""
    return "PerDay" in str(quota.get("quotaId")) or quota.get("quotaValue") == "0"


def wished_wait(error: APIError) -> float | None:
    """Seconds that an answer asks to wait: in its RetryInfo, such as "37s", or in its headers."""
    for detail in details(error, "RetryInfo"):
        delay = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay")))
        if delay:
            return float(delay[1])
    headers = getattr(error.response, "headers", None)
    return retry_after(headers) if headers else None
