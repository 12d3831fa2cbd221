"""The library of the demo, in a browser: documents are uploaded, found and read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from hybrid_store.embedders.hashing import HashingEmbedder
from library import filling
from library.models import Document, Passage
from library.storing import samples, store
from tests.browser.conftest import OpenPage
from tests.browser.screens import overflowing
from tests.browser.waiting import wait_until
from tests.demo.library.conftest import generate
from tests.demo.library.pdfs import pdf

Axe = Callable[[Page], None]
LogIn = Callable[[Page, User], None]

HOSTILE = "griffin <img src=x onerror=alert(1)></script><script>alert(2)</script>"
SECONDS = 20


def file(name: str, data: bytes | str, kind: str = "text/plain") -> dict[str, Any]:
    return {
        "name": name,
        "mimeType": kind,
        "buffer": data.encode() if isinstance(data, str) else data,
    }


@pytest.fixture(scope="module")
def ann(transactional_db: None) -> User:
    """She has the samples."""
    ann = User.objects.create_user("ann")
    store(ann, samples())
    generate()
    return ann


@pytest.fixture
def bob(transactional_db: None) -> Iterator[User]:
    """He has nothing yet."""
    bob = User.objects.create_user("bob")
    yield bob
    assert not wait(list(filling.under_way), timeout=SECONDS).not_done
    bob.delete()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is embedded before it is set."""
    go, embed = threading.Event(), HashingEmbedder.embed_batch

    def embed_batch(*given: Any, **options: Any) -> Any:
        go.wait(SECONDS)
        return embed(*given, **options)

    monkeypatch.setattr(HashingEmbedder, "embed_batch", embed_batch)
    yield go
    go.set()


def upload(page: Page, *files: dict[str, Any]) -> None:
    page.get_by_label("Files").set_input_files(list(files))  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()


def test_a_guest_looks_around(page: Page) -> None:
    page.goto("/library/")
    page.get_by_role("button", name="Try it as a guest").click()
    expect(page.get_by_role("heading", name="Your documents")).to_be_visible()
    expect(page.locator(".document")).to_have_count(4)
    assert not wait(list(filling.under_way), timeout=SECONDS).not_done
    page.reload()
    expect(page.locator(".state")).to_have_text(["ready"] * 4)


def test_an_upload_shows_its_progress(
    page: Page, bob: User, log_in: LogIn, held: threading.Event
) -> None:
    log_in(page, bob)
    page.goto("/library/")
    routes: list[Route] = []
    page.route("**/library/upload/", lambda route: routes.append(route))
    upload(
        page,
        file("birds.md", "# On birds\n\nThey fly."),
        file("report.pdf", pdf("First page", "Second page"), "application/pdf"),
    )
    sending = page.locator("[data-sending]")
    expect(sending.get_by_role("progressbar", name="Sent")).to_be_visible()
    expect(page.get_by_role("button", name="Upload")).to_be_disabled()
    wait_until(page, lambda: routes)
    routes[0].continue_()
    expect(page.locator(".messages")).to_contain_text("“On birds” was added.")
    expect(page.locator(".messages")).to_be_focused()
    expect(page.locator(".state")).to_have_text(["being embedded"] * 2)
    expect(page.get_by_role("progressbar", name="Passages of On birds")).to_be_visible()
    held.set()
    expect(page.locator(".state")).to_have_text(["ready"] * 2)
    expect(page.get_by_role("progressbar", name="Passages of On birds")).to_be_hidden()


def test_what_cannot_be_read_is_told(page: Page, bob: User, log_in: LogIn) -> None:
    log_in(page, bob)
    page.goto("/library/")
    upload(page, file("a.exe", "x"), file("good.txt", "A text."))
    told = page.locator(".errorlist")
    expect(told).to_contain_text("a.exe is none of the kinds that can be read")
    expect(told).to_be_focused()
    expect(page.locator(".document")).to_have_count(1)
    upload(page, file("other.txt", "Another text."))
    expect(page.locator(".document")).to_have_count(2)


