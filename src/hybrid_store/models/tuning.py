"""How searches use approximate indexes, by `HYBRID_STORE["SEARCH"]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

__all__ = ["DEFAULTS", "exact_by_settings"]

# EXACT: no search uses an approximate index.
DEFAULTS: Mapping[str, Any] = {"EXACT": False}


def exact_by_settings() -> bool:
    """Do the settings want every search to be exact?"""
    chosen = getattr(settings, "HYBRID_STORE", {}).get("SEARCH", {})
    return bool({**DEFAULTS, **chosen}["EXACT"])
