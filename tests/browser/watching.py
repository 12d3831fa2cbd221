"""What a page may not do while a browser shows it: each time that it does is a fault."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request, WebError

__all__ = ["watch"]

# Advice, such as on the attributes of password fields.
UNHEARD = {"debug"}
# What needs no server.
LOCAL = {"data", "blob"}


def watch(context: BrowserContext, home: str, faults: list[str]) -> None:
    """Add to `faults` what the pages of a context do wrong, until it is closed.

    Pages say nothing in the console, where the browser tells broken scripts, resources that are
    not there and what the Content-Security-Policy has blocked. They let no error escape, open no
    dialog, and ask no server but that of `home`.
    """

    def heard(message: ConsoleMessage) -> None:
        if message.type not in UNHEARD:
            faults.append(f"console, {message.type}: {message.text}")

    def escaped(error: WebError) -> None:
        faults.append(f"error: {error.error}")

    def opened(dialog: Dialog) -> None:
        faults.append(f"dialog, {dialog.type}: {dialog.message}")
        dialog.dismiss()

    def requested(request: Request) -> None:
        if urlsplit(request.url).scheme not in LOCAL and not request.url.startswith(f"{home}/"):
            faults.append(f"request to another server: {request.url}")

    context.on("console", heard)
    context.on("weberror", escaped)
    context.on("dialog", opened)
    context.on("request", requested)
