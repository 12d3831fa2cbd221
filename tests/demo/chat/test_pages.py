"""The chat's pages: whose they are, what they show of sources, what they cost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Chat, Citation, Turn
from chat.retrieving import Found, retrieve
from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import EmbedderUnavailableError
from library.models import Document, Passage
from tests.demo.chat.conftest import Upload
from tests.embedders.fake_chat import FakeChat

pytestmark = [pytest.mark.django_db, pytest.mark.urls("config.urls")]

STATIC = Path(__file__).parents[3] / "demo" / "chat" / "static" / "chat"
QUESTION = "When was the guest house built?"


def begin(owner: User, question: str = QUESTION, **given: Any) -> Turn:
    """A chat of somebody's with a turn."""
    chat = Chat.objects.create(owner=owner)
    turn: Turn = chat.turns.create(question=question, **given)
    return turn


def answered(owner: User, *passages: Passage, **given: Any) -> Turn:
    """A turn of somebody's whose answer cites these passages."""
    answer = "".join(f"[{number}]" for number, _ in enumerate(passages, 1))
    turn = begin(owner, **{"answer": answer, "state": "answered", "model": "fake", **given})
    for number, passage in enumerate(passages, 1):
        turn.citations.create(number=number, passage=passage)
    return turn


def addresses(turn: Turn) -> dict[str, str]:
    """All that there is of a chat, by what it is asked with."""
    chat = turn.chat.get_absolute_url()
    return {
        chat: "get",
        f"{chat}turns/{turn.pk}/": "get",
        f"{chat}turns/{turn.pk}/answer/": "post",
        f"{chat}delete/": "post",
    }


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


# Whose they are


def test_a_login_is_needed_everywhere(client: Client, ann: User) -> None:
    turn = begin(ann)
    for address in ("/chats/", *addresses(turn)):
        for response in (client.get(address), client.post(address, {"question": "x"})):
            assert response.status_code == 302
            assert "/login/" in response.headers["Location"]
    assert Turn.objects.get().state == "asked"


def test_chats_of_others_are_as_if_they_were_not(
    client: Client, ann: User, bob: User, upload: Upload
) -> None:
    turn = answered(ann, upload(ann).passages.get())
    before = list(Turn.objects.values())
    client.force_login(bob)
    nothing = turn.chat.get_absolute_url().replace(str(turn.chat.pk), "999999999999999999999")
    for address, method in addresses(turn).items():
        response = getattr(client, method)(address, {"question": "mine now"})
        missing = getattr(client, method)(nothing, {"question": "mine now"})
        assert response.status_code == missing.status_code == 404
        assert QUESTION not in response.content.decode()
    assert client.post(turn.chat.get_absolute_url(), {"question": "x"}).status_code == 404
    assert QUESTION not in text(client, "/chats/")
    assert list(Turn.objects.values()) == before


def test_a_turn_is_found_in_its_own_chat_alone(reader: Client, ann: User, bob: User) -> None:
    mine, other, foreign = begin(ann), begin(ann), begin(bob)
    for turn in (other, foreign):
        address = f"/chats/{mine.chat.pk}/turns/{turn.pk}/"
        assert reader.get(address).status_code == 404
        assert reader.post(f"{address}answer/").status_code == 404


def test_another_person_in_the_same_browser_sees_nothing_of_the_first(
    reader: Client, ann: User, bob: User, upload: Upload
) -> None:
    upload(ann, title="Ann's own")
    reader.post("/chats/", {"question": QUESTION})
    reader.force_login(bob)
    page = reader.post("/chats/", {"question": QUESTION}, follow=True).content.decode()
    assert "Your documents do not tell" in page
    assert "Ann" not in page
    assert "1911" not in page
    assert Turn.objects.filter(chat__owner=bob).get().answer == ""


