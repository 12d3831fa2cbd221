"""Answers as they come: over WSGI and ASGI, cut off, asked for twice, without a transaction."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.utils import timezone

from chat import answering
from chat.answerers.base import BaseAnswerer, Question
from chat.models import Chat, Turn
from tests.demo.chat.conftest import Upload
from tests.embedders.fake_chat import FakeChat

pytestmark = pytest.mark.urls("config.urls")

STREAM = {"Accept": "application/x-ndjson"}
SECONDS = 10
# Without types.
COMMUNICATOR: Any = ApplicationCommunicator


@pytest.fixture
def turn(ann: User, upload: Upload) -> Turn:
    """A question that is not answered yet."""
    upload(ann)
    asked: Turn = Chat.objects.create(owner=ann).turns.create(question="When was it built?")
    return asked


def address(turn: Turn) -> str:
    return f"{turn.chat.get_absolute_url()}turns/{turn.pk}/answer/"


def stream(client: Client, turn: Turn) -> Any:
    response = client.post(address(turn), headers=STREAM)
    assert response.status_code == 200
    assert response.streaming
    return response


def events(response: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.getvalue().splitlines()]


def wait_for(done: Callable[[], bool]) -> None:
    """Until it is so, which another thread brings about."""
    for _ in range(SECONDS * 100):
        if done():
            return
        threading.Event().wait(0.01)
    raise AssertionError("It did not come about.")


def state(turn: Turn) -> str:
    return Turn.objects.get(pk=turn.pk).state


@pytest.mark.django_db
def test_an_answer_is_an_event_a_line(reader: Client, turn: Turn, server: FakeChat) -> None:
    server.says = ["It was in\n", "1911 [", "1]. 년"]
    response = stream(reader, turn)
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    pieces = [{"text": piece} for piece in server.says]
    assert events(response) == [*pieces, {"end": True}]
    turn.refresh_from_db()
    assert (turn.state, turn.answer) == ("answered", "It was in\n1911 [1]. 년")
    assert turn.citations.count() == 1


@pytest.mark.django_db
def test_pieces_are_given_as_they_come(reader: Client, turn: Turn, server: FakeChat) -> None:
    read = threading.Event()
    server.before_event = lambda place: place < 2 or read.wait(SECONDS)
    lines = iter(stream(reader, turn).streaming_content)
    assert json.loads(next(lines)) == {"text": "It was in "}
    assert state(turn) == "answering"
    read.set()
    assert [json.loads(line) for line in lines] == [{"text": "1911 [1]."}, {"end": True}]


@pytest.mark.django_db
def test_a_question_is_sent_by_the_script_and_answered_later(
    reader: Client, ann: User, upload: Upload
) -> None:
    upload(ann)
    by_script = {"X-Requested-With": "fetch"}
    response = reader.post("/chats/", {"question": "When was it built?"}, headers=by_script)
    turn = Turn.objects.get()
    assert response.status_code == 201
    assert response.headers["Location"] == turn.chat.get_absolute_url()
    assert f'action="{address(turn)}"' in response.content.decode()
    assert turn.state == "asked"
    assert events(stream(reader, turn))[-1] == {"end": True}
    fragment = reader.get(f"/chats/{turn.chat.pk}/turns/{turn.pk}/").content.decode()
    assert fragment.startswith("<article")
    assert "1911" in fragment
    page = reader.get(turn.chat.get_absolute_url()).content.decode()
    assert fragment.split("data-answer")[1] in page


@pytest.mark.django_db
def test_a_failure_ends_the_stream(reader: Client, turn: Turn, server: FakeChat) -> None:
    server.script("error_event")
    assert events(stream(reader, turn)) == [{"text": "It was in "}, {"end": True}]
    assert state(turn) == "failed"


# Cut off


@pytest.mark.django_db(transaction=True)
def test_what_has_come_is_kept_where_the_reader_leaves(
    reader: Client, turn: Turn, server: FakeChat
) -> None:
    server.says = ["It was [1]", " in 1911."]
    response = stream(reader, turn)
    assert json.loads(next(iter(response.streaming_content))) == {"text": "It was [1]"}
    response.close()
    turn.refresh_from_db()
    assert (turn.state, turn.answer) == ("cut off", "It was [1]")
    assert turn.citations.count() == 1
    page = reader.get(turn.chat.get_absolute_url()).content.decode()
    assert "Cut off here." in page
    assert "Try again" in page


class Endless(BaseAnswerer):
    """Talks until nobody listens."""

    left: list[bool] = []

    def answer(self, question: Question) -> Generator[str]:
        try:
            while True:
                yield "word "
        finally:
            self.left.append(True)


@pytest.mark.django_db(transaction=True)
def test_nobody_talks_on_to_a_reader_who_has_gone(
    reader: Client, turn: Turn, settings: Any
) -> None:
    settings.CHAT = {"ANSWERER": f"{__name__}.Endless"}
    Endless.left.clear()
    response = stream(reader, turn)
    next(iter(response.streaming_content))
    assert Endless.left == []
    response.close()
    assert Endless.left == [True]


@pytest.mark.django_db(transaction=True)
def test_a_stream_that_is_never_read_leaves_the_question(reader: Client, turn: Turn) -> None:
    stream(reader, turn).close()
    assert state(turn) == "asked"


@pytest.mark.django_db(transaction=True)
def test_a_server_of_wsgi_notices_that_the_reader_has_left(
    live_server: Any, turn: Turn, server: FakeChat, ann: User, client: Client
) -> None:
    gone = threading.Event()
    server.says = ["It was in 1911. "] * 400
    server.before_event = lambda place: place < 2 or gone.wait(SECONDS)
    client.force_login(ann)
    cookie = f"{django_settings.SESSION_COOKIE_NAME}={client.cookies['sessionid'].value}"
    token = "x" * 32
    headers = {**STREAM, "Cookie": f"{cookie}; csrftoken={token}", "X-CSRFToken": token}
    request = http.client.HTTPConnection(urlsplit(live_server.url).netloc, timeout=SECONDS)
    request.request("POST", address(turn), headers=headers)
    response = request.getresponse()
    assert json.loads(response.readline()) == {"text": "It was in 1911. "}
    response.close()
    request.close()
    gone.set()
    wait_for(lambda: state(turn) == "cut off")
    assert Turn.objects.get().answer.startswith("It was in 1911. ")


# ASGI


@pytest.fixture
async def asgi_client(ann: User) -> AsyncIterator[AsyncClient]:
    client = AsyncClient()
    await client.aforce_login(ann)
    yield client
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db(transaction=True)
async def test_pieces_are_given_as_they_come_under_asgi(
    turn: Turn, server: FakeChat, asgi_client: AsyncClient
) -> None:
    read = threading.Event()
    server.before_event = lambda place: place < 2 or read.wait(SECONDS)
    response: Any = await asgi_client.post(address(turn), headers=STREAM)
    assert response.is_async
    lines = aiter(response.streaming_content)
    assert json.loads(await anext(lines)) == {"text": "It was in "}
    read.set()
    assert [json.loads(line) async for line in lines] == [{"text": "1911 [1]."}, {"end": True}]
    assert (await Turn.objects.aget()).state == "answered"


@pytest.mark.django_db(transaction=True)
async def test_a_server_of_asgi_tells_that_the_reader_has_left(
    turn: Turn, server: FakeChat, asgi_client: AsyncClient
) -> None:
    gone = threading.Event()
    server.before_event = lambda place: place < 2 or gone.wait(SECONDS)
    token = b"x" * 32
    cookie = f"sessionid={asgi_client.cookies['sessionid'].value}; csrftoken=".encode() + token
    names = {b"accept": b"application/x-ndjson", b"cookie": cookie, b"x-csrftoken": token}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "POST",
        "path": address(turn),
        "query_string": b"",
        "headers": [*names.items(), (b"host", b"testserver")],
    }
    talk: Any = COMMUNICATOR(get_asgi_application(), scope)
    await talk.send_input({"type": "http.request", "body": b""})
    assert (await talk.receive_output(SECONDS))["status"] == 200
    assert json.loads((await talk.receive_output(SECONDS))["body"]) == {"text": "It was in "}
    await talk.send_input({"type": "http.disconnect"})
    asyncio.get_running_loop().call_later(0.05, gone.set)
    await talk.wait(SECONDS)
    kept = await Turn.objects.aget()
    assert kept.state == "cut off"
    assert kept.answer.startswith("It was in ")


# Twice


@pytest.mark.django_db
def test_a_question_is_not_answered_twice(reader: Client, turn: Turn, server: FakeChat) -> None:
    first = iter(stream(reader, turn).streaming_content)
    next(first)
    taken = [{"trouble": "This question is being answered already, or has been."}, {"end": True}]
    assert events(stream(reader, turn)) == taken
    page = reader.post(address(turn), follow=True).content.decode()
    assert "Being answered at the moment" in page
    assert list(first)
    assert events(stream(reader, turn)) == taken
    assert len(server.requests) == 1
    assert Turn.objects.get().answer == "It was in 1911 [1]."


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_a_question_one_gets_it(turn: Turn) -> None:
    start = threading.Barrier(6)
    won: list[Any] = []

    def claim() -> None:
        try:
            start.wait(SECONDS)
            won.append(answering.claimed(turn))
        except answering.TakenError:
            pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


@pytest.mark.django_db
def test_a_question_whose_process_died_can_be_answered_anew(reader: Client, turn: Turn) -> None:
    begun = timezone.now() - answering.LEASE
    Turn.objects.update(state="answering", begun=begun)
    assert events(stream(reader, turn))[-1] == {"end": True}
    assert state(turn) == "answered"


@pytest.mark.django_db
def test_who_has_lost_a_question_writes_nothing(
    reader: Client, turn: Turn, server: FakeChat
) -> None:
    late = iter(stream(reader, turn).streaming_content)
    next(late)
    Turn.objects.update(begun=timezone.now() - answering.LEASE)
    server.says = ["The second [1]."]
    assert events(stream(reader, turn))[0] == {"text": "The second [1]."}
    assert list(late)
    turn.refresh_from_db()
    assert turn.answer == "The second [1]."
    assert turn.citations.count() == 1


@pytest.mark.django_db
def test_a_chat_that_is_deleted_meanwhile_is_no_fault(
    reader: Client, turn: Turn, server: FakeChat
) -> None:
    lines = iter(stream(reader, turn).streaming_content)
    next(lines)
    Chat.objects.all().delete()
    assert list(lines)
    assert not Turn.objects.exists()


# Meanwhile


class Watching(BaseAnswerer):
    """Looks at the connection while it answers."""

    seen: list[tuple[bool, bool]] = []

    def answer(self, question: Question) -> Generator[str]:
        self.seen.append((connection.in_atomic_block, connection.connection is not None))
        yield "Seen."


@pytest.mark.django_db(transaction=True)
def test_no_transaction_and_no_connection_is_held_while_a_model_talks(
    reader: Client, turn: Turn, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT = {"ANSWERER": f"{__name__}.Watching"}
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    Watching.seen.clear()
    events(stream(reader, turn))
    reader.post("/chats/", {"question": "When was it built?"})
    reader.post(turn.chat.get_absolute_url(), {"question": "When was it built?"})
    Turn.objects.filter(pk=turn.pk).update(state="asked")
    reader.post(address(turn))
    is_kept = connection.settings_dict["CONN_MAX_AGE"] != 0
    assert Watching.seen == [(False, is_kept)] * 4
    assert not Turn.objects.exclude(state="answered").exists()
