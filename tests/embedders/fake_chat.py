"""A server that speaks the wire format of OpenAI's chat completions, as a stream of events.

with FakeChat() as server:
    server.says = ["It was ", "in 1911 [1]."]    # the pieces of its answers
    server.url                                   # the base URL of a client
    server.requests[-1].body["messages"]         # what it was told
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from typing import Any

from tests.embedders.fake_openai import FakeOpenAI
from tests.embedders.fake_server import Answer, Body, Handler, Request, Vectors

__all__ = ["FakeChat"]

EVENTS = "events"


class FakeChat(FakeOpenAI):
    damages = {
        "no_pieces": lambda body: {EVENTS: body[EVENTS][-2:]},
        "no_ending": lambda body: {EVENTS: body[EVENTS][:-2]},
        "too_long": lambda body: {EVENTS: [*body[EVENTS][:-2], ended("length"), "[DONE]"]},
        "error_event": lambda body: {EVENTS: [*body[EVENTS][:2], {"error": {"message": "No."}}]},
        "no_json": lambda body: {EVENTS: [*body[EVENTS][:2], "{no"]},
    }

    def __init__(self, *, models: Container[str] | None = None, **options: Any) -> None:
        """`models` are those that there are, None stands for any."""
        super().__init__(**options)
        self.models = models
        self.says: list[str] = ["It was in ", "1911 [1]."]
        self.chunk: int | None = None
        """Bytes that are sent at once; an event where it is None."""
        self.before_event: Callable[[int], object] = lambda place: None
        """Called before each event is sent, from 0, in the thread that sends it."""

    def handler(self) -> type[Handler]:
        return ChatHandler

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        if path != "/v1/chat/completions":
            return None
        asked = body["messages"][-1]["content"]
        return Request([asked], body["model"], headers=headers, body=body)

    def refusal(self, request: Request) -> Answer | None:
        if self.models is not None and request.model not in self.models:
            return self.failures["unknown_model"]
        return super().refusal(request)

    def answer(self, request: Request, vectors: Vectors) -> Body:
        pieces = [changed(content=piece) for piece in self.says]
        return {EVENTS: [changed(role="assistant", content=""), *pieces, ended("stop"), "[DONE]"]}


class ChatHandler(Handler):
    fake: FakeChat

    def send(self, answer: Answer) -> None:
        if not (isinstance(answer.body, dict) and EVENTS in answer.body):
            return super().send(answer)
        if answer.ending == "silent":
            self.fake.wait_until_closed()
        events = answer.body[EVENTS]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for place, event in enumerate(events if answer.ending == "whole" else events[:2]):
            self.fake.before_event(place)
            for data in self._divided(event):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        if answer.ending == "whole":
            self.wfile.write(b"0\r\n\r\n")
        return self.end(answer.ending)

    def _divided(self, event: Any) -> Iterator[bytes]:
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        data = f"data: {text}\n\n".encode()
        size = self.fake.chunk or len(data)
        return (data[place : place + size] for place in range(0, len(data), size))


def changed(finish: str | None = None, **delta: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "choices": [choice]}


def ended(reason: str) -> dict[str, Any]:
    return changed(finish=reason)
