"""Pages of the admin, as they are asked for and as they read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.test import Client

__all__ = ["Admin", "said"]

TAG = re.compile(r"<[^>]+>")


def said(response: Any) -> str:
    """The text of a page, without its tags and with single spaces."""
    return " ".join(unescape(TAG.sub(" ", response.content.decode())).split())


@dataclass
class Admin:
    """Somebody at the site of `tests.admin.site`."""

    client: Client

    def get(self, page: str, **query: Any) -> Any:
        """A page such as "tale" or "tale/1/change"."""
        return self.client.get(self.address(page, **query))

    def see(self, model: str, **query: Any) -> Any:
        response = self.get(model, **query)
        assert response.status_code == 200, response
        return response

    def titles(self, model: str, **query: Any) -> list[str]:
        """What the rows of a list are called, in order."""
        return [str(row.title) for row in self.see(model, **query).context["cl"].result_list]

    def act(self, model: str, action: str, rows: Any, *, across: bool = False, **query: Any) -> Any:
        """Carry out an action on rows, and see the page that follows."""
        data = {
            "action": action,
            "_selected_action": [row.pk for row in rows],
            "select_across": "1" if across else "0",
            "index": "0",
        }
        return self.client.post(self.address(model, **query), data, follow=True)

    @staticmethod
    def address(page: str, **query: Any) -> str:
        app = "" if page.partition("/")[0] in APPS else "hybrid_store_test/"
        return f"/admin/{app}{page}/" + (f"?{urlencode(query)}" if query else "")


APPS = ("hybrid_store", "autocomplete")