@pytest.mark.parametrize("answerer", ["extractive", "language model"])
def test_documents_of_others_are_not_answered_from(
    reader: Client, ann: User, bob: User, upload: Upload, request: Any, answerer: str
) -> None:
    upload(ann, "The house is old.", title="Ann's")
    upload(bob, title="Bob's")
    if answerer == "language model":
        server = request.getfixturevalue("server")
        reader.post("/chats/", {"question": QUESTION})
        assert "1911" not in str(server.requests[-1].body)
        assert "Bob" not in str(server.requests[-1].body)
    else:
        reader.post("/chats/", {"question": QUESTION})
        assert "1911" not in Turn.objects.get().answer
    assert set(Citation.objects.values_list("passage__parent__owner", flat=True)) <= {ann.pk}


def test_a_chat_is_deleted_by_post_alone(reader: Client, ann: User, upload: Upload) -> None:
    document = upload(ann)
    turn = answered(ann, document.passages.get())
    kept = begin(ann)
    assert reader.get(f"{turn.chat.get_absolute_url()}delete/").status_code == 405
    response = reader.post(f"{turn.chat.get_absolute_url()}delete/")
    assert response.headers["Location"] == "/chats/"
    assert list(Chat.objects.all()) == [kept.chat]
    assert not Citation.objects.exists()
    assert Document.objects.get() == document


def test_forms_need_their_token(ann: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    turn = begin(ann)
    chat = turn.chat.get_absolute_url()
    for address in ("/chats/", chat, f"{chat}delete/", f"{chat}turns/{turn.pk}/answer/"):
        assert client.post(address, {"question": "x"}).status_code == 403
    assert Turn.objects.count() == Chat.objects.count() == 1
    for page in ("/chats/", chat, f"{chat}turns/{turn.pk}/"):
        assert "csrfmiddlewaretoken" in text(client, page)


# Sources


def test_sources_show_document_page_and_an_excerpt(
    reader: Client, ann: User, upload: Upload
) -> None:
    passage = upload(ann, pages=[0, 4000]).passages.get()
    page = text(reader, answered(ann, passage).chat.get_absolute_url())
    assert page.count(f'href="{passage.get_absolute_url()}"') == 2
    assert "The house</a>" in page
    assert "Page 1" in page
    assert "The guest house stands on a ridge" in page


def test_sources_are_shown_to_those_who_may_see_them_now(
    reader: Client, ann: User, bob: User, upload: Upload
) -> None:
    document = upload(ann, title="A secret")
    turn = answered(ann, document.passages.get())
    address = turn.chat.get_absolute_url()
    assert "A secret" in text(reader, address)
    Document.objects.update(owner=bob)
    for page in (text(reader, address), text(reader, f"{address}turns/{turn.pk}/")):
        assert "This passage is no longer there." in page
        assert "A secret" not in page
        assert "ridge" not in page
        assert "/passages/" not in page
        assert "[1]" in page


def test_sources_that_are_gone_are_told(reader: Client, ann: User, upload: Upload) -> None:
    document, other = upload(ann, title="Gone"), upload(ann, "Another text.", title="There")
    turn = answered(ann, document.passages.get(), other.passages.get())
    document.delete()
    page = text(reader, turn.chat.get_absolute_url())
    assert page.count("This passage is no longer there.") == 1
    assert "Gone" not in page
    assert "There</a>" in page


def test_a_passage_that_goes_meanwhile_is_no_fault(
    reader: Client,
    ann: User,
    upload: Upload,
    server: FakeChat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = upload(ann)
    # Where connections are let go, somebody else may be at work.
    monkeypatch.setattr("chat.answering.let_go", document.delete)
    reader.post("/chats/", {"question": QUESTION})
    assert Turn.objects.get().state == "answered"
    assert Citation.objects.get().passage is None


def test_hostile_titles_and_questions_are_text(reader: Client, ann: User, upload: Upload) -> None:
    attack = "<script>alert('x')</script> \"&{{ x }} guest house"
    upload(ann, f"{attack} is a sentence.", title=attack)
    page = reader.post("/chats/", {"question": attack}, follow=True).content.decode()
    for shown in (page, text(reader, "/chats/")):
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown


# The forms


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        ("", "Write a question."),
        (" \n ", "Write a question."),
        ("x" * 1001, "at most 1000 characters"),
        ("a\0b", "Null characters"),
    ],
)
def test_bad_questions_are_told(reader: Client, ann: User, question: str, fault: str) -> None:
    chat = Chat.objects.create(owner=ann)
    for address in ("/chats/", chat.get_absolute_url()):
        response = reader.post(address, {"question": question})
        assert response.status_code == 400
        assert fault in response.content.decode()
        response = reader.post(
            address, {"question": question}, headers={"X-Requested-With": "fetch"}
        )
        assert response.headers["Content-Type"] == "text/plain"
        assert fault in response.content.decode()
    assert not Turn.objects.exists()


