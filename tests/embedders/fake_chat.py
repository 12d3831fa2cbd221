"""A server that speaks the wire format of OpenAI's streamed chat completions; see `fake_server`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.embedders.fake_openai import FakeOpenAI
from tests.embedders.fake_server import Answer, Request

__all__ = ["FakeChat"]


class FakeChat(FakeOpenAI):
    """Its `model`, the only one there is, answers every request with `reply`, as a stream. The
    `texts` of a request are what its messages say."""

    def __init__(self, reply: str, *, model: str = "llama3.2", **options: Any) -> None:
        super().__init__(**options)
        self.reply = reply
        self.model = model

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        if path != "/v1/chat/completions":
            return None
        texts = [message["content"] for message in body["messages"]]
        return Request(texts=texts, model=body["model"], headers=headers, body=body)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.model != self.model:
            return self.failures["unknown_model"]
        events = "".join(f"data: {event}\n\n" for event in streamed(request, self.reply))
        return Answer(body=events, kind="text/event-stream")


def streamed(request: Request, text: str) -> Iterator[str]:
    """The events of an answer, a word in each."""
    for word in re.findall(r"\S+\s*", text):
        yield chunk(request, {"role": "assistant", "content": word})
    yield chunk(request, {}, "stop")
    yield "[DONE]"


def chunk(request: Request, delta: dict[str, str], reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": request.model,
        "choices": [choice],
    }
    return json.dumps(event)
