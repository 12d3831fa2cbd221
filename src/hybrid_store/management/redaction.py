"""Secrets in what is shown: passwords and keys, in errors and in addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from django.db import connections

from hybrid_store.embedders import embedders
from hybrid_store.exceptions import HybridStoreError

__all__ = ["public_url", "redacted"]

HIDDEN = "***"
# What the names of OPTIONS have in them that hold a secret.
SECRET_NAMES = ("password", "secret", "token", "key")
# What is shorter is found in any words, and is no key.
SHORT = 5


def redacted(words: str) -> str:
    """`words`, as of an error, without the secrets of databases and embedders."""
    for secret in sorted({*_secrets()}, key=len, reverse=True):
        # As it is, in addresses, and in what Python shows.
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]):
            words = words.replace(spelling, HIDDEN)
    return words


def public_url(url: str) -> str:
    """An address without user, password and query, any of which may be a secret. One of another
    form is not shown at all."""
    try:
        parts = urlsplit(url)
        place = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return HIDDEN
    # As where a password holds a "/": what is behind it would be taken for the path.
    rest = f"{parts.path}{parts.query}{parts.fragment}"
    if not url.lower().startswith(f"{parts.scheme}://") or "@" in rest:
        return HIDDEN
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    query = f"?{HIDDEN}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{user}{place}{parts.path}{query}"


def _secrets() -> Iterator[str]:
    for alias in connections:
        config = connections[alias].settings_dict
        yield from _texts({"PASSWORD": config.get("PASSWORD"), **(config.get("OPTIONS") or {})})
    try:
        aliases = [*embedders]
    except HybridStoreError:
        return
    for alias in aliases:
        yield from (secret for secret in _of_embedder(alias) if len(secret) >= SHORT)


def _of_embedder(alias: str) -> Iterator[str]:
    params = embedders.settings[alias]
    options = params.get("OPTIONS") if isinstance(params, Mapping) else None
    yield from _texts(options if isinstance(options, Mapping) else {})
    try:
        yield from getattr(embedders[alias], "secrets", ())
    except Exception:  # noqa: BLE001
        # An embedder of anybody's making; its fault is told elsewhere, by way of this.
        return


def _texts(options: Mapping[Any, Any]) -> Iterator[str]:
    """The values that are secrets, by their names."""
    for name, value in options.items():
        is_secret = any(part in str(name).lower() for part in SECRET_NAMES)
        if is_secret and isinstance(value, str) and value:
            yield value
