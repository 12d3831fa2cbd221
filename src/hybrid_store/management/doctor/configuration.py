"""What HYBRID_STORE says, what holds where it says nothing, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.cache import InvalidCacheBackendError, caches
from django.core.checks import ERROR

from hybrid_store.backends.sqlite.engine.cache import DEFAULT_MEMORY
from hybrid_store.checks.settings import check_values
from hybrid_store.embedders import embedders
from hybrid_store.exceptions import HybridStoreError
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.embedder_settings import settings_of
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.doctor.origins import settings_module
from hybrid_store.management.doctor.setting import Setting, path_of
from hybrid_store.management.redaction import redacted
from hybrid_store.models import query_cache
from hybrid_store.models.tuning import Tuning
from hybrid_store.sync.leases import LEASE_SECONDS

__all__ = ["examine"]

# Section of HYBRID_STORE -> the values that hold where none is given; "" is HYBRID_STORE itself.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "": {
        "CREATE_EXTENSION": True,
        "INDEX_MEMORY": DEFAULT_MEMORY,
        "LEASE_SECONDS": LEASE_SECONDS,
    },
    "QUERY_CACHE": query_cache.DEFAULTS,
    "SEARCH": {field.name.upper(): field.default for field in fields(Tuning)},
}


def examine(case: Case) -> Iterator[Finding]:
    for message in check_values():
        ok, fix = message.level < ERROR, str(message.hint or "")
        yield Finding(ok, "HYBRID_STORE", redacted(message.msg), fix)
    configured = getattr(settings, "HYBRID_STORE", {})
    if isinstance(configured, Mapping):
        yield from (setting.finding for setting in _settings(configured))


def _settings(configured: Mapping[str, Any]) -> Iterator[Setting]:
    for section, defaults in DEFAULTS.items():
        given = configured.get(section, {}) if section else configured
        if given is None:
            yield Setting(section, "turned off", settings_module())
        elif isinstance(given, Mapping):
            yield from _of_section(section, given, defaults)
    try:
        aliases = [*embedders]
    except HybridStoreError:
        # The section of embedders says so.
        return
    for alias in aliases:
        yield from settings_of(alias)


def _of_section(
    section: str, given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[Setting]:
    for name, default in defaults.items():
        value = given.get(name, default)
        shown = f"{value!r}{_kind_of_cache(value)}" if name == "ALIAS" else repr(value)
        path = path_of(section, name) if section else name
        yield Setting(path, shown, settings_module() if name in given else None)


def _kind_of_cache(alias: Any) -> str:
    try:
        return f" ({type(caches[alias]).__name__})"
    except InvalidCacheBackendError:
        return ""
