"""Requests that are refused, and how that is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hybrid_store.contrib.openai_api import VectorStore, vector_store_urls
from hybrid_store.contrib.retrieval.filters import MOST_CONDITIONS
from hybrid_store.exceptions import EmbedderUnavailableError, SearchError, TextRefusedError
from tests.contrib.models import Paper
from tests.contrib.openai_api.papers import create_papers, create_users
from tests.contrib.openai_api.urls import SEEN, own_papers

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.contrib.openai_api.urls")]

PATH = "/v1/vector_stores/papers/search"
JSON = "application/json"
EMBED = "hybrid_store.embedders.hashing.HashingEmbedder.embed_batch"


@pytest.fixture(autouse=True)
def _users(db: None) -> None:
    create_users()


def posted(body: Any, kind: str = JSON) -> Any:
    """By Ann."""
    headers = {"Authorization": "Bearer ann"}
    return Client().post(PATH, body, content_type=kind, headers=headers)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"query": ""}, "query"),
        ({"query": None}, "query"),
        ({"query": []}, "query"),
        ({"query": ["a"] * 9}, "query"),
        ({"query": ["a", " "]}, "query"),
        ({"query": ["a", 1]}, "query"),
        ({"query": "a" * 4097}, "query"),
        ({"query": "a\x00"}, "query"),
        ({"max_num_results": 0}, "max_num_results"),
        ({"max_num_results": 51}, "max_num_results"),
        ({"max_num_results": True}, "max_num_results"),
        ({"max_num_results": "10"}, "max_num_results"),
        ({"rewrite_query": "yes"}, "rewrite_query"),
        ({"ranking_options": {"ranker": "best"}}, "ranking_options.ranker"),
        ({"ranking_options": {"score_threshold": 2}}, "ranking_options.score_threshold"),
        ({"ranking_options": {"hybrid_search": {}}}, "hybrid_search"),
        ({"ranking_options": []}, None),
        ({"filters": {"type": "eq", "key": "year", "value": "many"}}, "filters"),
        ({"filters": {"type": "in", "key": "a", "value": [1] * (MOST_CONDITIONS + 1)}}, "filters"),
        ({"owner": "bob"}, "owner"),
    ],
)
def test_mistakes_are_told_with_what_is_at_fault(
    changes: dict[str, Any], param: str | None
) -> None:
    sent = posted({"query": "apples", **changes})
    error = sent.json()["error"]
    assert (sent.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == param
    assert "Paper" not in error["message"]


def test_what_is_null_is_not_given() -> None:
    names = ("filters", "max_num_results", "ranking_options", "rewrite_query")
    assert posted({"query": "apples", **dict.fromkeys(names)}).status_code == 200


def test_cookies_give_no_authority() -> None:
    create_papers()
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="ann"))
    sent = client.post(PATH, {"query": "apples"}, content_type=JSON)
    assert sent.status_code == 401
    seen = SEEN[-1]
    assert not seen.COOKIES
    assert "HTTP_COOKIE" not in seen.META
    assert {"user", "session"} & {*vars(seen)} == set()
    # Nor does it take any away.
    headers = {"Authorization": "Bearer bob"}
    sent = client.post(PATH, {"query": "x"}, content_type=JSON, headers=headers)
    assert [found["file_id"] for found in sent.json()["data"]] == ["file"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b'{"query": "apples"}', 415),
        ("application/x-www-form-urlencoded", b"query=apples", 415),
        (JSON, b'{"query": "apples"', 400),
        (JSON, b'{"query": NaN}', 400),
        (JSON, b"\xff", 400),
        (JSON, b"[]", 400),
        (JSON, b"{}", 400),
        (JSON, b"[" * 60_000, 400),
        (JSON, b'{"query": "\\ud800"}', 400),
        (JSON, b'{"query": "%s"}' % (b"a" * 2**16), 413),
    ],
)
def test_other_bodies_are_refused(kind: str, body: bytes, status: int) -> None:
    sent = posted(body, kind)
    assert sent.status_code == status
    assert set(sent.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_searches_are_asked_for_by_post(method: str) -> None:
    sent = Client().generic(method, PATH, headers={"Origin": "https://example.com"})
    assert (sent.status_code, sent.headers["Allow"]) == (405, "POST")
    # A browser that asks for another site gets no leave.
    assert not [name for name in sent.headers if name.startswith("Access-Control")]


def test_the_login_is_not_that_of_pages(settings: Any) -> None:
    needed = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, needed]
    assert posted({"query": "apples"}).status_code == 200
    assert Client().post(PATH, {"query": "apples"}, content_type=JSON).status_code == 401


@pytest.mark.parametrize(
    ("error", "status"), [(EmbedderUnavailableError, 503), (TextRefusedError, 400)]
)
def test_failures_of_the_embedder_are_told_without_its_words(
    monkeypatch: Any, error: type[Exception], status: int
) -> None:
    def down(*args: Any, **kwargs: Any) -> Any:
        raise error("https://secret.example refuses the key abc")

    create_papers()
    monkeypatch.setattr(EMBED, down)
    sent = posted({"query": "another text"})
    assert sent.status_code == status
    assert "secret" not in sent.content.decode()


def test_stores_are_checked_when_they_are_made() -> None:
    with pytest.raises(SearchError, match="use one of 'vector', 'text', 'hybrid'"):
        VectorStore("papers", lambda request: Paper.objects.all(), mode="meaning")


def test_every_id_is_of_one_store() -> None:
    stores = [VectorStore("papers", own_papers)] * 2
    with pytest.raises(ValueError, match="'papers' is the id of two vector stores"):
        vector_store_urls(stores, authenticate=lambda request: None)
