"""The address of the searches, and who is let in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from hybrid_store.contrib.openai_api.asked import Asked, asked_of
from hybrid_store.contrib.openai_api.errors import APIError
from hybrid_store.contrib.openai_api.stores import VectorStore
from hybrid_store.contrib.retrieval.collection import Collection
from hybrid_store.exceptions import EmbedderError, InvalidTargetError, TextRefusedError

__all__ = ["vector_store_urls"]

logger = logging.getLogger("hybrid_store")

Authenticate: TypeAlias = Callable[[HttpRequest], Any]

# What a browser sends by itself, or what has been found out by that.
OF_COOKIES = ("session", "user", "auser")


def vector_store_urls(
    stores: Iterable[VectorStore], *, authenticate: Authenticate
) -> list[URLPattern]:
    """`vector_stores/<id>/search`, to be included where clients have their `base_url`.

    `authenticate` takes a request and gives whom it is from, by its headers; None, or who is not
    `is_authenticated`, is turned away. It sees no cookies, session or user: only therefore is the
    address without the protection from forged requests (CSRF), whose token no client of an API
    has. Besides, a browser asks beforehand, and is not allowed, to send JSON from another site.
    """
    known = _by_id(stores)

    @csrf_exempt
    @login_not_required
    def search(request: HttpRequest, vector_store_id: str) -> JsonResponse:
        try:
            _check_form(request)
            _identify(request, authenticate)
            return JsonResponse(_page(request, vector_store_id, known))
        except APIError as error:
            return error.response

    return [path("vector_stores/<str:vector_store_id>/search", search, name="vector_store_search")]


def _by_id(stores: Iterable[VectorStore]) -> dict[str, VectorStore]:
    known: dict[str, VectorStore] = {}
    for store in stores:
        if store.id in known:
            raise ValueError(f"{store.id!r} is the id of two vector stores.")
        known[store.id] = store
    return known


def _check_form(request: HttpRequest) -> None:
    if request.method != "POST":
        raise APIError(405, "Searches are asked for by POST.", headers={"Allow": "POST"})
    if request.content_type != "application/json":
        raise APIError(415, "The body has to be of the type application/json.")


def _identify(request: HttpRequest, authenticate: Authenticate) -> None:
    for name in OF_COOKIES:
        request.__dict__.pop(name, None)
    request.COOKIES = {}
    request.META.pop("HTTP_COOKIE", None)
    user = authenticate(request)
    if not getattr(user, "is_authenticated", user is not None):
        raise APIError(
            401,
            "No valid credentials were given.",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request.user = user


def _page(request: HttpRequest, name: str, known: Mapping[str, VectorStore]) -> dict[str, Any]:
    store = known.get(name)
    found = store.collection(request) if store else None
    if store is None or found is None:
        raise APIError(404, f"There is no vector store {name!r:.60}.", param="vector_store_id")
    asked = asked_of(request)
    return {
        "object": "vector_store.search_results.page",
        "search_query": asked.queries,
        "data": _results(store, found, asked),
        "has_more": False,
        "next_page": None,
    }


def _results(store: VectorStore, found: Collection, asked: Asked) -> list[dict[str, Any]]:
    try:
        return store.results(found, asked)
    except (InvalidTargetError, TextRefusedError) as error:
        raise APIError(400, "The embedder refuses this query.", param="query") from error
    except EmbedderError as error:
        # Its sentence is for the operator, not for a client.
        logger.warning("A search of the vector store %r failed: %s", store.id, error)
        raise APIError(503, "The search by meaning is out of order.") from error
