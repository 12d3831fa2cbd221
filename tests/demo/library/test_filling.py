"""The demo's library: documents are filled in the background, and that may be broken off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from hybrid_store.embedders.remote import clients
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.sync.splitting import Splitting
from library import filling
from library.models import Document, Passage
from library.storing import samples, store
from tests.demo.library.conftest import generate
from tests.demo.pages import get
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.processes import asking

pytestmark = [pytest.mark.urls("config.urls"), pytest.mark.django_db(transaction=True)]

LISTED = "/library/"
PROGRESS = '<script type="module" src="/static/library/progress.js">'
KEY = "sk-" + "a1B2" * 8


@pytest.fixture(autouse=True)
def settled(transactional_db: None) -> Iterator[None]:
    """No test leaves work to the next."""
    yield
    settle()


def settle() -> None:
    assert not wait(list(filling.under_way), timeout=30).not_done


@pytest.fixture
def provider(settings: Any) -> Iterator[FakeOpenAI]:
    """What embeds; it wants a key."""
    with FakeOpenAI(api_key=KEY) as server:
        settings.HYBRID_STORE = asking(server, OPTIONS={"api_key": KEY})
        yield server
    for client in clients.clear():
        client.close()


def paste(client: Client, title: str, text: str = "") -> Document:
    client.post("/library/paste/", {"title": title, "text": text or samples()[0].text})
    return Document.objects.get(title=title)


def state(client: Client, document: Document) -> tuple[str, int, int, int]:
    told = client.get(f"/library/{document.pk}/progress/").json()[str(document.pk)]
    return told["state"], told["made"], told["embedded"], told["failed"]


def test_documents_are_filled_after_they_were_added(as_ann: Client, as_bob: Client) -> None:
    documents = [paste(as_ann, "First"), paste(as_ann, "Second", "A text"), paste(as_bob, "Third")]
    settle()
    for document, client in zip(documents, (as_ann, as_ann, as_bob), strict=True):
        count = Passage.objects.filter(parent=document).count()
        assert state(client, document) == ("current", count, count, 0)
    page = get(as_ann, documents[1].get_absolute_url())
    assert "1 of 1 passages are embedded." in page.text
    assert "Go on" not in page.text
    assert Passage.objects.count() == Passage.objects.coverage().current == 15


def test_a_guest_finds_the_samples_filled(client: Client) -> None:
    client.post("/library/guest/")
    settle()
    told = client.get("/library/progress/").json()
    assert [each["state"] for each in told.values()] == ["current"] * 4


def test_progress_is_told_while_it_is_made(as_ann: Client, provider: FakeOpenAI) -> None:
    reached, go = threading.Event(), threading.Event()

    def hold(request: object) -> None:
        reached.set()
        assert go.wait(30)

    provider.before_answer = hold
    document = paste(as_ann, "First")
    assert reached.wait(30)
    assert state(as_ann, document) == ("working", 7, 0, 0)
    markup = as_ann.get(document.get_absolute_url()).content.decode()
    assert '<progress data-bar max="7" value="0"></progress>' in markup
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in markup
    assert f'data-progress="/library/{document.pk}/progress/"' in markup
    assert PROGRESS in markup
    assert "Go on" not in markup
    listed = as_ann.get(LISTED).content.decode()
    assert 'data-progress="/library/progress/"' in listed
    assert "http-equiv" not in listed
    go.set()
    settle()
    assert state(as_ann, document) == ("current", 7, 7, 0)
    done = as_ann.get(document.get_absolute_url()).content.decode()
    assert "http-equiv" not in done
    assert PROGRESS not in done


def test_what_was_broken_off_is_told_and_gone_on_with(ann: Any, as_ann: Client) -> None:
    document, other = store(ann, samples()[:2])
    assert state(as_ann, document) == ("interrupted", 0, 0, 0)
    Splitting(Passage.chunking).run(keys=[document.pk])
    assert state(as_ann, document) == ("interrupted", 7, 0, 0)
    page = get(as_ann, document.get_absolute_url())
    assert "0 of 7 passages are embedded." in page.text
    assert "This is not finished, and nobody is at work on it." in page.text
    assert PROGRESS not in as_ann.get(document.get_absolute_url()).content.decode()
    assert "not finished" in get(as_ann, LISTED).text
    went = as_ann.post(f"/library/{document.pk}/go-on/")
    assert went.headers["Location"] == document.get_absolute_url()
    settle()
    assert state(as_ann, document) == ("current", 7, 7, 0)
    assert state(as_ann, other) == ("interrupted", 0, 0, 0)
    generate()
    assert state(as_ann, other)[0] == "current"


def test_another_process_that_embeds_is_seen(ann: Any, as_ann: Client) -> None:
    (document,) = store(ann, samples()[:1])
    held = {"model": "library.Passage", "column": "embedding", "fingerprint": "-", "token": "-"}
    until = timezone.now() + timedelta(seconds=60)
    EmbeddingWork.objects.create(**held, key="1", lease_until=until)
    assert state(as_ann, document)[0] == "working"
    EmbeddingWork.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert state(as_ann, document)[0] == "interrupted"


def test_a_provider_that_refuses_is_told_without_the_key(
    as_ann: Client, provider: FakeOpenAI
) -> None:
    provider.api_key = "another"
    document = paste(as_ann, "First")
    settle()
    assert state(as_ann, document) == ("interrupted", 7, 0, 0)
    page = get(as_ann, document.get_absolute_url())
    assert "Embedding was stopped." in page.text
    assert EmbeddingRun.objects.latest("started_at").reason in page.text
    assert "API key" in page.text
    assert KEY not in page.text
    provider.api_key = KEY
    as_ann.post(f"/library/{document.pk}/go-on/")
    settle()
    assert state(as_ann, document) == ("current", 7, 7, 0)
    assert "stopped" not in get(as_ann, document.get_absolute_url()).text


def test_passages_that_fail_are_told_to_their_owner_alone(
    as_ann: Client, as_bob: Client, provider: FakeOpenAI
) -> None:
    provider.poison = {"newspapers"}
    mine = paste(as_ann, "First")
    settle()
    theirs = paste(as_bob, "Second", "A text that is long enough.")
    settle()
    assert state(as_ann, mine) == ("failed", 7, 6, 1)
    assert state(as_bob, theirs) == ("current", 1, 1, 0)
    page = get(as_ann, mine.get_absolute_url())
    assert "6 of 7 passages are embedded, 1 could not be." in page.text
    failed: Any = Passage.objects.failed().get()
    assert f"Passage {failed.number + 1}: {failed.reason}" in page.text
    assert page.links[f"Passage {failed.number + 1}"] == failed.get_absolute_url()
    for address in (LISTED, theirs.get_absolute_url(), "/library/progress/"):
        assert "newspapers" not in as_bob.get(address).content.decode()
    provider.forget()
    as_ann.post(f"/library/{mine.pk}/go-on/")
    settle()
    assert state(as_ann, mine) == ("current", 7, 7, 0)


def test_a_document_may_be_deleted_while_it_is_filled(
    as_ann: Client, provider: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    def delete(request: object) -> None:
        Document.objects.all().delete()
        connections.close_all()

    provider.before_answer = delete
    as_ann.post("/library/paste/", {"title": "First", "text": samples()[0].text})
    settle()
    assert not Passage.objects.exists()
    assert "could not be filled" not in caplog.text


def test_a_setting_that_is_wrong_leaves_the_document_due(
    as_ann: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    right = settings.HYBRID_STORE
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": {"BACKEND": "nothing.like.it"}}}
    as_ann.post("/library/paste/", {"title": "First", "text": "A text"})
    settle()
    assert "Documents could not be filled." in caplog.text
    settings.HYBRID_STORE = right
    document = Document.objects.get()
    assert state(as_ann, document) == ("interrupted", 0, 0, 0)
    as_ann.post(f"/library/{document.pk}/go-on/")
    settle()
    assert state(as_ann, document)[0] == "current"
