"""Pages on screens of all sizes."""

from __future__ import annotations

from playwright.sync_api import Page

__all__ = ["overflowing"]

# From a large screen to a small phone, which pages are left on.
WIDTHS = (1600, 800, 360)
WIDTH = "() => document.documentElement.scrollWidth"


def overflowing(page: Page) -> list[int]:
    """The widths of screens on which a page has to be scrolled to the side."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate(WIDTH) > width:
            found.append(width)
    return found
