"""A server on 127.0.0.1 that speaks the wire format of OpenAI's embeddings, faults included.

    with FakeOpenAI() as server:
        server.script("rate_limited", "reset")       # the next two requests fail, then all is well
        server.url                                   # OPTIONS["base_url"]
        server.requests[-1].texts                    # what was asked
        server.answered                              # every text that was answered, so paid for

Vectors are those of `HashingEmbedder` for the MODEL and the dimensions of the request.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hybrid_store.embedders.hashing import HashingEmbedder

__all__ = ["FAULTS", "FakeOpenAI", "Request"]

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    texts: list[str]
    model: str
    dimensions: int | None
    encoding_format: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What is sent back: JSON, and how much of it arrives."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    ending: str = "whole"


def failed(
    status: int, message: str, code: str | None = None, param: str | None = None, **headers: str
) -> Answer:
    error = {"message": message, "type": code or "error", "param": param, "code": code}
    names = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, {"error": error}, names)


FAILURES: dict[str, Answer] = {
    "rate_limited": failed(429, "Rate limit reached.", "rate_limit_exceeded"),
    "rate_limited_briefly": failed(429, "Slow down.", "rate_limit_exceeded", retry_after="0.01"),
    "rate_limited_for_long": failed(429, "Slow down.", "rate_limit_exceeded", retry_after="3600"),
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
"""Faults that answer something else."""


def shuffled(items: Items) -> Items:
    return [*items[1:], items[0]]


def changed(items: Items, **changes: Any) -> Items:
    return [items[0] | changes, *items[1:]]


def with_values(items: Items, change: Callable[[list[float]], list[Any]]) -> Items:
    """The first vector changed, in plain numbers."""
    return changed(items, embedding=change(decoded(items[0]["embedding"])))


def decoded(embedding: str | list[float]) -> list[float]:
    if isinstance(embedding, list):
        return embedding
    data = base64.b64decode(embedding)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


DAMAGES: dict[str, Callable[[Items], Items]] = {
    "one_missing": lambda items: items[:-1],
    "one_extra": lambda items: [*items, items[0] | {"index": len(items)}],
    "none": lambda items: [],
    "shuffled": shuffled,
    "same_index": lambda items: [item | {"index": 0} for item in items],
    "no_index": lambda items: [{"embedding": item["embedding"]} for item in items],
    "strange_index": lambda items: changed(items, index=[0]),
    "strange_item": lambda items: [{}, *items[1:]],
    "short": lambda items: with_values(items, lambda values: values[:-1]),
    "nan": lambda items: with_values(items, lambda values: [float("nan"), *values[1:]]),
    "infinite": lambda items: with_values(items, lambda values: [float("inf"), *values[1:]]),
    "zero": lambda items: with_values(items, lambda values: [0.0] * len(values)),
    "null": lambda items: with_values(items, lambda values: [None, *values[1:]]),
    "words": lambda items: changed(items, embedding="no base64 at all"),
    "no_embedding": lambda items: changed(items, embedding=None),
}
"""Faults in the list of vectors."""

USAGES: dict[str, dict[str, Any]] = {
    "no_usage": {},
    "strange_usage": {"usage": [1]},
    "zero_usage": {"usage": {"prompt_tokens": 0, "total_tokens": 0}},
}
"""Good answers with another `usage`."""

ENDINGS = ("truncated_json", "reset", "half_closed", "silent")
"""Faults of the connection: JSON that ends early, a reset in the middle, an end in the middle,
no answer at all until the server is closed."""

FAULTS = (*FAILURES, *DAMAGES, *USAGES, *ENDINGS)


class FakeOpenAI:
    """Serves while it is a context; safe to ask from several threads and processes."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        dimensions: int = 384,
        floats_only: bool = False,
    ) -> None:
        """`api_key` is the only one accepted, None accepts any. `dimensions` are those of a
        request that names none. `floats_only` ignores a request for base64."""
        self.api_key = api_key
        self.dimensions = dimensions
        self.floats_only = floats_only
        self.requests: list[Request] = []
        self.answered: list[str] = []
        self.poison: set[str] = set()
        """Words that make the server refuse a request one of whose texts holds them."""
        self.before_answer: Callable[[Request], object] | None = None
        """Called before each answer, in the thread that gives it: for barriers and delays."""
        self._faults: deque[str] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = Server(("127.0.0.1", 0), partial(Handler, self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def connections(self) -> int:
        """Connections that clients have opened so far."""
        return self._server.opened

    def script(self, *faults: str) -> None:
        """Let the next requests fail, each in its way; "" lets one pass."""
        unknown = set(faults) - {*FAULTS, ""}
        if unknown:
            raise ValueError(f"there are no faults {sorted(unknown)}")
        self._faults.extend(faults)

    def __enter__(self) -> FakeOpenAI:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            fault = self._faults.popleft() if self._faults else ""
        if self.before_answer is not None:
            self.before_answer(request)
        refused = FAILURES.get(fault) or self._refusal(request)
        if refused:
            return refused
        items = self._items(request)
        if fault in DAMAGES:
            items = DAMAGES[fault](items)
        body = body_of(items, request)
        if fault in USAGES:
            del body["usage"]
            body |= USAGES[fault]
        if fault in ENDINGS:
            return Answer(body=body, ending=fault)
        with self._lock:
            self.answered += request.texts
        return Answer(body=body)

    def wait_until_closed(self) -> None:
        self._closed.wait()

    def _refusal(self, request: Request) -> Answer | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key is not None and given != self.api_key:
            # As some servers do, it repeats the key.
            return failed(401, f"Incorrect API key provided: {given}.", "invalid_api_key")
        for text in request.texts:
            if not text or any(word in text for word in self.poison):
                return failed(400, f"Invalid input: {text}", "invalid_request_error", "input")
        return None

    def _items(self, request: Request) -> Items:
        dimensions = request.dimensions or self.dimensions
        params = {"MODEL": request.model, "DIMENSIONS": dimensions}
        vectors = HashingEmbedder("fake", params).embed(request.texts)
        as_text = request.encoding_format == "base64" and not self.floats_only
        return [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
                if as_text
                else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ]


def body_of(items: Items, request: Request) -> dict[str, Any]:
    tokens = sum(len(text.split()) for text in request.texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": items, "model": request.model, "usage": usage}


class Server(ThreadingHTTPServer):
    """Remembers its connections: clients keep them open, and a closed server must not."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        self.opened = 0
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        self.opened += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self.connections):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or a connection that was closed on purpose."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, fake: FakeOpenAI, *args: Any) -> None:
        self.fake = fake
        super().__init__(*args)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/embeddings":
            return self.send(failed(404, f"Unknown path {self.path}."))
        texts = asked["input"]
        request = Request(
            texts=[texts] if isinstance(texts, str) else texts,
            model=asked["model"],
            dimensions=asked.get("dimensions"),
            encoding_format=asked.get("encoding_format", "float"),
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        return self.send(self.fake.answer(request))

    def send(self, answer: Answer) -> None:
        data = json.dumps(answer.body).encode()
        sent = data if answer.ending == "whole" else data[: len(data) // 2]
        if answer.ending == "silent":
            self.fake.wait_until_closed()
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        # Truncated JSON is complete as far as HTTP can tell.
        length = len(sent) if answer.ending == "truncated_json" else len(data)
        self.send_header("content-length", str(length))
        self.end_headers()
        self.wfile.write(sent)
        self.end(answer.ending)

    def end(self, ending: str) -> None:
        if ending == "half_closed":
            # Nothing more is sent, but the socket stays open for reading.
            self.connection.shutdown(socket.SHUT_WR)
        elif ending == "reset":
            self.close_connection = True
            # Closed without lingering, a socket is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

    def log_message(self, *args: Any) -> None:
        """Quiet."""
