"""What a reader without JavaScript has of a page."""

from __future__ import annotations

from html.parser import HTMLParser

from django.test import Client

__all__ = ["Page", "get"]

OWN = "/static/"


class Page(HTMLParser):
    """What a reader without JavaScript has: links by their text or label, form fields, the text.

    `scripts` counts those in the page itself, and handlers of events: there should be none.
    """

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.fields: list[tuple[str, str]] = []
        self.scripts = 0
        self.text = ""
        self._href = ""
        self._label = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_script = tag == "script" and not given.get("src", "").startswith(OWN)
        self.scripts += is_script or any(name.startswith("on") for name in given)
        if tag == "a":
            self._href, self._label = given["href"], given.get("aria-label", "")
        if tag == "input":
            self.fields.append((given.get("name", ""), given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.links[" ".join(self._label.split())] = self._href
            self._href = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._href and not self._label.startswith(("More like", "Less like", "Remove")):
            self._label += data


def get(client: Client, address: str) -> Page:
    response = client.get(address)
    assert response.status_code == 200, address
    return Page(response.content.decode())
