"""The names of the annotations that a search adds to rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.db.models import QuerySet

from hybrid_store.exceptions import SearchError

__all__ = ["check_names"]


def check_names(queryset: QuerySet[Any], names: Mapping[str, str]) -> None:
    """Raise `SearchError` for names that are taken; `names` are those given, by argument."""
    model, values = queryset.model, cast("Any", queryset)._fields or ()
    taken = {*(field.name for field in model._meta.get_fields()), *values}
    seen: dict[str, str] = {}
    for argument, name in names.items():
        if name in taken:
            raise SearchError(
                f"{model._meta.label} has a field {name!r}: choose another name for the "
                f"annotation with {argument}=."
            )
        if name in seen:
            raise SearchError(
                f"{model._meta.label}: {seen[name]} and {argument} are both {name!r}: choose two "
                "names."
            )
        seen[name] = argument
