"""Maps: how soon one is painted in a browser, and how smoothly it is moved."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from math import cos, sin
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench
from benchmarks.map_page import DocumentMap, served
from benchmarks.models import Document
from benchmarks.report import Table, number
from hybrid_store.maps import map_points
from tools.browser import NoBrowserError, headless

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["tables"]

SIZE: Any = {"width": 1280, "height": 900}
MOVES = 240
# Milliseconds from the start of the navigation until points are on the screen.
PAINTED = "performance.getEntriesByName('map-painted')[0].startTime"
FRAMES = """() => {
  window.frames_ = [];
  const note = (time) => { frames_.push(time); requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""


def tables(bench: Bench) -> Iterator[Table]:
    """Without a browser, only how long points take to be made."""
    bench.fill(Document)
    made, computed = zip(*(_made(bench) for _ in range(min(bench.rounds, 5))), strict=True)
    rows = [
        ["made by `map_points`", _median(made)],
        ["of which Python and NumPy compute", _median(computed)],
    ]
    with suppress(NoBrowserError):
        rows += _shown(bench)
    title = f"A map of {bench.rows:,} x {bench.corpus.dimensions}, {bench.database}"
    yield Table(title, ["", "ms"], rows)


def _shown(bench: Bench) -> list[list[str]]:
    with served() as address, headless() as browser:
        opened = [Opened(browser, f"{address}/{bench.alias}/") for _ in range(min(bench.rounds, 5))]
    frames = [frame for each in opened for frame in each.frames]
    return [
        ["first paint, from the start of the navigation", _median(o.painted for o in opened)],
        ["frame while the map is moved", _median(frames)],
        ["frame, the 95th percentile", number(sorted(frames)[int(0.95 * len(frames))])],
    ]


class Opened:
    """A page that was opened and moved."""

    def __init__(self, browser: Browser, address: str) -> None:
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        page.wait_for_selector("[data-drawn]")
        self.painted: float = page.evaluate(PAINTED)
        self.frames = _moved(page)
        page.close()


def _moved(page: Page) -> list[float]:
    """Milliseconds between frames while a hand moves the map in circles."""
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(FRAMES)
    for move in range(MOVES):
        page.mouse.move(x + 200 * sin(move / 12), y + 150 * cos(move / 12))
    times: list[float] = page.evaluate("frames_")
    page.mouse.up()
    return [after - before for before, after in pairwise(times)]


def _made(bench: Bench) -> tuple[float, float]:
    """Milliseconds that points take to be made, and those that this process computes meanwhile."""
    started, computed = time.perf_counter(), time.process_time()
    map_points(Document.objects.using(bench.alias), color_by=DocumentMap.color_by)
    return (time.perf_counter() - started) * 1000, (time.process_time() - computed) * 1000


def _median(values: Iterable[float]) -> str:
    return number(statistics.median(values))
