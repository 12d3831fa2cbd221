"""What `HYBRID_STORE` in the settings says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.cache import caches

from hybrid_store.embedders import embedders
from hybrid_store.exceptions import InvalidEmbedderError
from hybrid_store.models import query_cache, tuning
from hybrid_store.sync.leases import LEASE_SECONDS

__all__ = ["check_settings", "check_values"]

KEYS = (
    "EMBEDDERS",
    "CREATE_EXTENSION",
    "INDEX_MEMORY",
    "LEASE_SECONDS",
    "QUERY_CACHE",
    "SEARCH",
)


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The keys of HYBRID_STORE, and what every embedder says of its own settings."""
    is_readable = isinstance(getattr(settings, "HYBRID_STORE", {}), Mapping)
    return [*check_values(), *(_embedder_messages() if is_readable else ())]


def check_values() -> list[checks.CheckMessage]:
    """The keys of HYBRID_STORE, and their values but for the embedders."""
    configured = getattr(settings, "HYBRID_STORE", {})
    if not isinstance(configured, Mapping):
        hint = 'Write HYBRID_STORE = {"EMBEDDERS": {"default": {...}}}.'
        message = f"HYBRID_STORE is a {type(configured).__name__}, not a dictionary."
        return [checks.Error(message, hint=hint, id="hybrid_store.E010")]
    return [
        *_unknown_keys(configured),
        *_lease_messages(configured),
        *_memory_messages(configured),
        *_query_cache_messages(configured.get("QUERY_CACHE")),
        *_search_messages(configured.get("SEARCH", {})),
    ]


def _unknown_keys(configured: Mapping[Any, Any]) -> Iterator[checks.CheckMessage]:
    for key in configured:
        if key not in KEYS:
            known = ", ".join(KEYS)
            yield checks.Error(
                f"HYBRID_STORE has an unknown key {key!r}.",
                hint=f"Use one of {known}.",
                id="hybrid_store.E010",
            )


def _lease_messages(configured: Mapping[Any, Any]) -> Iterator[checks.CheckMessage]:
    seconds = configured.get("LEASE_SECONDS", LEASE_SECONDS)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (is_number and 0 < seconds < math.inf):
        yield checks.Error(
            f'HYBRID_STORE["LEASE_SECONDS"] is {seconds!r}, not a positive number.',
            hint=f"Leave it out: {LEASE_SECONDS:.0f} seconds are right for most projects.",
            id="hybrid_store.E021",
        )


def _memory_messages(configured: Mapping[Any, Any]) -> Iterator[checks.CheckMessage]:
    size = configured.get("INDEX_MEMORY", 0)
    if type(size) is not int or size < 0:
        yield checks.Error(
            f'HYBRID_STORE["INDEX_MEMORY"] is {size!r}, not a number of bytes.',
            hint="Write it as in 512 * 1024**2; 0 uses no memory and reads the tables.",
            id="hybrid_store.E028",
        )


def _embedder_messages() -> Iterator[checks.CheckMessage]:
    try:
        aliases = list(embedders)
    except InvalidEmbedderError as error:
        yield _invalid_embedder(error, 'HYBRID_STORE["EMBEDDERS"]')
        return
    for alias in aliases:
        try:
            yield from embedders[alias].check()
        except InvalidEmbedderError as error:
            yield _invalid_embedder(error, f'HYBRID_STORE["EMBEDDERS"]["{alias}"]')


def _invalid_embedder(error: InvalidEmbedderError, place: str) -> checks.Error:
    return checks.Error(str(error), hint=f"Correct {place}.", id="hybrid_store.E011")


def _query_cache_messages(configured: Any) -> Iterator[checks.CheckMessage]:
    """What is wrong with QUERY_CACHE; None, which turns the cache off, is right."""
    if configured is None:
        return
    if not isinstance(configured, Mapping):
        found = type(configured).__name__
        yield _query_cache_error(f" is a {found}.", "Use a dictionary, or None for no cache.")
        return
    for key in configured:
        if key not in query_cache.DEFAULTS:
            known = ", ".join(query_cache.DEFAULTS)
            yield _query_cache_error(f" has an unknown key {key!r}.", f"Use one of {known}.")
    chosen = {**query_cache.DEFAULTS, **configured}
    if chosen["ALIAS"] not in list(caches):
        message = f'["ALIAS"] is {chosen["ALIAS"]!r}, which is no alias of CACHES.'
        yield _query_cache_error(message, f"Use one of {', '.join(caches)}.")
    seconds = chosen["TIMEOUT"]
    if not (seconds is None or (type(seconds) in (int, float) and seconds > 0)):
        message = f'["TIMEOUT"] is {seconds!r}.'
        yield _query_cache_error(message, "Use a number of seconds, or None to keep vectors.")


def _query_cache_error(fault: str, hint: str) -> checks.Error:
    return checks.Error(f'HYBRID_STORE["QUERY_CACHE"]{fault}', hint=hint, id="hybrid_store.E019")


def _search_messages(configured: Any) -> Iterator[checks.CheckMessage]:
    if not isinstance(configured, Mapping):
        found = type(configured).__name__
        yield _search_error(f" is a {found}.", "Use a dictionary, or leave it out.")
        return
    for key, value in configured.items():
        if key != str(key).upper() or key.lower() not in tuning.RULES:
            known = ", ".join(name.upper() for name in tuning.RULES)
            yield _search_error(f" has an unknown key {key!r}.", f"Use one of {known}.")
        elif (message := tuning.fault(key.lower(), value)) is not None:
            yield _search_error(f": {message}", "Correct it, or leave it out.")


def _search_error(fault: str, hint: str) -> checks.Error:
    return checks.Error(f'HYBRID_STORE["SEARCH"]{fault}', hint=hint, id="hybrid_store.E022")
