"""Which database the rows of a queryset are written to."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

__all__ = ["write_alias"]


def write_alias(queryset: QuerySet[Any]) -> str:
    """Its own, if it names one, else that of the router."""
    writing: Any = queryset.all()
    writing._for_write = True
    return str(writing.db)
