"""The admin in a browser: lists are searched by keyboard, rows embedded, similar ones followed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from films.admin import FilmAdmin
from films.models import Film
from tests.browser.conftest import OpenPage

Axe = Callable[[Page], None]

FILMS = "/admin/films/film/"
PLOTS = {
    "Adrift": "An astronaut is lost in space.",
    "Orbit": "A crew of astronauts circles a dead planet in space.",
    "The Bakery": "Two sisters bake bread in a small town.",
    "The Vault": "Thieves rob a bank and fall out.",
}


@pytest.fixture(scope="module", autouse=True)
def films(transactional_db: None) -> None:
    """Four films, all of them embedded."""
    for year, (title, plot) in enumerate(PLOTS.items(), 1990):
        Film.objects.create(title=title, description=plot, year=year)
    call_command("generate_embeddings", "films.Film", verbosity=0)
    User.objects.create_superuser("boss")


@pytest.fixture
def page(open_page: OpenPage, log_in: Callable[[Page, User], None]) -> Page:
    """That of a superuser."""
    page = open_page()
    log_in(page, User.objects.get(username="boss"))
    # Django's admin has no icon, for which browsers ask all the same.
    page.context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return page


def titles(page: Page) -> list[str]:
    return page.locator("#result_list tbody .field-title").all_inner_texts()


@pytest.mark.parametrize("mode", ["Words", "Meaning", "Both"])
def test_a_list_is_searched_by_keyboard(page: Page, mode: str) -> None:
    page.goto(FILMS)
    page.get_by_role("textbox", name="Search").focus()
    page.keyboard.type("astronaut space")
    chosen = page.get_by_role("radio", name=mode)
    page.get_by_role("radio", checked=True).focus()
    for _ in range(3):
        if chosen.is_checked():
            break
        page.keyboard.press("ArrowRight")
    expect(chosen).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("search_by="))
    expect(page.get_by_role("radio", name=mode)).to_be_checked()
    assert set(titles(page)[:2]) == {"Adrift", "Orbit"}


def test_what_was_found_is_sorted_by_a_column(page: Page) -> None:
    page.goto(f"{FILMS}?q=bread&search_by=vector")
    assert titles(page)[0] == "The Bakery"
    page.get_by_role("link", name="Year").click()
    page.wait_for_url(re.compile(r"[?&]o=2"))
    assert titles(page) == list(PLOTS)
    expect(page.get_by_role("radio", name="Meaning")).to_be_checked()


def test_rows_are_embedded_by_an_action(page: Page) -> None:
    Film.objects.filter(title="The Vault").update(description="A safe is opened by its owner.")
    page.goto(f"{FILMS}?freshness=stale")
    expect(page.locator("#result_list .hybrid-store-badge")).to_have_text(["Stale"])
    page.get_by_label("Select this object for an action - The Vault").check()
    page.get_by_label("Action:").select_option("Embed now")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("1 row was embedded.")).to_be_visible()
    expect(page.get_by_text("0 films", exact=True)).to_be_visible()


def test_a_similar_row_is_followed(page: Page, axe: Axe, monkeypatch: pytest.MonkeyPatch) -> None:
    # Django's own widget of two lists breaks a strict policy, and rules of axe.
    monkeypatch.setattr(FilmAdmin, "filter_horizontal", [])
    page.goto(f"{FILMS}{Film.objects.get(title='Adrift').pk}/change/")
    panel = page.get_by_role("region", name="Similar by meaning")
    expect(panel.get_by_role("link").first).to_have_text("Orbit")
    axe(page)
    panel.get_by_role("link", name="Orbit").click()
    expect(page.get_by_label("Title:")).to_have_value("Orbit")


def test_the_dashboard_is_reached_and_leads_to_rows(page: Page, axe: Axe) -> None:
    page.goto("/admin/")
    page.get_by_role("link", name="Dashboard").first.click()
    films = page.get_by_role("row", name="films.Film.embedding").first
    expect(films).to_contain_text("Current 4")
    axe(page)
    films.get_by_role("link", name="4").click()
    page.wait_for_url(re.compile("freshness=current"))
    assert len(titles(page)) == len(PLOTS)


def test_a_list_keeps_nobody_out(page: Page, axe: Axe) -> None:
    page.goto(f"{FILMS}?q=space")
    axe(page)
