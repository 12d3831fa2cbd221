"""Bytes in words."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat

__all__ = ["size"]


def size(count: int | None) -> str:
    # Django puts a space there that does not break.
    return "size unknown" if count is None else filesizeformat(count).replace("\xa0", " ")
