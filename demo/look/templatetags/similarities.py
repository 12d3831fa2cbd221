"""Showing how similar things are."""

from __future__ import annotations

from django import template

__all__ = ["percent"]

register = template.Library()


@register.filter
def percent(similarity: float) -> int:
    """A similarity as the length of a bar: 0 to 100."""
    return round(100 * min(1.0, max(0.0, similarity)))
