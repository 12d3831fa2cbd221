"""What the column of a field has room for, told before it is written and alike on every database:
SQLite takes texts of any length and integers of 64 bits, whatever the field says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models import CharField, DecimalField, FileField

from hybrid_store.embedders.texts import encodable

__all__ = ["UNSTORABLE", "fault", "is_storable"]

UNSTORABLE = "has characters that no text in a database has"


def is_storable(text: str) -> bool:
    return "\x00" not in text and encodable(text) == text


def fault(field: Any, value: Any) -> str | None:
    """Why a row cannot have a value that the field has taken, with what to do; None if it can."""
    if value is None:
        return None if field.null else "has no value, which the field needs: give one"
    target = getattr(field, "target_field", field)
    return next((found for check in CHECKS if (found := check(target, value))), None)


def _characters(field: Any, value: Any) -> str | None:
    if isinstance(value, str) and not is_storable(value):
        return f"{UNSTORABLE}: leave them out"
    return None


def _length(field: Any, value: Any) -> str | None:
    # Of a TextField the length is only that of forms.
    is_limited = isinstance(field, CharField | FileField) and field.max_length is not None
    if is_limited and isinstance(value, str) and len(value) > (field.max_length or 0):
        return (
            f"has {len(value)} characters, and there is room for {field.max_length}: shorten it, "
            "or give the field a greater max_length"
        )
    return None


def _range(field: Any, value: Any) -> str | None:
    ends = BaseDatabaseOperations.integer_field_ranges.get(field.get_internal_type())
    if ends and isinstance(value, int) and not ends[0] <= value <= ends[1]:
        return f"is not from {ends[0]} to {ends[1]}: give a value that is, or the field more room"
    return None


def _digits(field: Any, value: Any) -> str | None:
    if not isinstance(field, DecimalField) or not isinstance(value, Decimal):
        return None
    places = (field.max_digits or math.inf) - (field.decimal_places or 0)
    if not value.is_finite() or value.adjusted() >= places:
        return f"has more than {places} digits before the point: give the field more max_digits"
    return None


def _finite(field: Any, value: Any) -> str | None:
    is_finite = not isinstance(value, float) or math.isfinite(value)
    return None if is_finite else "is no finite number: give one, or none"


CHECKS: Sequence[Callable[[Any, Any], str | None]] = (
    *(_characters, _length, _range, _digits, _finite),
)
