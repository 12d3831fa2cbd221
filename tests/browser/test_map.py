"""The map of a queryset, in a browser: moved, looked at, chosen from; under a strict policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.core.management import call_command
from django.test import override_settings
from playwright.sync_api import Browser, Locator, Page, Route, expect

from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book
from tests.browser.conftest import OpenPage
from tests.browser.waiting import wait_until
from tests.maps.unpacking import unpacked

Axe = Callable[[Page], None]

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
TITLES = [f"{kind} number {n}" for kind in ("apples", "bridges", "rivers") for n in range(20)]
TWO_FRAMES = """() => new Promise(done => {
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""
PICTURE = "canvas => canvas.toDataURL()"


@pytest.fixture(scope="module")
def books(transactional_db: None) -> list[Book]:
    """Sixty books in three groups; one has a title that means harm."""
    authors = [Author.objects.create(name=name) for name in ("Ann", "Bob", HOSTILE)]
    for place, title in enumerate(TITLES):
        Book.objects.create(title=title, year=place, author=authors[place // 20])
    Book.objects.filter(year=0).update(title=HOSTILE)
    generate(Book)
    return [*Book.objects.order_by("pk")]


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.maps.urls"):
        yield


def test_points_are_asked_for_once_and_at_once(page: Page, books: list[Book]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/map/")[2]))
    page.goto("/map/?year=3&other=a%20b")
    drawn(page)
    assert [url for url in asked if "map=points" in url] == ["?year=3&other=a+b&map=points"]
    assert asked.index("?year=3&other=a+b&map=points") < asked.index("source.js")


@pytest.fixture
def map_page(page: Page, books: list[Book]) -> Page:
    page.goto("/map/")
    drawn(page)
    return page


def drawn(page: Page) -> Locator:
    found = page.locator("[data-map][data-drawn]")
    expect(found).to_be_visible()
    return found


def picture(page: Page) -> str:
    """What is painted, after the next two frames."""
    page.evaluate(TWO_FRAMES)
    painted: str = page.locator("canvas[data-points]").evaluate(PICTURE)
    return painted


class Places:
    """Where books are on the screen, while the whole map is in view."""

    def __init__(self, page: Page) -> None:
        sent = unpacked(page.request.get("/map/?map=points").body())
        self.positions = dict(zip(sent.keys, sent.positions * [1, -1], strict=True))
        box = page.locator("[data-stage]").bounding_box()
        assert box is not None
        # Within the border.
        width, height = box["width"] - 2, box["height"] - 2
        reach = np.abs(sent.positions).max(axis=0)
        self.scale = min(width / reach[0], height / reach[1]) / 2 * 0.92
        self.middle = np.array([box["x"] + 1 + width / 2, box["y"] + 1 + height / 2])

    def of(self, book: Book) -> tuple[float, float]:
        x, y = self.positions[str(book.pk)] * self.scale + self.middle
        return float(x), float(y)

    def alone(self, books: list[Book]) -> Book:
        """The book that is farthest from all others."""
        places = np.array([self.of(book) for book in books])
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        np.fill_diagonal(apart, np.inf)
        return books[int(apart.min(axis=1).argmax())]


def card(page: Page) -> Locator:
    return page.locator("[data-card]")


def listed(page: Page) -> list[int]:
    """The keys that the link to the list names."""
    address = page.get_by_role("link", name="Show them in a list").get_attribute("href")
    assert address is not None
    parts = urlsplit(address)
    assert parts.path == "/list/"
    return sorted(map(int, parse_qs(parts.query)["pk__in"][0].split(",")))


def test_the_map_tells_what_it_shows(map_page: Page, axe: Axe) -> None:
    legend = map_page.locator("[data-legend]")
    expect(legend.locator("label")).to_have_text([f"{HOSTILE} 20", "Ann 20", "Bob 20"])
    expect(map_page.locator("[data-notes]")).to_contain_text("60 rows: principal components")
    axe(map_page)
    map_page.get_by_role("link", name="The map in words").click()
    expect(map_page.get_by_role("row")).to_have_count(4)
    axe(map_page)


def test_a_point_tells_what_it_is_and_leads_to_its_page(map_page: Page, books: list[Book]) -> None:
    places = Places(map_page)
    map_page.mouse.move(*places.of(books[0]))
    expect(card(map_page)).to_contain_text(HOSTILE)
    book = places.alone(books)
    map_page.mouse.move(*places.of(book))
    expect(card(map_page)).to_contain_text(book.title)
    map_page.mouse.click(*places.of(book))
    expect(map_page).to_have_title(f"Book {book.pk}")


def test_the_map_is_moved_and_zoomed_by_hand(map_page: Page, books: list[Book]) -> None:
    places, whole = Places(map_page), picture(map_page)
    book = places.alone(books)
    x, y = places.of(book)
    map_page.mouse.move(*places.middle)
    map_page.mouse.down()
    right, down = places.middle + np.array([30, 20])
    map_page.mouse.move(right, down, steps=3)
    map_page.mouse.up()
    assert picture(map_page) != whole
    map_page.mouse.move(x + 30, y + 20)
    expect(card(map_page)).to_contain_text(book.title)
    moved = picture(map_page)
    map_page.mouse.wheel(0, -400)
    assert picture(map_page) != moved
    # What is under the hand stays there.
    map_page.mouse.move(x + 31, y + 20)
    expect(card(map_page)).to_contain_text(book.title)
    map_page.get_by_role("button", name="Show all").click()
    assert picture(map_page) == whole


def test_keys_move_zoom_tell_and_open(map_page: Page, books: list[Book]) -> None:
    whole = picture(map_page)
    stage = map_page.get_by_role("application")
    stage.focus()
    map_page.keyboard.press("ArrowLeft")
    assert picture(map_page) != whole
    for key in ("ArrowRight", "+", "-", "0"):
        map_page.keyboard.press(key)
    assert picture(map_page) == whole
    map_page.keyboard.press("+")
    expect(card(map_page).locator("a")).to_be_visible()
    title = card(map_page).locator("a").inner_text()
    expect(map_page.get_by_role("status")).to_contain_text(title)
    book = next(book for book in books if book.title == title)
    map_page.keyboard.press("Enter")
    expect(map_page).to_have_title(f"Book {book.pk}")


def test_points_in_a_lasso_become_a_list(map_page: Page, books: list[Book]) -> None:
    places = Places(map_page)
    book = places.alone(books)
    x, y = places.of(book)
    map_page.get_by_role("button", name="Lasso").click()
    map_page.mouse.move(x - 9, y - 9)
    map_page.mouse.down()
    for right, down in ((9, -9), (9, 9), (-9, 9)):
        map_page.mouse.move(x + right, y + down)
    map_page.mouse.up()
    expect(map_page.locator("[data-chosen]")).to_contain_text("1 selected.")
    assert listed(map_page) == [book.pk]
    map_page.get_by_role("button", name="Select view").click()
    assert listed(map_page) == [book.pk for book in books]
    map_page.get_by_role("link", name="Show them in a list").click()
    expect(map_page).to_have_title("Book None")


def test_a_list_takes_so_many_and_no_more(page: Page, books: list[Book]) -> None:
    page.goto("/few/")
    drawn(page)
    page.get_by_role("button", name="Select view").click()
    expect(page.locator("[data-chosen]")).to_contain_text("60 selected. A list takes up to 10")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("[data-chosen]")).to_be_empty()


def test_groups_are_hidden_and_shown(map_page: Page, books: list[Book]) -> None:
    whole = picture(map_page)
    for name in ("Ann", "Bob"):
        map_page.get_by_role("checkbox", name=name).uncheck()
    assert picture(map_page) != whole
    map_page.get_by_role("button", name="Select view").click()
    assert listed(map_page) == [book.pk for book in books[40:]]
    map_page.get_by_role("button", name="Clear").click()
    for name in ("Ann", "Bob"):
        map_page.get_by_role("checkbox", name=name).check()
    assert picture(map_page) == whole


def test_a_text_selects_the_rows_nearest_to_it(map_page: Page, books: list[Book]) -> None:
    map_page.get_by_label("Find by meaning").fill("bridges number")
    map_page.get_by_role("button", name="Find").click()
    expect(map_page.locator("[data-chosen]")).to_contain_text("50 nearest to “bridges number”.")
    assert set(listed(map_page)) >= {book.pk for book in books[20:40]}


def test_fingers_move_the_map_apart_and_tap_points(open_page: OpenPage, books: list[Book]) -> None:
    page = open_page(has_touch=True, viewport={"width": 800, "height": 700})
    page.goto("/map/")
    drawn(page)
    places, whole = Places(page), picture(page)
    book = places.alone(books)
    page.touchscreen.tap(*places.of(book))
    expect(card(page)).to_contain_text(book.title)
    x, y = places.middle
    pinch(page, [(x - 40, y), (x + 40, y)], [(x - 120, y), (x + 120, y)])
    assert picture(page) != whole
    page.get_by_role("button", name="Show all").click()
    # The map is there until it has told of the finger; else that would be waited for without end.
    held: list[Route] = []
    page.route(f"**/books/{book.pk}/", lambda route: held.append(route))
    page.touchscreen.tap(*places.of(book))
    wait_until(page, lambda: held)
    held[0].continue_()
    expect(page).to_have_title(f"Book {book.pk}")


def pinch(page: Page, start: list[tuple[float, float]], end: list[tuple[float, float]]) -> None:
    session = page.context.new_cdp_session(page)
    for kind, fingers in (("touchStart", start), ("touchMove", end), ("touchEnd", [])):
        points = [{"x": x, "y": y, "id": place} for place, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_map_of_no_rows_says_so(page: Page, books: list[Book]) -> None:
    page.goto("/map/?year=1800")
    expect(page.locator("[data-wait]")).to_have_text("No row here has a vector yet.")


def test_a_map_in_a_file_opens_from_a_disk(
    browser: Browser, books: list[Book], tmp_path: Path
) -> None:
    file = tmp_path / "map.html"
    call_command(
        *("embedding_map", "hybrid_store_test.Book", "--output", str(file)),
        *("--color-by", "author__name", "--verbosity", "0"),
    )
    wrong: list[str] = []
    with browser.new_context() as context:
        context.on("console", lambda message: wrong.append(message.text))
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("dialog", lambda dialog: wrong.append(dialog.message))
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(file.as_uri())
        drawn(page)
        page.get_by_role("application").focus()
        page.keyboard.press("+")
        expect(card(page).locator("strong")).to_be_visible()
    assert wrong == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
