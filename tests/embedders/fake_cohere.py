"""A server that speaks the wire format of Cohere's embeddings; see `fake_server`."""

from __future__ import annotations

from typing import Any

from tests.embedders.fake_server import Answer, Body, FakeServer, Request, Vectors

__all__ = ["FakeCohere"]


def failed(status: int, message: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status, {"id": "1", "message": message}, headers)


class FakeCohere(FakeServer):
    failures = {
        "rate_limited": failed(429, "Too many requests."),
        "rate_limited_briefly": failed(429, "Slow down.", ("retry-after", "0.01")),
        "rate_limited_for_long": failed(429, "Slow down.", ("retry-after", "3600")),
        "quota": failed(429, "You are using a Trial key, limited to 1000 API calls / month."),
        "server_error": failed(500, "internal server error"),
        "unauthorized": failed(401, "invalid api token"),
        "forbidden": failed(403, "Not allowed."),
        "unknown_model": failed(404, "model 'x' not found"),
        "bad_text": failed(400, "too many tokens: 600, this model takes 512"),
        "bad_setting": failed(400, "output_dimension is not supported"),
        "html": Answer(502, "<html>Bad gateway</html>"),
        "other_json": Answer(200, {"error": "no"}),
        "plain_list": Answer(200, [1, 2, 3]),
    }
    damages = {
        "no_list": lambda body: {**body, "embeddings": {"float": "none"}},
        "no_embeddings": lambda body: {**body, "embeddings": None},
        "no_usage": lambda body: {name: body[name] for name in body if name != "meta"},
    }

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        if path != "/v2/embed":
            return None
        return Request(
            texts=body["texts"],
            model=body["model"],
            dimensions=body.get("output_dimension"),
            headers=headers,
            body=body,
        )

    def refusal(self, request: Request) -> Answer | None:
        if len(request.texts) > 96:
            return failed(400, "at most 96 texts")
        return super().refusal(request)

    def answer(self, request: Request, vectors: Vectors) -> Body:
        tokens = sum(len(text.split()) for text in request.texts)
        return {
            "id": "1",
            "response_type": "embeddings_by_type",
            "embeddings": {"float": vectors},
            "texts": request.texts,
            "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}},
        }

    def wrong_key(self, given: str) -> Answer:
        return failed(401, f"invalid api token {given}")

    def bad_text(self, text: str) -> Answer:
        return failed(400, f"invalid text: {text}")
