"""The tests in a browser notice what a page may not do, and what keeps readers out."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.axe import serious_violations
from tests.browser.conftest import OpenPage
from tests.browser.waiting import wait_until

DEEDS = {
    "console.log('here')": "console, log: here",
    "fetch('/nothing-here/')": "console, error: Failed to load resource",
    "setTimeout(() => { throw new Error('lost') })": "error: lost",
    "setTimeout(() => alert('hello'))": "dialog, alert: hello",
    "document.body.setAttribute('onclick', 'null'); document.body.click()": "Security Policy",
    "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.2:9/'}))": "another",
}


@pytest.mark.parametrize(("deed", "told"), DEEDS.items())
def test_a_fault_is_told(open_page: OpenPage, faults: list[str], deed: str, told: str) -> None:
    page = open_page()
    page.goto("/nothing-here/")
    assert "404" in faults.pop()
    page.evaluate(f"() => {{ {deed} }}")
    wait_until(page, lambda: told in "\n".join(faults))
    faults.clear()


def test_what_keeps_readers_out_is_told(page: Page) -> None:
    page.goto("/")
    assert serious_violations(page) == []
    page.evaluate("() => document.querySelectorAll('label').forEach((label) => label.remove())")
    told = "\n".join(serious_violations(page))
    assert "label (critical): Form elements must have labels\n" in told
    assert '  <input type="number" name="year_from"' in told