def test_an_upload_that_breaks_off_is_told(
    page: Page, bob: User, log_in: LogIn, faults: list[str]
) -> None:
    log_in(page, bob)
    page.goto("/library/")
    page.route("**/library/upload/", lambda route: route.abort())
    upload(page, file("a.txt", "x"))
    expect(page.locator("[data-sending]")).to_contain_text("could not be sent")
    expect(page.get_by_role("button", name="Upload")).to_be_enabled()
    assert all("ERR_FAILED" in fault for fault in faults)
    faults.clear()


def test_a_file_may_be_dropped_on_the_form(page: Page, bob: User, log_in: LogIn) -> None:
    log_in(page, bob)
    page.goto("/library/")
    dropped = page.evaluate_handle(
        """() => {
            const dropped = new DataTransfer();
            dropped.items.add(new File(["# Dropped\\n\\nA text."], "dropped.md"));
            return dropped;
        }"""
    )
    form = page.locator("[data-upload]")
    form.dispatch_event("dragover", {"dataTransfer": dropped})
    expect(form).to_have_class("search dropping")
    form.dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.get_by_role("link", name="Dropped", exact=True)).to_be_visible()


def test_everything_works_without_a_script(open_page: OpenPage, bob: User, log_in: LogIn) -> None:
    page = open_page(java_script_enabled=False)
    log_in(page, bob)
    page.goto("/library/")
    upload(page, file("birds.md", "# On birds\n\nThey fly."))
    expect(page.locator(".messages")).to_contain_text("“On birds” was added.")
    page.get_by_label("Title").fill("On fish")
    page.get_by_label("Text", exact=True).fill("They swim.")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".document")).to_have_count(2)
    assert not wait(list(filling.under_way), timeout=SECONDS).not_done
    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill("swim")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".hit mark").first).to_have_text("swim")
    page.get_by_role("link", name="On fish").click()
    expect(page.locator("mark#passage")).to_have_text("They swim.")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator(".document")).to_have_count(1)


def test_passages_are_found_while_one_types(page: Page, ann: User, log_in: LogIn) -> None:
    log_in(page, ann)
    page.goto("/library/search/")
    page.get_by_role("searchbox").press_sequentially("barley soup")
    expect(page.get_by_role("status")).to_contain_text("for “barley soup”")
    first = page.locator(".hit").first
    expect(first.locator("mark").first).to_be_visible()
    first.get_by_text("Why this passage?").click()
    expect(first.get_by_text("Words no. 1")).to_be_visible()
    first.get_by_role("link").click()
    expect(page.locator("mark#passage")).to_be_in_viewport()


def test_hostile_documents_do_nothing(page: Page, bob: User, log_in: LogIn) -> None:
    log_in(page, bob)
    page.goto("/library/")
    page.get_by_label("Title").fill(HOSTILE)
    page.get_by_label("Text", exact=True).fill(f"{HOSTILE} {HOSTILE}")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name=HOSTILE, exact=True)).to_be_visible()
    upload(page, file("<img src=x onerror=alert(3)>.exe", "x"))
    expect(page.locator(".errorlist")).to_contain_text("<img src=x onerror=alert(3)>.exe is none")
    assert not wait(list(filling.under_way), timeout=SECONDS).not_done
    for by in ("", "words", "meaning"):
        page.goto(f"/library/search/?q=griffin&by={by}")
        page.locator(".hit").get_by_role("link").click()
        expect(page.locator("mark#passage")).to_contain_text(HOSTILE)


def test_pages_are_accessible_and_as_wide_as_the_screen(
    page: Page, axe: Axe, ann: User, log_in: LogIn
) -> None:
    passage = Passage.objects.filter(parent__owner=ann)[0]
    deleting = f"/library/{Document.objects.filter(owner=ann)[0].pk}/delete/"
    pages = ["/library/", "/library/search/?q=fog", passage.get_absolute_url(), deleting]
    for address in ("/library/login/", *pages):
        page.goto(address)
        assert overflowing(page) == [], address
        axe(page)
        log_in(page, ann)
