"""A language model searches by the Model Context Protocol, through the official client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from hybrid_store.contrib.mcp import Source, search_server
from hybrid_store.exceptions import EmbedderUnavailableError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from tests.contrib.models import Paper

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "x-owner"


def visible(context: Any) -> Any:
    """The papers of the owner that a header names."""
    request = context.request_context.request
    return Paper.objects.filter(owner=request.headers[OWNER] if request else "me")


SERVER = search_server("papers", [Source("papers", "Papers of mine.", visible, fields=["year"])])


@pytest.fixture(autouse=True)
def _papers() -> None:
    texts = {"a": "red apples", "b": "green apples", "c": "stone bridges"}
    for key, text in texts.items():
        Paper.objects.create(pk=key, text=text, owner="me", year=2000, metadata={"kind": key})
    Paper.objects.create(pk="x", text="red apples of yours", owner="you", year=2000)
    Generation(embedding_field(Paper)).run()


async def called(tool: str, client: Any = None, **arguments: Any) -> Any:
    """The structured content of an answer, or the text of an error."""
    if client is None:
        async with Client(SERVER) as client:
            return await called(tool, client, **arguments)
    result = await client.call_tool(tool, {"source": "papers", **arguments})
    return result.content[0].text if result.is_error else result.structured_content


def keys(answer: Any) -> list[str]:
    return [document["key"] for document in answer["documents"]]


async def test_the_tools_are_told_and_only_read() -> None:
    async with Client(SERVER) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert {*tools} == {"search", "fetch"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
    assert "papers: Papers of mine." in str(tools["search"].description)


@pytest.mark.parametrize("mode", ["hybrid", "words", "meaning"])
async def test_documents_are_found(mode: str) -> None:
    answer = await called("search", query="red apples", mode=mode)
    assert keys(answer)[:2] == ["a", "b"]
    assert "x" not in keys(answer)
    best = answer["documents"][0]
    assert (best["text"], best["metadata"]) == ("red apples", {"kind": "a", "year": 2000})
    assert best["score"] > 0


async def test_filters_and_limits_hold() -> None:
    assert keys(await called("search", query="apples", limit=1, mode="words")) in (["a"], ["b"])
    for key, operator, value, expected in [
        ("kind", "==", "b", {"b"}),
        ("kind", "in", ["b", "c"], {"b", "c"}),
        ("year", ">", 2000, set()),
        ("owner", "==", "you", set()),
        ("x' OR '1'='1", "==", "x' OR '1'='1", set()),
    ]:
        wanted = [{"key": key, "operator": operator, "value": value}]
        assert {*keys(await called("search", query="apples", filters=wanted))} == expected


async def test_a_document_is_given_in_full() -> None:
    await sync_to_async(Paper.objects.filter(pk="a").update)(text="red apples " * 1000)
    [short] = (await called("search", query="red", mode="words"))["documents"]
    assert len(short["text"]) == 2000
    assert (await called("fetch", key="a"))["text"] == "red apples " * 1000


async def test_rows_of_others_are_not_told_from_none() -> None:
    answers = [await called("fetch", key=key) for key in ("x", "q")]
    assert answers[0] == answers[1].replace("'q'", "'x'")
    assert "There is no document 'x' in 'papers'" in answers[0]


async def test_mistakes_are_told_in_a_sentence(monkeypatch: Any) -> None:
    assert "use one of 'papers'" in await called("search", source="books", query="a")
    assert "nothing to search for" in await called("search", query=" ", mode="words")
    wanted = [{"key": "year", "value": "many"}]
    assert "is no value of a" in await called("search", query="a", filters=wanted)
    assert "less than or equal to 50" in await called("search", query="a", limit=51)

    def down(*args: Any, **kwargs: Any) -> Any:
        raise EmbedderUnavailableError("https://secret.example refuses the key abc")

    monkeypatch.setattr("hybrid_store.embedders.hashing.HashingEmbedder.embed_batch", down)
    answer = await called("search", query="apples")
    assert answer.endswith('The search by meaning is out of order: use mode="words".')
    assert "secret" not in answer


async def test_what_the_operator_has_to_do_is_not_told() -> None:
    await sync_to_async(Paper.objects.update)(embedding_fingerprint=f"{'0' * 16}:a")
    answer = await called("search", query="apples", mode="meaning")
    assert answer.endswith('The search by meaning is out of order: use mode="words".')
    assert "manage.py" not in answer


@pytest.fixture
def url() -> Iterator[str]:
    """Of the server, over HTTP."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    app = SERVER.streamable_http_app(stateless_http=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    server.should_exit = True
    thread.join(10)
    listening.close()


async def test_every_request_has_its_own_rows(url: str) -> None:
    for owner, expected in (("me", {"a", "b"}), ("you", {"x"}), ("nobody", set())):
        async with (
            httpx2.AsyncClient(headers={OWNER: owner}) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            answer = await called("search", client, query="apples", mode="words")
            assert {*keys(answer)} == expected
