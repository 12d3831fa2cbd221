"""Regular expressions that mean the same in Python, which SQLite asks, and in PostgreSQL.

A backslash before a sign makes it stand for itself, `\\A` and `\\Z` are the ends of a text, and
`(?s)` has a dot match a new line, too.
"""

from __future__ import annotations

import re

__all__ = ["anywhere", "like"]

WILDCARDS = {"%": ".*", "_": "."}


def anywhere(text: str) -> str:
    """Matches what has that text in it."""
    return re.escape(text)


def like(pattern: str) -> str:
    r"""Matches what a pattern of LIKE does: `%`, `_`, and these with a backslash before them."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return rf"(?s)\A{''.join(map(_like_part, parts))}\Z"


def _like_part(part: str) -> str:
    return WILDCARDS.get(part) or re.escape(part[1:] if len(part) > 1 else part)
