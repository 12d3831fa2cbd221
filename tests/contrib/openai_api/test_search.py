"""OpenAI's own client searches querysets, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from django.contrib.auth.models import User

from tests.contrib.openai_api.papers import create_papers, create_users

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.contrib.openai_api.urls"),
]


@pytest.fixture(autouse=True)
def _papers(transactional_db: None) -> None:
    create_users()
    create_papers()


Clients = dict[str, openai.OpenAI]


@pytest.fixture
def clients(live_server: Any) -> Iterator[Clients]:
    """Of each tenant, and of nobody."""
    made = {
        name: openai.OpenAI(base_url=f"{live_server.url}/v1", api_key=name, max_retries=0)
        for name in ("ann", "bob", "nobody")
    }
    yield made
    for client in made.values():
        client.close()


def search(client: openai.OpenAI, query: Any = "red apples", **options: Any) -> Any:
    options = {"vector_store_id": "papers", **options}
    return client.vector_stores.search(query=query, **options)


def keys(page: Any) -> list[str]:
    return [result.file_id for result in page.data]


def test_documents_are_found_in_the_form_of_openai(clients: Clients) -> None:
    page = search(clients["ann"])
    assert page.object == "vector_store.search_results.page"
    assert (page.search_query, page.has_more, page.next_page) == (["red apples"], False, None)
    assert [*page] == page.data
    assert keys(page)[:2] == ["a", "b"]
    best = page.data[0]
    assert (best.file_id, best.filename, best.score) == ("a", "a", 1.0)
    # Of metadata, what OpenAI has: texts, numbers and booleans.
    assert best.attributes == {"kind": "a", "draft": False, "year": 2000}
    assert [(part.type, part.text) for part in best.content] == [("text", "red apples")]


def test_tenants_find_their_own_rows_only(clients: Clients) -> None:
    assert set(keys(search(clients["ann"]))) == {"a", "b", "c"}
    # The document is a part of a file, and has no name.
    [found] = search(clients["bob"]).data
    assert (found.file_id, found.filename) == ("file", "file")
    assert "Bob" in found.content[0].text
    own = {"type": "eq", "key": "kind", "value": "a"}
    everything = {"type": "or", "filters": [own, {"type": "ne", "key": "year", "value": 1}]}
    assert keys(search(clients["bob"], filters=everything)) == ["file"]


async def test_the_asynchronous_client_finds_them(live_server: Any) -> None:
    url = f"{live_server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="ann", max_retries=0) as client:
        page = await client.vector_stores.search("papers", query="stone bridges")
    assert keys(page)[0] == "c"


YEAR, KIND = {"key": "year"}, {"key": "kind"}
FILTERS: list[tuple[Any, str]] = [
    ({**KIND, "type": "eq", "value": "a"}, "a"),
    ({**YEAR, "type": "eq", "value": 2001.0}, "b"),
    ({"key": "draft", "type": "eq", "value": True}, "c"),
    ({**KIND, "type": "ne", "value": "a"}, "bc"),
    ({**YEAR, "type": "gt", "value": 2001}, "c"),
    ({**YEAR, "type": "gte", "value": 2001}, "bc"),
    ({**KIND, "type": "lt", "value": "b"}, "a"),
    ({**YEAR, "type": "lte", "value": 2001}, "ab"),
    ({**KIND, "type": "in", "value": ["a", "c", 1]}, "ac"),
    ({**YEAR, "type": "nin", "value": [2000]}, "bc"),
    ({**YEAR, "type": "nin", "value": []}, "abc"),
]


def test_filters_hold(clients: Clients) -> None:
    for given, expected in FILTERS:
        assert sorted(keys(search(clients["ann"], filters=given))) == [*expected], given
    either = {"type": "or", "filters": [FILTERS[0][0], FILTERS[2][0]]}
    both = {"type": "and", "filters": [either, FILTERS[4][0]]}
    assert keys(search(clients["ann"], filters=both)) == ["c"]


def test_keys_are_those_of_attributes_and_nothing_else(clients: Clients) -> None:
    hostile = "x' OR '1'='1"
    for key in [hostile, "%s", "{text}", "owner", "text", "pk", "year__lt", "metadata", ""]:
        either = [{"type": "eq", "key": key, "value": value} for value in ("ann", hostile, "%s")]
        given = {"type": "or", "filters": either}
        assert keys(search(clients["ann"], filters=given)) == [], key


def test_numbers_are_compared_as_far_as_they_go(clients: Clients) -> None:
    for key in ("year", "kind"):
        for value in (2**63 - 1, -(2**63), 0.5):
            either = [{"type": kind, "key": key, "value": value} for kind in ("eq", "lt", "gte")]
            given = {"type": "or", "filters": either}
            found = keys(search(clients["ann"], filters=given))
            assert len(found) == (3 if key == "year" else 0), given


def test_several_queries_are_searched_for_at_once(clients: Clients) -> None:
    page = search(clients["ann"], ["stone bridges", "red apples"], max_num_results=2)
    assert page.search_query == ["stone bridges", "red apples"]
    assert sorted(keys(page)) == ["a", "c"]
    assert sorted(keys(search(clients["ann"], ["apples", "apples"]))) == ["a", "b", "c"]


def test_limits_and_options_hold(clients: Clients) -> None:
    ann = clients["ann"]
    assert keys(search(ann, max_num_results=1)) == ["a"]
    options = {"ranker": "auto", "score_threshold": 0.9}
    page = search(ann, vector_store_id="by_meaning", ranking_options=options, rewrite_query=True)
    assert keys(page) == ["a"]
    assert page.data[0].score == pytest.approx(1, abs=1e-6)
    assert keys(search(ann, "bridges", vector_store_id="by_words")) == ["c"]


def test_unknown_and_forbidden_stores_are_not_told_apart(clients: Clients) -> None:
    answers = []
    for name in ("of_staff", "nonesuch"):
        with pytest.raises(openai.NotFoundError) as raised:
            search(clients["ann"], vector_store_id=name)
        answers.append(json.dumps(raised.value.body).replace(name, "?"))
    assert answers[0] == answers[1]
    User.objects.filter(username="ann").update(is_staff=True)
    assert "x" not in keys(search(clients["ann"], vector_store_id="papers"))
    assert "file" in keys(search(clients["ann"], vector_store_id="of_staff"))


def test_who_is_not_known_is_turned_away(clients: Clients) -> None:
    for name in ("papers", "nonesuch"):
        with pytest.raises(openai.AuthenticationError) as raised:
            search(clients["nobody"], vector_store_id=name)
        assert raised.value.code == "invalid_api_key"
        assert raised.value.response.headers["WWW-Authenticate"] == "Bearer"


def test_mistakes_are_the_errors_of_the_client(clients: Clients) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        search(clients["ann"], max_num_results=51)
    assert (raised.value.type, raised.value.param) == ("invalid_request_error", "max_num_results")
    assert "max_num_results has to be a whole number from 1 to 50." in str(raised.value)
    with pytest.raises(openai.APIStatusError) as too_large:
        search(clients["ann"], "a" * 2**16)
    assert too_large.value.status_code == 413
