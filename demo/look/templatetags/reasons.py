"""Showing why rows were found."""

from __future__ import annotations

from typing import Any

from django import template

from look.reasons import Reason

__all__ = ["reason"]

register = template.Library()


@register.filter
def reason(row: Any) -> Reason:
    """Why a search has found a row."""
    return Reason.of(row)
