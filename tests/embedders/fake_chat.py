"""A server that speaks the wire format of OpenAI's chat completions too; see `fake_server`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.embedders.fake_openai import FakeOpenAI
from tests.embedders.fake_server import Answer, Body, Request

__all__ = ["FakeChat"]

PATH = "/v1/chat/completions"


class FakeChat(FakeOpenAI):
    """Its `model`, the only one there is, answers every request with `reply`. The `texts` of a
    request are what its messages say."""

    def __init__(self, reply: str, *, model: str = "llama3.2", **options: Any) -> None:
        super().__init__(**options)
        self.reply = reply
        self.model = model

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        if path != PATH:
            return super().read(path, body, headers)
        texts = [message["content"] for message in body["messages"]]
        return Request(texts=texts, model=body["model"], headers=headers, body=body)

    def respond(self, request: Request) -> Answer:
        if "messages" not in request.body:
            return super().respond(request)
        self.requests.append(request)
        if request.model != self.model:
            return self.failures["unknown_model"]
        if not request.body.get("stream"):
            message = {"role": "assistant", "content": self.reply}
            return Answer(body=completion(request, "chat.completion", "stop", message=message))
        events = "".join(f"data: {event}\n\n" for event in streamed(request, self.reply))
        return Answer(body=events, kind="text/event-stream")


def streamed(request: Request, text: str) -> Iterator[str]:
    """The events of an answer, a word in each."""
    for word in re.findall(r"\S+\s*|\s+", text):
        delta = {"role": "assistant", "content": word}
        yield json.dumps(completion(request, "chat.completion.chunk", delta=delta))
    yield json.dumps(completion(request, "chat.completion.chunk", "stop", delta={}))
    yield "[DONE]"


def completion(request: Request, kind: str, reason: str | None = None, **choice: Any) -> Body:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1,
        "model": request.model,
        "choices": [{"index": 0, "finish_reason": reason, **choice}],
    }