@pytest.mark.parametrize("question", ["?", "-", '"', "-house", '"no such phrase"', "a -b or", "—"])
def test_any_question_can_be_asked(
    reader: Client, ann: User, upload: Upload, question: str
) -> None:
    upload(ann)
    assert reader.post("/chats/", {"question": question}, follow=True).status_code == 200
    assert Turn.objects.get().state == "answered"


def test_chats_are_listed_by_their_first_question(reader: Client, ann: User) -> None:
    first = begin(ann, "The first question?")
    first.chat.turns.create(question="Another?")
    begin(ann, "A second chat?")
    page = text(reader, "/chats/")
    assert page.index("A second chat?") < page.index("The first question?")
    assert "Another?" not in page
    assert "2 questions" in page


def test_who_has_no_documents_is_told_to_add_one(
    reader: Client, ann: User, bob: User, upload: Upload
) -> None:
    upload(bob)
    assert "You have no documents yet" in text(reader, "/chats/")
    upload(ann)
    assert "You have no documents yet" not in text(reader, "/chats/")


def test_a_citation_leads_to_the_passage(reader: Client, ann: User, upload: Upload) -> None:
    turn = answered(ann, upload(ann).passages.get())
    page = text(reader, turn.chat.get_absolute_url())
    [address, again] = re.findall(r'<a [^>]*href="(/library/passages[^"]+)"', page)
    assert address == again
    shown = reader.get(address, follow=True).content.decode()
    assert re.search(r"<mark[^>]*>The guest house stands", shown)


def test_many_chats_are_on_several_pages(reader: Client, ann: User) -> None:
    Chat.objects.bulk_create(Chat(owner=ann) for _ in range(31))
    assert "Page 1 of 2" in text(reader, "/chats/")
    assert "Page 2 of 2" in text(reader, "/chats/?page=2")


# What they cost


def test_pages_take_as_many_queries_whatever_they_hold(
    reader: Client, ann: User, upload: Upload
) -> None:
    passages = [
        upload(ann, f"Text number {n}.", title=f"Title {n}").passages.get() for n in range(4)
    ]
    turn = answered(ann, passages[0])
    pages = ("/chats/", turn.chat.get_absolute_url())
    counts = []
    for _ in range(2):
        for page in pages:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert text(reader, page)
            counts.append(len(queries))
        for passage in passages:
            more = turn.chat.turns.create(question="q", answer="[1]", state="answered")
            more.citations.create(number=1, passage=passage)
            begin(ann)
    assert counts[:2] == counts[2:]
    assert counts[1] <= 6


def test_pages_load_no_vectors_and_no_whole_documents(
    reader: Client, ann: User, upload: Upload
) -> None:
    turn = answered(ann, upload(ann).passages.get())
    response = reader.get(turn.chat.get_absolute_url())
    [shown] = response.context["turns"]
    [source] = shown.sources
    assert "embedding" in source.passage.get_deferred_fields()
    assert "text" in source.passage.parent.get_deferred_fields()


# Passages


