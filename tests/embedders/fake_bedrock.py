"""A server that speaks the wire format of Amazon Bedrock's embeddings; see `fake_server`.

It knows the models of Titan, which take one text in a request, and those of Cohere.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tests.embedders.fake_server import Answer, Body, FakeServer, Request, Vectors

__all__ = ["FakeBedrock"]

PATH = re.compile(r"/model/([^/]+)/invoke")


def failed(status: int, kind: str, message: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status, {"message": message}, (("x-amzn-errortype", kind), *headers))


class FakeBedrock(FakeServer):
    failures = {
        "rate_limited": failed(429, "ThrottlingException", "Too many requests."),
        "rate_limited_briefly": failed(
            429, "ThrottlingException", "Slow down.", ("retry-after", "0.01")
        ),
        "rate_limited_for_long": failed(
            429, "ThrottlingException", "Slow down.", ("retry-after", "3600")
        ),
        "quota": failed(429, "ThrottlingException", "Too many tokens per day, please wait."),
        "server_error": failed(500, "InternalServerException", "internal server error"),
        "overloaded": failed(503, "ServiceUnavailableException", "The service is unavailable."),
        "unauthorized": failed(403, "UnrecognizedClientException", "The token is invalid."),
        "forbidden": failed(403, "AccessDeniedException", "You have no access to the model."),
        "unknown_model": failed(
            400, "ValidationException", "The provided model identifier is invalid."
        ),
        "bad_text": failed(400, "ValidationException", "Too many input tokens."),
        "html": Answer(502, "<html>Bad gateway</html>"),
        "other_json": Answer(200, {"error": "no"}),
        "plain_list": Answer(200, [1, 2, 3]),
    }

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        named = PATH.fullmatch(path)
        if named is None:
            return None
        return Request(
            texts=body["texts"] if "texts" in body else [body["inputText"]],
            model=unquote(named[1]),
            dimensions=body.get("dimensions", body.get("output_dimension")),
            headers=headers,
            body=body,
        )

    def answer(self, request: Request, vectors: Vectors) -> Body:
        if "texts" in request.body:
            return {"id": "1", "embeddings": {"float": vectors}}
        return {"embedding": vectors[0] if vectors else None}

    def answer_headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        tokens = sum(len(text.split()) for text in request.texts)
        return (("x-amzn-bedrock-input-token-count", str(tokens)),)

    def wrong_key(self, given: str) -> Answer:
        return failed(403, "UnrecognizedClientException", f"The token is invalid: {given}")

    def bad_text(self, text: str) -> Answer:
        return failed(400, "ValidationException", f"Invalid text: {text}")
