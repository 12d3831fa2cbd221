"""A server that speaks the wire format of the Gemini API's embeddings; see `fake_server`.

As the API does, it makes one vector of every request in a batch, however many parts its content
has, and vectors of fewer than the full dimensions are not of length 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.embedders.fake_server import Answer, Body, FakeServer, Request, Vectors

__all__ = ["SCALE", "FakeGemini"]

SCALE = 0.5
"""Length of the vectors."""

PATH = re.compile(r"/v1(?:beta)?/models/([\w.-]+):batchEmbedContents")
MOST_TEXTS = 100

GOOGLE_RPC = "type.googleapis.com/google.rpc."


def failed(status: int, name: str, message: str, *details: Body) -> Answer:
    error = {"code": status, "message": message, "status": name}
    return Answer(status, {"error": error | ({"details": list(details)} if details else {})})


def quota(name: str, value: str = "100") -> Body:
    violation = {"quotaMetric": "embed_content_requests", "quotaId": name, "quotaValue": value}
    return {"@type": f"{GOOGLE_RPC}QuotaFailure", "violations": [violation]}


def retry_in(delay: str) -> Body:
    return {"@type": f"{GOOGLE_RPC}RetryInfo", "retryDelay": delay}


def reason(name: str) -> Body:
    return {"@type": f"{GOOGLE_RPC}ErrorInfo", "reason": name, "domain": "googleapis.com"}


def of_field(name: str) -> Body:
    violation = {"field": name, "description": "is wrong"}
    return {"@type": f"{GOOGLE_RPC}BadRequest", "fieldViolations": [violation]}


PER_MINUTE = "EmbedContentRequestsPerMinutePerUserPerProjectPerModel"
PER_DAY = "EmbedContentRequestsPerDayPerUserPerProjectPerModel-FreeTier"
NOT_VALID = "API key not valid. Please pass a valid API key."
EXHAUSTED = "You exceeded your current quota, please check your plan and billing details."


def limited(*details: Body) -> Answer:
    return failed(429, "RESOURCE_EXHAUSTED", EXHAUSTED, *details)


def with_first(**changes: Any) -> Callable[[Body], Body]:
    return lambda body: {**body, "embeddings": [changes, *body["embeddings"][1:]]}


class FakeGemini(FakeServer):
    failures = {
        "rate_limited": failed(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
        "rate_limited_briefly": limited(quota(PER_MINUTE), retry_in("0.01s")),
        "rate_limited_for_long": limited(quota(PER_MINUTE), retry_in("3600s")),
        "rate_limited_by_header": Answer(
            429, {"error": {"code": 429}}, headers=(("retry-after", "0.01"),)
        ),
        # It asks to come back in seconds, however long the day is.
        "quota": limited(quota(PER_DAY), retry_in("0.01s")),
        "no_quota": limited(quota(PER_MINUTE, "0"), retry_in("0.01s")),
        "server_error": failed(500, "INTERNAL", "An internal error has occurred."),
        "overloaded": failed(503, "UNAVAILABLE", "The model is overloaded."),
        "deadline": failed(504, "DEADLINE_EXCEEDED", "Deadline expired."),
        "bad_key": failed(400, "INVALID_ARGUMENT", NOT_VALID, reason("API_KEY_INVALID")),
        "no_billing": failed(400, "FAILED_PRECONDITION", "Enable billing."),
        "unauthorized": failed(401, "UNAUTHENTICATED", "Invalid authentication credentials."),
        "forbidden": failed(403, "PERMISSION_DENIED", "Not allowed."),
        "unknown_model": failed(404, "NOT_FOUND", "models/x is not found."),
        "bad_text": failed(400, "INVALID_ARGUMENT", "Content is wrong.", of_field("content")),
        "bad_setting": failed(400, "INVALID_ARGUMENT", "output_dimensionality is too large."),
        "bad_field": failed(400, "INVALID_ARGUMENT", "Wrong.", of_field("requests[0].task_type")),
        "html": Answer(502, "<html>Bad gateway</html>"),
        "odd_error": Answer(500, {"error": {"details": [1, {"@type": 2}], "message": None}}),
        "list_error": Answer(429, [{"error": {"code": 429, "message": "Slow down."}}]),
        "other_json": Answer(200, {"error": "no"}),
        "plain_list": Answer(200, [1, 2, 3]),
        "nothing": Answer(200, {}),
    }
    damages = {
        "no_values": with_first(),
        "words": with_first(values=["a", "b"]),
        "no_list": lambda body: {**body, "embeddings": "none"},
        "no_usage": lambda body: {"embeddings": body["embeddings"]},
        "zero_usage": lambda body: {**body, "usageMetadata": {"promptTokenCount": 0}},
    }

    def given_key(self, headers: Any) -> str:
        return str(headers.get("x-goog-api-key", ""))

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        named = PATH.fullmatch(path)
        if named is None:
            return None
        asked = body["requests"]
        return Request(
            texts=["".join(part["text"] for part in each["content"]["parts"]) for each in asked],
            model=named[1],
            dimensions=asked[0].get("outputDimensionality"),
            headers=headers,
            body=body,
        )

    def refusal(self, request: Request) -> Answer | None:
        if len(request.texts) > MOST_TEXTS:
            return failed(400, "INVALID_ARGUMENT", "at most 100 requests can be in one batch")
        return super().refusal(request)

    def answer(self, request: Request, vectors: Vectors) -> Body:
        scaled = [[value and value * SCALE for value in vector] for vector in vectors]
        tokens = sum(len(text.split()) for text in request.texts)
        return {
            "embeddings": [{"values": vector} for vector in scaled],
            "usageMetadata": {"promptTokenCount": tokens},
        }

    def wrong_key(self, given: str) -> Answer:
        return failed(400, "INVALID_ARGUMENT", f"{NOT_VALID} {given}", reason("API_KEY_INVALID"))

    def bad_text(self, text: str) -> Answer:
        return failed(400, "INVALID_ARGUMENT", f"Invalid input: {text}")
