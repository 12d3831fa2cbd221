"""Take the pictures of the documentation: the demo, as a browser shows it.

    python -m tools.screenshots              # all, into docs/images
    python -m tools.screenshots search chat  # some

The demo is set up in a folder that is removed at the end. A picture is a line in `PICTURES`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tools.browser import NoBrowserError, headless
from tools.interpreters import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["PICTURES", "Picture", "main"]

DEMO = ROOT / "demo"
FOLDER = ROOT / "docs" / "images"
MOST_BYTES = 200_000
COLOURS = 256
# Seconds that the demo may take to be served.
PATIENCE = 30

USER, PASSWORD = "ann", "only for pictures"
SET_UP = (
    ("migrate", "--verbosity=0"),
    ("createsuperuser", "--noinput", f"--username={USER}", "--email=ann@example.com"),
    ("load_films",),
    ("load_library", f"--user={USER}"),
    ("generate_embeddings", "--verbosity=0"),
)


def nothing(page: Page) -> None:
    """The page as it is."""


def ask(page: Page) -> None:
    page.get_by_role("textbox").fill("What do I do when the fog comes in?")
    page.get_by_role("textbox").press("Enter")
    page.get_by_role("link", name="Source [1]").wait_for()


def tell_why(page: Page) -> None:
    page.get_by_text("Why this film?").first.click()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 320)")


def drawn(page: Page) -> None:
    page.locator("[data-map][data-drawn]").wait_for()
    page.evaluate("document.querySelector('.map').scrollIntoView()")


def see_similar(page: Page) -> None:
    page.get_by_role("link", name="Solaris", exact=True).click()
    page.get_by_role("heading", name="Similar by meaning").wait_for()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")


def follow(title: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("link", name=title, exact=True).click()


@dataclass(frozen=True)
class Picture:
    """A page of the demo, what is done there first, and the size and the colours of the picture."""

    name: str
    address: str
    do: Callable[[Page], None] = nothing
    width: int = 1200
    height: int = 800
    colours: Literal["light", "dark"] = "light"


PICTURES = (
    Picture("search", "/?q=a+crew+lost+in+space", tell_why, height=1030),
    Picture("film", "/?q=solaris&by=words", follow("Solaris"), colours="dark"),
    Picture("library", "/library/search/?q=what+to+do+when+the+fog+comes+in"),
    Picture("chat", "/chats/", ask),
    Picture("map", "/map/", drawn, height=1000),
    Picture("admin", "/admin/films/film/?q=a+crew+lost+in+space"),
    Picture("similar", "/admin/films/film/?q=solaris", see_similar),
    Picture("dashboard", "/admin/hybrid_store/dashboard/"),
)


def main(names: Sequence[str]) -> int:
    try:
        with headless() as browser, served() as home:
            for picture in PICTURES:
                if not names or picture.name in names:
                    keep(picture, browser, home)
    except NoBrowserError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


def keep(picture: Picture, browser: Browser, home: str) -> None:
    path = FOLDER / f"{picture.name}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(taken(picture, browser, home))
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


@contextmanager
def served() -> Iterator[str]:
    """The address of the demo, with all that it comes with, on a database of its own."""
    manage = [sys.executable, "manage.py"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'demo.sqlite3'}",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        for command in SET_UP:
            subprocess.run([*manage, *command], check=True, cwd=DEMO, env=environment)
        address = f"127.0.0.1:{free_port()}"
        serve = [*manage, "runserver", "--noreload", address]
        with subprocess.Popen(serve, cwd=DEMO, env=environment) as server:
            try:
                wait_for(address)
                yield f"http://{address}"
            finally:
                server.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str) -> None:
    host, port = address.split(":")
    for _ in range(10 * PATIENCE):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"Nothing is served on {address}.")


def taken(picture: Picture, browser: Browser, home: str) -> bytes:
    """The picture as a PNG of at most `MOST_BYTES`, taken as the user whose documents there are."""
    context = browser.new_context(
        base_url=home,
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.colours,
    )
    with context:
        page = context.new_page()
        page.goto("/library/login/")
        page.get_by_label("Username").fill(USER)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.goto(picture.address)
        # Once more: the first search has waited for the model.
        page.reload()
        picture.do(page)
        page.wait_for_load_state("networkidle")
        data = small(page.screenshot())
    if len(data) > MOST_BYTES:
        raise ValueError(f"{picture.name}: {len(data)} bytes, at most {MOST_BYTES} are kept.")
    return data


def small(png: bytes) -> bytes:
    """The same picture in fewer colours."""
    from PIL import Image

    with Image.open(BytesIO(png)) as image:
        out = BytesIO()
        plain = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        plain.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
