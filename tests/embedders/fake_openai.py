"""A server that speaks the wire format of OpenAI's embeddings; see `fake_server`."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import Any

from tests.embedders.fake_server import Answer, Body, FakeServer, Request, Vectors

__all__ = ["FakeOpenAI", "Request"]

Items = list[dict[str, Any]]


def failed(
    status: int, message: str, code: str | None = None, param: str | None = None, **headers: str
) -> Answer:
    error = {"message": message, "type": code or "error", "param": param, "code": code}
    names = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, {"error": error}, names)


def of_items(change: Callable[[Items], Items]) -> Callable[[Body], Body]:
    return lambda body: {**body, "data": change(body["data"])}


def of_first(**changes: Any) -> Callable[[Body], Body]:
    return of_items(lambda items: [items[0] | changes, *items[1:]])


class FakeOpenAI(FakeServer):
    failures = {
        "rate_limited": failed(429, "Rate limit reached.", "rate_limit_exceeded"),
        "rate_limited_briefly": failed(
            429, "Slow down.", "rate_limit_exceeded", retry_after="0.01"
        ),
        "rate_limited_for_long": failed(
            429, "Slow down.", "rate_limit_exceeded", retry_after="3600"
        ),
        "quota": failed(429, "You exceeded your current quota.", "insufficient_quota"),
        "server_error": failed(500, "The server had an error."),
        "unauthorized": failed(401, "Incorrect API key provided.", "invalid_api_key"),
        "forbidden": failed(403, "Not allowed."),
        "unknown_model": failed(404, "The model does not exist.", "model_not_found", "model"),
        "bad_text": failed(400, "This input is too long.", "invalid_request_error", "input"),
        "bad_setting": failed(400, "No such dimensions.", "invalid_request_error", "dimensions"),
        "html": Answer(502, "<html>Bad gateway</html>"),
        "other_json": Answer(200, {"error": "no"}),
        "plain_list": Answer(200, [1, 2, 3]),
    }
    damages = {
        "shuffled": of_items(lambda items: [*items[1:], items[0]]),
        "same_index": of_items(lambda items: [item | {"index": 0} for item in items]),
        "no_index": of_items(lambda items: [{"embedding": item["embedding"]} for item in items]),
        "strange_index": of_first(index=[0]),
        "strange_item": of_items(lambda items: [{}, *items[1:]]),
        "words": of_first(embedding="no base64 at all"),
        "no_embedding": of_first(embedding=None),
        "no_usage": lambda body: {name: body[name] for name in body if name != "usage"},
        "strange_usage": lambda body: {**body, "usage": [1]},
        "zero_usage": lambda body: {**body, "usage": {"prompt_tokens": 0}},
    }

    def __init__(self, *, floats_only: bool = False, **options: Any) -> None:
        """`floats_only` ignores a request for base64."""
        super().__init__(**options)
        self.floats_only = floats_only

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        if path != "/v1/embeddings":
            return None
        texts = body["input"]
        return Request(
            texts=[texts] if isinstance(texts, str) else texts,
            model=body["model"],
            dimensions=body.get("dimensions"),
            headers=headers,
            body=body,
        )

    def answer(self, request: Request, vectors: Vectors) -> Body:
        as_text = request.body.get("encoding_format") == "base64" and not self.floats_only
        items = [
            {
                "object": "embedding",
                "index": index,
                "embedding": packed(vector) if as_text and None not in vector else vector,
            }
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(len(text.split()) for text in request.texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": items, "model": request.model, "usage": usage}

    def wrong_key(self, given: str) -> Answer:
        return failed(401, f"Incorrect API key provided: {given}.", "invalid_api_key")

    def bad_text(self, text: str) -> Answer:
        return failed(400, f"Invalid input: {text}", "invalid_request_error", "input")


def packed(vector: list[Any]) -> str:
    """Float32, little-endian, in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
