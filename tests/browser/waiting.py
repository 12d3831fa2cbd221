"""Waiting for what Playwright does not watch itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

__all__ = ["wait_until"]

# Milliseconds between two looks, and of all.
PAUSE, PATIENCE = 10, 10_000


def wait_until(page: Page, is_so: Callable[[], object]) -> None:
    """Until it is so, while the page goes on."""
    for _ in range(PATIENCE // PAUSE):
        if is_so():
            return
        page.wait_for_timeout(PAUSE)
    raise AssertionError("It did not come about.")
