"""A server that speaks the wire format of Voyage's embeddings; see `fake_server`."""

from __future__ import annotations

from typing import Any

from tests.embedders.fake_openai import FakeOpenAI
from tests.embedders.fake_server import Answer, Request

__all__ = ["FakeVoyage"]


def failed(status: int, message: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status, {"detail": message}, headers)


class FakeVoyage(FakeOpenAI):
    """The answers are those of OpenAI, the failures are not."""

    failures = {
        "rate_limited": failed(429, "Too many requests."),
        "rate_limited_briefly": failed(429, "Slow down.", ("retry-after", "0.01")),
        "rate_limited_for_long": failed(429, "Slow down.", ("retry-after", "3600")),
        "unpaid": failed(429, "Add your payment method in the billing page."),
        "server_error": failed(500, "internal server error"),
        "overloaded": failed(503, "The server is overloaded."),
        "unauthorized": failed(401, "Provided API key is invalid."),
        "forbidden": failed(403, "Not allowed."),
        "unknown_model": failed(400, "Model x is not supported. Supported models are: y."),
        "bad_text": failed(400, "The example at index 0 has too many tokens."),
        "bad_setting": failed(400, "Invalid output_dimension."),
        "html": Answer(502, "<html>Bad gateway</html>"),
        "other_json": Answer(200, {"error": "no"}),
        "plain_list": Answer(200, [1, 2, 3]),
    }
    damages = {name: FakeOpenAI.damages[name] for name in ("strange_item", "words", "no_embedding")}

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        if path != "/v1/embeddings":
            return None
        return Request(
            texts=body["input"],
            model=body["model"],
            dimensions=body.get("output_dimension"),
            headers=headers,
            body=body,
        )

    def refusal(self, request: Request) -> Answer | None:
        if len(request.texts) > 128:
            return failed(400, "at most 128 texts")
        return super().refusal(request)

    def wrong_key(self, given: str) -> Answer:
        return failed(401, f"Provided API key is invalid: {given}")

    def bad_text(self, text: str) -> Answer:
        return failed(400, f"invalid text: {text}")
