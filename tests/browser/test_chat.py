"""The chat of the demo, in a browser: answers are shown as they come, and lead to their sources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import Page, expect

from chat.models import Turn
from library.reading import Reading
from library.storing import store
from tests.browser.conftest import OpenPage
from tests.browser.screens import overflowing
from tests.demo.chat.conftest import HOUSE, KEY
from tests.demo.library.conftest import generate
from tests.embedders.fake_chat import FakeChat

Axe = Callable[[Page], None]
LogIn = Callable[[Page, User], None]

QUESTION = "When was the guest house built?"
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
SECONDS = 20


@pytest.fixture(scope="module")
def ann(transactional_db: None) -> User:
    """She has a document about a house, under a title that means harm."""
    ann = User.objects.create_user("ann")
    store(ann, [Reading(f"The house {HOSTILE}", HOUSE)])
    generate()
    return ann


@pytest.fixture
def model() -> Iterator[FakeChat]:
    """The server of a language model, which the chat asks."""
    with FakeChat(api_key=KEY) as fake:
        options = {"model": "fake", "base_url": fake.url, "api_key": KEY, "max_retries": 0}
        language_model = "chat.answerers.language_model.LanguageModel"
        with override_settings(CHAT={"ANSWERER": language_model, "OPTIONS": options}):
            yield fake


@pytest.fixture
def reader(page: Page, ann: User, log_in: LogIn) -> Page:
    log_in(page, ann)
    page.goto("/chats/")
    return page


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_role("textbox").fill(question)
    page.get_by_role("textbox").press("Enter")


def test_an_answer_is_shown_as_it_comes(reader: Page, model: FakeChat) -> None:
    read = threading.Event()
    model.says = ["It was in ", "1911 [1]."]
    model.before_event = lambda place: place < 2 or read.wait(SECONDS)
    ask(reader)
    answer = reader.locator("[data-answer]")
    expect(answer).to_have_text("It was in ")
    expect(reader.get_by_role("button", name="Stop")).to_be_visible()
    expect(reader.locator(".turn")).to_have_attribute("aria-busy", "true")
    read.set()
    expect(answer).to_have_text("It was in 1911 Source [1].")
    expect(reader.get_by_role("button", name="Stop")).to_have_count(0)
    expect(reader.get_by_role("textbox")).to_be_focused()


def test_a_citation_leads_to_its_passage(reader: Page, model: FakeChat) -> None:
    ask(reader)
    reader.get_by_role("link", name="Source [1]").click()
    expect(reader.locator("mark#passage")).to_contain_text("It was built in 1911")
    reader.go_back()
    expect(reader.get_by_role("list", name="Sources of this answer")).to_contain_text(HOSTILE)


def test_a_reader_may_stop_and_ask_again(reader: Page, model: FakeChat) -> None:
    gone = threading.Event()
    model.says = ["It was in 1911. "] * 40
    model.before_event = lambda place: place < 2 or gone.wait(SECONDS)
    ask(reader)
    expect(reader.locator("[data-answer]")).to_contain_text("It was in 1911.")
    reader.get_by_role("button", name="Stop").click()
    gone.set()
    expect(reader.get_by_text("Cut off here.")).to_be_visible()
    model.says = ["It was in ", "1911 [1]."]
    reader.get_by_role("button", name="Try again").click()
    expect(reader.get_by_role("link", name="Source [1]")).to_be_visible()
    ask(reader, "And by whom?")
    expect(reader.get_by_role("link", name="Source [1]")).to_have_count(2)


def test_a_failure_is_told(reader: Page, model: FakeChat) -> None:
    model.script("error_event")
    ask(reader)
    expect(reader.get_by_text("There is no whole answer.")).to_be_visible()
    expect(reader.get_by_role("button", name="Try again")).to_be_visible()


def test_hostile_questions_and_answers_do_nothing(reader: Page, model: FakeChat) -> None:
    model.says = [HOSTILE, " [1]", " [x](javascript:alert(1))"]
    ask(reader, f"{HOSTILE} guest house")
    expect(reader.get_by_role("link", name="Source [1]")).to_be_visible()
    expect(reader.locator("[data-answer]")).to_contain_text(HOSTILE)
    assert reader.locator("main img, main script, main a[href^='javascript']").count() == 0
    reader.goto("/chats/")
    expect(reader.get_by_role("link", name=HOSTILE[:20]).first).to_be_visible()


def test_without_a_script_and_without_a_model(
    open_page: OpenPage, ann: User, log_in: LogIn
) -> None:
    page = open_page(java_script_enabled=False)
    log_in(page, ann)
    page.goto("/chats/")
    page.get_by_role("textbox").fill(QUESTION)
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("[data-answer]")).to_contain_text("1911")
    expect(page.get_by_text("No language model wrote this")).to_be_visible()
    page.get_by_role("link", name="Source [1]").click()
    expect(page.locator("mark#passage")).to_be_visible()


def test_a_bad_question_is_told(reader: Page, faults: list[str]) -> None:
    count = Turn.objects.count()
    ask(reader, "a\0b")
    expect(reader.get_by_role("status")).to_contain_text("Null characters")
    assert Turn.objects.count() == count
    assert "400 (Bad Request)" in faults.pop()


def test_pages_are_accessible_and_as_wide_as_the_screen(reader: Page, axe: Axe) -> None:
    axe(reader)
    ask(reader)
    expect(reader.get_by_role("link", name="Source [1]")).to_be_visible()
    assert overflowing(reader) == []
    axe(reader)
