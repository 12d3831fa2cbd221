"""What is checked of a `ModelAdmin` with a `HybridAdminMixin`.

E050 a field or an index that its model has not, or that it has several of, E051 an unknown mode of
search, W052 no texts to look for words in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import checks

from hybrid_store.admin.searched import SearchMode
from hybrid_store.exceptions import UnknownFieldError

if TYPE_CHECKING:
    from hybrid_store.admin.mixin import HybridAdminMixin

__all__ = ["check_admin"]


def check_admin(model_admin: HybridAdminMixin) -> list[checks.CheckMessage]:
    """Run with Django's own checks of the `ModelAdmin`."""
    owner = type(model_admin)
    try:
        searched, field = model_admin.searched, model_admin.vector_field
    except UnknownFieldError as error:
        hint = "Name them by hybrid_field, a vector field, and hybrid_index, a TextIndex."
        return [checks.Error(str(error), hint=hint, obj=owner, id="hybrid_store.E050")]
    found: list[checks.CheckMessage] = []
    if model_admin.hybrid_search_mode not in SearchMode.values:
        known = ", ".join(map(repr, SearchMode.values))
        fault = f"Unknown hybrid_search_mode {model_admin.hybrid_search_mode!r}."
        found.append(checks.Error(fault, hint=f"Use {known}.", obj=owner, id="hybrid_store.E051"))
    if field is not None and searched.modes and not (searched.names or model_admin.search_fields):
        fault = "The source is a callable, so there is no column to look for words in."
        hint = "Name some by search_fields; without them there is no search."
        found.append(checks.Warning(fault, hint=hint, obj=owner, id="hybrid_store.W052"))
    return found
