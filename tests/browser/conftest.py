"""A browser, a server of the demo, and pages that fail the test when they do what they may not.

    def test_it(page, axe):
        page.goto("/?q=space")
        expect(page.get_by_role("heading", name="Found")).to_be_visible()
        axe(page)

A module's data is made once, by a fixture with the scope of the module that takes
`transactional_db`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from tools.browser import NoBrowserError, headless

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OpenPage = Callable[..., "Page"]

POLICY = "config.middleware.content_security_policy"
# Milliseconds until a page has to be as a test expects it.
PATIENCE = 10_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests of this folder, and for no others: its event loop runs in this thread,
    where other tests run loops of their own. Django's queries do not mind it."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        try:
            browser = stack.enter_context(headless())
        except NoBrowserError as missing:
            pytest.skip(str(missing))
        yield browser


@pytest.fixture(scope="package")
def live_server(browser: Browser, django_db_setup: None) -> Iterator[LiveServer]:
    """The demo at `live_server.url`, with its policy of what a browser may load."""
    with override_settings(MIDDLEWARE=[POLICY, *settings.MIDDLEWARE], ROOT_URLCONF="config.urls"):
        server = LiveServer("localhost")
        yield server
        server.stop()


@pytest.fixture(scope="module")
def transactional_db(
    browser: Browser, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """As everywhere, the tables are emptied behind it: here behind all tests of a module."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", interactive=False, verbosity=0)
        # Where a loop runs, Django's connections are others than those that are closed elsewhere.
        connections.close_all()


@pytest.fixture
def faults() -> list[str]:
    """What pages have done that they may not. A test that provokes some empties it."""
    return []


@pytest.fixture
def open_page(
    browser: Browser, live_server: LiveServer, transactional_db: None, faults: list[str]
) -> Iterator[OpenPage]:
    """Opens pages, each in a browser without a history; takes what `Browser.new_context` takes."""
    from playwright.sync_api import expect

    from tests.browser.watching import watch

    with ExitStack() as stack:

        def open_page(**options: Any) -> Page:
            context = stack.enter_context(browser.new_context(base_url=live_server.url, **options))
            context.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            watch(context, live_server.url, faults)
            return context.new_page()

        yield open_page
    assert not faults, "\n".join(["The page did what it may not:", *faults])


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """An empty page in a browser of its own."""
    return open_page()


@pytest.fixture
def log_in(live_server: LiveServer) -> Callable[[Page, User], None]:
    """Makes somebody the user of a page's browser."""

    def log_in(page: Page, user: User) -> None:
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies(
            [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
        )

    return log_in


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Fails where a page is seriously inaccessible, in the colours of day and of night."""
    from tests.browser.axe import serious_violations

    def axe(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            wrong = serious_violations(page)
            assert not wrong, "\n".join([f"In {scheme} colours:", *wrong])

    return axe
