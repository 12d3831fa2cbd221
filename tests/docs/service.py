"""The service that the how-tos about embedders and rerankers of one's own ask, in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from hybrid_store.embedders.hashing import HashingEmbedder

__all__ = ["running_service"]


def vectors(asked: Any) -> Any:
    embedder = HashingEmbedder("service", {})
    return {"vectors": embedder.embed(asked["texts"]).tolist()}


def ranks(asked: Any) -> Any:
    """The cosine similarity of spelling, best first."""
    embedder = HashingEmbedder("service", {})
    scores = embedder.embed(asked["texts"]) @ embedder.embed_query(asked["query"])
    return [{"index": int(place), "score": float(scores[place])} for place in (-scores).argsort()]


ANSWERS = {"/embed": vectors, "/rerank": ranks}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(ANSWERS[self.path](asked)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running_service() -> Iterator[str]:
    """The service's address, while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
