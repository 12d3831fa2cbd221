"""The page of a map, and what it asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.utils.html import escape

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import EmbedderRefusedError, MapError
from hybrid_store.maps import EmbeddingMapView
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book
from hybrid_store.test.override import override_embedder
from tests.maps.unpacking import unpacked
from tests.maps.urls import HOSTILE_ADDRESS, HOSTILE_TITLE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_urls")]

HOSTILE = "</script><script>alert(1)</script>\u2028<!--"
PARTS = ["", "?map=points", "?map=rows&map_key=1", "?map=hits&map_text=apples", "?map=table"]


class FailingEmbedder(HashingEmbedder):
    def embed_batch(self, texts: Sequence[str]) -> Any:
        raise EmbedderRefusedError("the quota is used up")


FAILING = {"BACKEND": f"{__name__}.FailingEmbedder", "MODEL": "hashing", "DIMENSIONS": 384}


@pytest.fixture
def _urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.maps.urls"):
        yield


def ann() -> User:
    user = User.objects.create_user("Ann")
    user.user_permissions.add(Permission.objects.get(codename="view_book"))
    return user


def test_the_page_asks_no_row_and_loads_nothing_from_elsewhere(
    client: Client, books: list[Book], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        html = client.get("/map/?year=2001").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert addresses == [
        "/static/hybrid_store/map/icon.svg",
        "/static/hybrid_store/map/map.css",
        "?year=2001&amp;map=points",
        "/static/hybrid_store/map/map.js",
        "?year=2001&amp;map=table",
    ]
    assert 'data-points-url="?year=2001&amp;map=points"' in html
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html)
    assert "Map of Books" in html


def test_all_points_of_the_queryset_are_sent(client: Client, books: list[Book]) -> None:
    found = unpacked(client.get("/map/?map=points").content)
    assert found.keys == [str(book.pk) for book in books[:5]]
    assert [group["name"] for group in found.head["groups"]] == ["Bob", "Ann"]


def test_parameters_of_the_page_narrow_all_that_it_asks_for(
    client: Client, books: list[Book]
) -> None:
    key = str(books[1].pk)
    assert unpacked(client.get("/map/?year=2001&map=points").content).keys == [key]
    asked = "&".join(f"map_key={book.pk}" for book in books)
    assert list(client.get(f"/map/?year=2001&map=rows&{asked}").json()) == [key]
    assert client.get("/map/?year=2001&map=hits&map_text=bridges").json() == {"keys": [key]}
    table = client.get("/map/?year=2001&map=table").content.decode()
    assert "green apples" in table
    assert "bridges" not in table


def test_rows_tell_what_they_are_called_and_where_they_are(
    client: Client, books: list[Book]
) -> None:
    key = str(books[0].pk)
    assert client.get(f"/map/?map=rows&map_key={key}").json() == {
        key: {"label": "red apples", "url": f"/books/{key}/"}
    }
    assert client.get(f"/labels/?map=rows&map_key={key}").json()[key]["label"] == "Ann"


@pytest.mark.parametrize("key", ["", "x", "1'--", "99999999", "9" * 30, "\x00", "null"])
def test_keys_that_no_row_has_are_no_rows(client: Client, books: list[Book], key: str) -> None:
    assert client.get("/map/", {"map": "rows", "map_key": key}).json() == {}


def test_a_text_finds_the_rows_nearest_to_it(client: Client, books: list[Book]) -> None:
    keys = client.get("/map/?map=hits&map_text=stone bridges").json()["keys"]
    assert keys[0] == str(books[2].pk)
    assert len(keys) == 5


@pytest.mark.parametrize(
    "asked",
    [
        *("/map/?map=hits", "/map/?map=hits&map_text= ", "/map/?map=x"),
        *("/labels/?map=hits&map_text=a", "/points/?map=hits&map_text=a"),
    ],
)
def test_what_is_not_there_is_not_found(client: Client, asked: str) -> None:
    assert client.get(asked).status_code == 404


def test_where_no_text_is_searched_for_there_is_no_field(client: Client) -> None:
    assert "data-find" in client.get("/map/").content.decode()
    for address in ("/labels/", "/points/"):
        assert "data-find" not in client.get(address).content.decode()


class RecordingEmbedder(HashingEmbedder):
    """Keeps the texts that it was given."""

    def embed_batch(self, texts: Sequence[str]) -> Any:
        embedded.extend(texts)
        return super().embed_batch(texts)


embedded: list[str] = []
RECORDING = {"BACKEND": f"{__name__}.RecordingEmbedder", "MODEL": "hashing", "DIMENSIONS": 384}


def test_of_a_long_text_the_beginning_is_searched_for(client: Client, books: list[Book]) -> None:
    embedded.clear()
    text = "stone bridges " * 50
    with override_embedder(default=RECORDING):
        assert client.get("/map/", {"map": "hits", "map_text": text}).status_code == 200
    assert embedded == [text[:500]]


def test_an_answer_is_of_no_more_rows_than_a_page_needs(client: Client) -> None:
    Book.objects.bulk_create(Book(title=f"book {n}") for n in range(60))
    generate(Book)
    asked = [str(book.pk) for book in Book.objects.order_by("pk")]
    assert [*client.get("/map/", {"map": "rows", "map_key": asked}).json()] == asked[:50]
    assert len(client.get("/map/?map=hits&map_text=book").json()["keys"]) == 50


def test_of_many_rows_a_page_shows_so_many(client: Client, books: list[Book]) -> None:
    books[-1].delete()
    found = unpacked(client.get("/limited/?map=points").content)
    assert len(found.keys) == 2
    assert "3 rows not shown: these are a fair sample of all." in found.head["notes"]
    assert "3 rows not shown" in client.get("/limited/?map=table").content.decode()
    assert EmbeddingMapView.limit == 100_000


def test_a_failing_embedder_is_told_of_without_its_reason(
    client: Client, books: list[Book], caplog: pytest.LogCaptureFixture
) -> None:
    with override_embedder(default=FAILING):
        response = client.get("/map/?map=hits&map_text=apples")
    assert response.status_code == 503
    assert response.json() == {"error": "The search failed."}
    assert "the quota is used up" in caplog.text


@pytest.mark.parametrize("part", PARTS)
def test_who_has_no_permission_gets_nothing(client: Client, books: list[Book], part: str) -> None:
    assert client.get(f"/own/{part}").status_code == 403


def test_a_user_gets_the_rows_of_the_user(client: Client, books: list[Book]) -> None:
    client.force_login(ann())
    mine = [str(book.pk) for book in books[:2]]
    asked = "&".join(f"map_key={book.pk}" for book in books)
    assert unpacked(client.get("/own/?map=points").content).keys == mine
    assert sorted(client.get(f"/own/?map=rows&{asked}").json()) == mine
    assert sorted(client.get("/own/?map=hits&map_text=old bridges").json()["keys"]) == mine
    assert "bridges" not in client.get("/own/?map=table").content.decode()


@pytest.mark.parametrize("part", PARTS[1:])
def test_what_is_sent_is_kept_by_no_shared_cache(
    client: Client, books: list[Book], part: str
) -> None:
    response = client.get(f"/map/{part}")
    assert response.status_code == 200
    assert {"private", "no-cache"} <= set(response["Cache-Control"].split(", "))


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_map_is_only_read(client: Client, method: str) -> None:
    assert getattr(client, method)("/map/").status_code == 405


def test_hostile_texts_stay_texts(client: Client, books: list[Book]) -> None:
    Author.objects.filter(name="Bob").update(name=HOSTILE)
    Book.objects.filter(pk=books[0].pk).update(title=HOSTILE)
    table = client.get("/map/?map=table").content.decode()
    assert "<script>" not in table
    assert "&lt;script&gt;alert(1)" in table
    row = client.get(f"/map/?map=rows&map_key={books[0].pk}")
    assert row["Content-Type"] == "application/json"
    assert json.loads(row.content)[str(books[0].pk)]["label"] == HOSTILE


@pytest.mark.parametrize("part", ["", "table"])
def test_hostile_titles_addresses_and_parameters_stay_texts(
    client: Client, books: list[Book], part: str
) -> None:
    Book.objects.filter(year__gte=2003).update(title=HOSTILE)
    Book.objects.filter(year=2003).update(author=None)
    asked = {"a": HOSTILE_TITLE, **({"map": part} if part else {})}
    html = client.get("/hostile/", asked).content.decode()
    assert "<script>" not in html
    assert escape(HOSTILE_TITLE) in html
    texts = [HOSTILE, HOSTILE_ADDRESS] if part else [HOSTILE_ADDRESS]
    assert all(escape(text) in html for text in texts)


def test_composite_keys_are_refused_in_a_sentence(client: Client) -> None:
    with pytest.raises(MapError, match="Clause has a composite primary key"):
        client.get("/composite/")
