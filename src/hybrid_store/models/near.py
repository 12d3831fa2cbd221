"""The vector that a search is near to, as an expression."""

from __future__ import annotations

from typing import Any

from django.db.models import Value

__all__ = ["Near"]


class Near(Value):
    """A query vector.

    Where the compiled query has `near_sql`, the statement says elsewhere what the vector is, once
    for all its distances, and this is a reference to it.
    """

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        reference: str | None = getattr(compiler.query, "near_sql", None)
        return super().as_sql(compiler, connection) if reference is None else (reference, [])
