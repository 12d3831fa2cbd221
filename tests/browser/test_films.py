"""The films of the demo, in a browser: looked for while one types, by keyboard, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from films.models import Film, Genre
from tests.browser.conftest import OpenPage
from tests.browser.screens import overflowing
from tests.browser.waiting import wait_until
from tests.demo.films import embed_films, store_films

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

Axe = Callable[[Page], None]

HOSTILE = "griffin <img src=x onerror=alert(1)></script><script>alert(2)</script>"
COUNT = 8


@pytest.fixture(scope="module", autouse=True)
def _films(transactional_db: None) -> None:
    """Few, for posters take long to paint; one of them is by somebody who means harm."""
    store_films(COUNT - 1)
    film = Film.objects.create(title=HOSTILE, year=2001, description=f"{HOSTILE}. {HOSTILE}")
    film.genres.add(Genre.objects.create(name=HOSTILE[8:40]))
    embed_films()


def question(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="What is the film about?")


def found(page: Page, text: str) -> Locator:
    return page.get_by_role("heading", name=f"Found for {text}", exact=True)


def titles(page: Page) -> list[str]:
    return page.locator(".card h3").all_inner_texts()


# While one types


def test_films_are_found_while_one_types(page: Page, live_server: LiveServer) -> None:
    asked: list[Request] = []
    page.goto("/")
    page.on("request", lambda each: asked.append(each) if each.is_navigation_request() else None)
    question(page).press_sequentially("mother india", delay=10)
    expect(found(page, "mother india")).to_be_visible()
    assert titles(page)[0] == "Mother India"
    expect(page.get_by_role("status")).to_have_text(f"{COUNT} films for “mother india”")
    expect(question(page)).to_be_focused()
    expect(question(page)).to_have_value("mother india")
    expect(page).to_have_title("“mother india” · Nearest Pictures")
    expect(page).to_have_url(f"{live_server.url}/?q=mother+india")
    assert asked == []


def test_the_address_of_a_search_can_be_shared(page: Page, open_page: OpenPage) -> None:
    page.goto("/")
    question(page).press_sequentially("mother india")
    page.get_by_label("Genre").select_option("Drama")
    page.get_by_label("Words").check()
    expect(page).to_have_url(re.compile(r"/\?q=mother\+india&by=words&genre=Drama$"))
    expect(page.get_by_text(", by words, in ")).to_be_visible()
    other = open_page()
    other.goto(page.url)
    assert titles(other) == titles(page) != []
    expect(other.get_by_label("Words")).to_be_checked()


def test_back_and_forth_lead_through_searches(page: Page, live_server: LiveServer) -> None:
    page.goto("/")
    everything = titles(page)
    # What is typed on and on is one step.
    question(page).press_sequentially("mo")
    expect(found(page, "mo")).to_be_visible()
    question(page).press_sequentially("ther")
    expect(found(page, "mother")).to_be_visible()
    page.get_by_label("Meaning").check()
    expect(page.get_by_role("heading", name="Nearest to mother")).to_be_visible()
    page.go_back()
    expect(found(page, "mother")).to_be_visible()
    expect(page.get_by_label("Both")).to_be_checked()
    page.go_back()
    expect(page).to_have_url(f"{live_server.url}/")
    expect(page.get_by_role("heading", name=f"{COUNT} films")).to_be_visible()
    expect(question(page)).to_have_value("")
    assert titles(page) == everything
    page.go_forward()
    expect(found(page, "mother")).to_be_visible()
    expect(question(page)).to_have_value("mother")


def test_a_new_request_ends_the_one_before_it(page: Page) -> None:
    held: list[Route] = []
    ended: list[str] = []
    page.goto("/")
    page.route("**/?q=*", lambda route: held.append(route))
    page.on("requestfailed", lambda request: ended.append(request.url))
    for count, text in enumerate(("mother", " india", " film"), 1):
        question(page).press_sequentially(text)
        wait_until(page, lambda: len(held) == len(ended) + 1 == count)  # noqa: B023
    assert [url.partition("?q=")[2] for url in ended] == ["mother", "mother+india"]
    held[-1].continue_()
    expect(found(page, "mother india film")).to_be_visible()


def test_a_server_that_fails_is_told(page: Page, faults: list[str]) -> None:
    page.goto("/")
    page.route("**/?q=*", lambda route: route.abort())
    question(page).press_sequentially("mother")
    expect(page.get_by_role("status")).to_contain_text("The search could not be made")
    page.unroute("**/?q=*")
    question(page).press("Enter")
    expect(found(page, "mother")).to_be_visible()
    assert all("ERR_FAILED" in fault for fault in faults)
    faults.clear()


def test_faults_of_the_form_are_shown_and_go(page: Page) -> None:
    page.goto("/?q=mother")
    page.get_by_label("From year").fill("1990")
    page.get_by_label("To year").fill("1950")
    page.get_by_label("To year").press("Tab")
    expect(page.get_by_text("1990 is after 1950: swap the two years.")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The search could not be made.")
    page.get_by_label("From year").fill("1940")
    page.get_by_label("From year").press("Tab")
    expect(page.get_by_text("swap the two years")).to_have_count(0)
    expect(found(page, "mother")).to_be_visible()


# With a script and without


@pytest.fixture(params=[True, False], ids=["with script", "without"])
def either(request: pytest.FixtureRequest, open_page: OpenPage) -> Page:
    return open_page(java_script_enabled=request.param)


def test_a_film_is_looked_for_filtered_and_read(either: Page) -> None:
    either.goto("/")
    question(either).fill("mother")
    either.get_by_label("Genre").select_option("Drama")
    either.get_by_label("From year").fill("1950")
    question(either).press("Enter")
    expect(found(either, "mother")).to_be_visible()
    expect(either).to_have_url(re.compile(r"q=mother.*genre=Drama.*year_from=1950"))
    wanted = Film.objects.filter(genres__name="Drama", year__gte=1950)
    expect(either.locator(".card")).to_have_count(len(wanted))
    assert sorted(titles(either)) == sorted(film.title for film in wanted)
    either.get_by_role("link", name="Mother India", exact=True).click()
    expect(either.get_by_role("heading", name="Mother India", level=1)).to_be_visible()
    assert len(titles(either)) == COUNT - 1


def test_a_taste_is_chosen(either: Page) -> None:
    either.goto("/?q=mother+india&by=words")
    either.get_by_role("link", name="More like Mother India").click()
    expect(either.get_by_role("heading", name="Recommended")).to_be_visible()
    first = titles(either)[0]
    either.get_by_role("link", name=f"Less like {first}").first.click()
    expect(either.get_by_role("link", name=f"Remove {first}")).to_be_visible()
    assert first not in titles(either)
    expect(either.get_by_role("link", name="Your taste with 2 films")).to_be_visible()


def test_why_a_film_is_found_is_told_when_asked(either: Page) -> None:
    either.goto("/?q=mother+india")
    card = either.locator(".card").first
    expect(card.get_by_text("words mother, india")).to_be_visible()
    ranks = card.get_by_text("Words no. 1, for mother, india")
    expect(ranks).to_be_hidden()
    card.get_by_text("Why this film?").focus()
    either.keyboard.press("Enter")
    expect(ranks).to_be_visible()


@pytest.mark.parametrize("address", ["/?q=griffin", "/", "/taste/?title=griffin"])
def test_hostile_films_do_nothing(page: Page, address: str) -> None:
    page.goto(address)
    links = page.get_by_role("link", name="griffin")
    if links.count():
        expect(links.first).to_have_text(HOSTILE)
    assert page.locator("main script, main img[onerror]").count() == 0


@pytest.mark.parametrize("attack", [HOSTILE, '"><script>alert(1)</script>', "javascript:alert(1)"])
def test_hostile_queries_do_nothing(page: Page, attack: str) -> None:
    page.goto("/")
    question(page).fill(attack)
    expect(page.get_by_role("status")).to_contain_text(f"“{attack}”")
    page.goto(f"/?q={quote(attack)}")
    expect(question(page)).to_have_value(attack)
    page.goto(f"/?by=meaning&q={quote(attack)}")
    expect(page.get_by_role("heading", name=f"Nearest to {attack}")).to_be_visible()


@pytest.mark.parametrize("colours", ["", "?by=decade"])
def test_the_map_leads_to_films(page: Page, colours: str) -> None:
    page.goto(f"/map/{colours}")
    expect(page.locator("[data-map][data-drawn]")).to_be_visible()
    expect(page.locator("[data-notes]")).to_contain_text(f"{COUNT} rows")
    page.get_by_role("link", name="The map in words").click()
    page.get_by_role("link", name="Mother India").click()
    expect(page.get_by_role("heading", name="Films like it")).to_be_visible()


# By keyboard, on a phone, by day and by night


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(question(page)).to_be_focused()
    page.keyboard.type("mother india")
    expect(found(page, "mother india")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Words", exact=True)).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("1 film for “mother india”")
    for _ in ("genre", "from", "to", "search", "first film"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mother India", level=1)).to_be_visible()


@pytest.mark.parametrize(
    "address", ["/", "/?q=mother", "/map/", "/taste/?like={key}", "/films/{key}/"]
)
def test_pages_are_accessible_and_as_wide_as_the_screen(page: Page, axe: Axe, address: str) -> None:
    page.goto(address.format(key=Film.objects.get(title="Mother India").pk))
    assert overflowing(page) == []
    axe(page)


def test_the_reader_chooses_the_colours(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    page.goto("/")
    ground = "() => getComputedStyle(document.querySelector('.search')).backgroundColor"
    by_day = page.evaluate(ground)
    page.get_by_role("button", name="Dark colours").click()
    by_night = page.evaluate(ground)
    assert by_night != by_day
    page.goto("/taste/")
    expect(page.get_by_role("button", name="Dark colours", pressed=True)).to_be_visible()
    assert page.evaluate(ground) == by_night
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate(ground) == by_day
