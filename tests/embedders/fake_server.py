"""A server on 127.0.0.1 that stands in for a provider of embeddings, faults included.

    with FakeOpenAI() as server:
        server.script("rate_limited", "reset")       # the next two requests fail, then all is well
        server.url                                   # OPTIONS["base_url"]
        server.requests[-1].texts                    # what was asked
        server.answered                              # every text that was answered, so paid for

A subclass a provider speaks its wire format. Vectors are those of `HashingEmbedder` for the MODEL
and the dimensions of the request.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

from hybrid_store.embedders.hashing import HashingEmbedder

__all__ = ["ENDINGS", "VECTOR_DAMAGES", "Answer", "Body", "FakeServer", "Request", "Vectors"]

Body = dict[str, Any]
Vectors = list[list[Any]]


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    texts: list[str]
    model: str
    dimensions: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What is sent back, a str as it is, and anything else as JSON, and how much of it
    arrives."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    ending: str = "whole"


def first_changed(change: Callable[[list[Any]], list[Any]]) -> Callable[[Vectors], Vectors]:
    return lambda vectors: [change(vectors[0]), *vectors[1:]]


VECTOR_DAMAGES: dict[str, Callable[[Vectors], Vectors]] = {
    "one_missing": lambda vectors: vectors[:-1],
    "one_extra": lambda vectors: [*vectors, vectors[0]],
    "none": lambda vectors: [],
    "short": first_changed(lambda vector: vector[:-1]),
    "nan": first_changed(lambda vector: [float("nan"), *vector[1:]]),
    "infinite": first_changed(lambda vector: [float("inf"), *vector[1:]]),
    "zero": first_changed(lambda vector: [0.0] * len(vector)),
    "null": first_changed(lambda vector: [None, *vector[1:]]),
}
"""Faults in the vectors."""

ENDINGS = ("truncated_json", "reset", "half_closed", "silent")
"""Faults of the connection: JSON that ends early, a reset in the middle, an end in the middle,
no answer at all until the server is closed."""


class FakeServer:
    """Serves while it is a context; safe to ask from several threads and processes."""

    failures: ClassVar[Mapping[str, Answer]] = {}
    """Faults that answer something else."""
    damages: ClassVar[Mapping[str, Callable[[Body], Body]]] = {}
    """Faults in the body of an answer."""

    def __init__(self, *, api_key: str | None = None, dimensions: int = 384) -> None:
        """`api_key` is the only one accepted, None accepts any. `dimensions` are those of a
        request that names none."""
        self.api_key = api_key
        self.dimensions = dimensions
        self.requests: list[Request] = []
        self.answered: list[str] = []
        self.poison: set[str] = set()
        """Words that make the server refuse a request one of whose texts holds them."""
        self.before_answer: Callable[[Request], object] | None = None
        """Called before each answer, in the thread that gives it: for barriers and delays."""
        self._faults: deque[str] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = Server(("127.0.0.1", 0), partial(self.handler(), self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def handler(self) -> type[Handler]:
        """What writes the answers to the connection."""
        return Handler

    def read(self, path: str, body: Any, headers: dict[str, str]) -> Request | None:
        """What is asked; None for a path that there is not."""
        raise NotImplementedError

    def answer(self, request: Request, vectors: Vectors) -> Body:
        """The body of a good answer."""
        raise NotImplementedError

    def answer_headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        return ()

    def given_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def wrong_key(self, given: str) -> Answer:
        """As some servers do, it repeats the key."""
        raise NotImplementedError

    def bad_text(self, text: str) -> Answer:
        """As some servers do, it repeats the text."""
        raise NotImplementedError

    @classmethod
    def faults(cls) -> tuple[str, ...]:
        return (*cls.failures, *VECTOR_DAMAGES, *cls.damages, *ENDINGS)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """What a client is told as the address."""
        return self.address

    @property
    def connections(self) -> int:
        """Connections that clients have opened so far."""
        return self._server.opened

    def script(self, *faults: str) -> None:
        """Let the next requests fail, each in its way; "" lets one pass."""
        unknown = set(faults) - {*self.faults(), ""}
        if unknown:
            raise ValueError(f"there are no faults {sorted(unknown)}")
        self._faults.extend(faults)

    def forget(self) -> None:
        """Begin anew, with the connections that there are."""
        self.requests.clear()
        self.answered.clear()
        self.poison.clear()
        self._faults.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def respond(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            fault = self._faults.popleft() if self._faults else ""
        if self.before_answer is not None:
            self.before_answer(request)
        refused = self.failures.get(fault) or self.refusal(request)
        if refused:
            return refused
        vectors = VECTOR_DAMAGES.get(fault, list)(self._vectors(request))
        body = self.damages.get(fault, dict)(self.answer(request, vectors))
        if fault not in ENDINGS:
            with self._lock:
                self.answered += request.texts
        ending = fault if fault in ENDINGS else "whole"
        return Answer(body=body, headers=self.answer_headers(request), ending=ending)

    def wait_until_closed(self) -> None:
        self._closed.wait()

    def refusal(self, request: Request) -> Answer | None:
        given = self.given_key(request.headers)
        if self.api_key is not None and given != self.api_key:
            return self.wrong_key(given)
        for text in request.texts:
            if not text or any(word in text for word in self.poison):
                return self.bad_text(text)
        return None

    def _vectors(self, request: Request) -> Vectors:
        dimensions = request.dimensions or self.dimensions
        params = {"MODEL": request.model, "DIMENSIONS": dimensions}
        vectors: Vectors = HashingEmbedder("fake", params).embed(request.texts).tolist()
        return vectors


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
    # Headers and body are written one after the other.
    disable_nagle_algorithm = True

    def __init__(self, fake: FakeServer, *args: Any) -> None:
        self.fake = fake
        super().__init__(*args)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = self.fake.read(self.path, body, headers)
        if request is None:
            self.send(Answer(404, {"error": {"message": f"Unknown path {self.path}."}}))
        else:
            self.send(self.fake.respond(request))

    def send(self, answer: Answer) -> None:
        is_json = not isinstance(answer.body, str)
        data = (json.dumps(answer.body) if is_json else answer.body).encode()
        sent = data if answer.ending == "whole" else data[: len(data) // 2]
        if answer.ending == "silent":
            self.fake.wait_until_closed()
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("content-type", "application/json" if is_json else "text/html")
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
