"""Values of callers in the words of errors, however long or deeply nested they are."""

from __future__ import annotations

import reprlib
from typing import Any

__all__ = ["shown"]

LENGTH = 60

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = LENGTH


def shown(value: Any) -> str:
    """What `repr` says, of up to 60 characters."""
    return _short.repr(value)[:LENGTH]
