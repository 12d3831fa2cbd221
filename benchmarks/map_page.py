"""The page that `maps` opens: a map of the documents, under a strict policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import path

from benchmarks.models import Document
from hybrid_store.maps import EmbeddingMapView

__all__ = ["DocumentMap", "served", "urlpatterns"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'"
)


class DocumentMap(EmbeddingMapView):
    color_by = "group"
    label = "title"

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = Document.objects.using(self.kwargs["alias"])
        return rows

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(*args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response


urlpatterns = [path("<str:alias>/", DocumentMap.as_view())]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Requests are no results."""


@contextmanager
def served() -> Iterator[str]:
    """A server of the page, in a thread of this process; gives its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
