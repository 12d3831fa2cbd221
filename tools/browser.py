"""A headless Chromium: that of the system, driven by Playwright, which brings none here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["NoBrowserError", "headless"]

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class NoBrowserError(Exception):
    """There is no browser, or nothing to drive it; the message tells what to install."""


@contextmanager
def headless() -> Iterator[Browser]:
    """A browser; as long as it runs, there is a running event loop in this thread.

    Raises `NoBrowserError`.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowserError("Playwright is missing: pip install playwright.") from error
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowserError("There is no Chromium on the PATH: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