def test_a_question_that_follows_is_searched_with_the_one_before(ann: User, upload: Upload) -> None:
    upload(ann)
    bells = upload(ann, "The lighthouse has a bell of bronze. It rings in fog.", title="Bells")
    found = retrieve(ann, "And when was that?", "Tell me about the lighthouse bell")
    assert found.passages[0].parent == bells
    assert found.sought == "Tell me about the lighthouse bell And when was that?"


def test_only_the_question_before_is_searched_with(
    reader: Client, ann: User, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought: list[str] = []

    def watched(user: Any, question: str, before: str) -> Found:
        sought.append(before)
        return Found([], question)

    monkeypatch.setattr("chat.answering.retrieve", watched)
    reader.post("/chats/", {"question": "one"})
    chat = Chat.objects.get().get_absolute_url()
    begin(ann, "another chat")
    for question in ("two", "three"):
        reader.post(chat, {"question": question})
    assert sought == ["", "one", "two"]


def test_one_long_document_leaves_room_for_others(ann: User, upload: Upload) -> None:
    paragraph = "The guest house has a bell. " * 40
    long = upload(ann, "\n\n".join([paragraph] * 12), title="Long")
    assert long.passages.count() > 6
    assert [p.parent_id for p in retrieve(ann, "guest house bell").passages] == [long.pk] * 6
    short = [upload(ann, f"A bell, number {n}.", title="Short") for n in range(2)]
    found = [p.parent_id for p in retrieve(ann, "guest house bell").passages]
    assert {short[0].pk, short[1].pk} <= {*found}
    assert len(found) == 6


@pytest.mark.parametrize("reason", ["the embedder fails", "nothing is embedded", "another space"])
def test_without_meaning_passages_are_found_by_words_and_it_is_told(
    reader: Client, ann: User, upload: Upload, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    def fail(self: Any, texts: Any) -> Any:
        raise EmbedderUnavailableError("The provider is on holiday.")

    upload(ann)
    told = {
        "the embedder fails": "The provider is on holiday.",
        "nothing is embedded": "No passage of your documents has been embedded yet.",
        "another space": "--replace-spaces",
    }[reason]
    if reason == "the embedder fails":
        monkeypatch.setattr(HashingEmbedder, "embed_batch", fail)
    elif reason == "nothing is embedded":
        Passage.objects.update(embedding=None)
    else:
        Passage.objects.update(embedding_fingerprint=f"{'0' * 16}:{'0' * 32}")
    page = reader.post("/chats/", {"question": QUESTION}, follow=True).content.decode()
    assert "The passages were found by their words alone." in page
    assert told in page
    assert "1911" in page
    assert Citation.objects.get().passage


# The files


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs_inline(
    reader: Client, ann: User, upload: Upload
) -> None:
    turn = answered(ann, upload(ann).passages.get())
    for page in ("/chats/", turn.chat.get_absolute_url()):
        markup = text(reader, page)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", markup)
        assert re.findall(r"<script[^>]*>[^<]*", markup) == [
            '<script src="/static/look/theme.js">',
            '<script src="/static/chat/chat.js" defer>',
        ]
        assert not re.search(r"<style|\sstyle=|\son\w+=", markup)
    for path in STATIC.iterdir():
        assert not re.search(r"https?://|@import|url\(", path.read_text(encoding="utf-8"))


def test_the_script_takes_what_a_model_says_for_text() -> None:
    script = (STATIC / "chat.js").read_text(encoding="utf-8")
    assert "innerHTML" not in script
    assert "insertAdjacentHTML" not in script
    assert "eval(" not in script


def test_answers_are_pages_that_no_cache_keeps(reader: Client, ann: User) -> None:
    turn = begin(ann)
    for page in (
        "/chats/",
        turn.chat.get_absolute_url(),
        f"/chats/{turn.chat.pk}/turns/{turn.pk}/",
    ):
        assert "no-store" in reader.get(page).headers["Cache-Control"]
