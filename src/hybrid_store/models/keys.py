"""Primary keys of any model as text, alike in Python and in SQL.

Integers and texts stay as they are; a UUID is 32 hexadecimal digits; the parts of a composite key
are joined by commas, with a backslash before every comma and backslash of a part. Two keys of one
model never have the same text. Other types of key are written as Python and the database print
them, which need not be the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, IntegerField, Model, TextField, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Replace

from hybrid_store.models.freshness import Joined

__all__ = ["key_from_text", "key_text", "key_text_expression"]

SEPARATOR = ","
ESCAPE = "\\"
# An escaped character, or any other.
TOKEN = re.compile(r"\\.|.", re.DOTALL)


def key_text(model: type[Model], pk: Any) -> str:
    """The text of a primary key of `model`; of a composite one, `pk` is the tuple."""
    columns = _columns(model)
    if len(columns) == 1:
        return _text(columns[0], pk)
    parts = [_text(column, part) for column, part in zip(columns, pk, strict=True)]
    return SEPARATOR.join(_escaped(part) for part in parts)


def key_from_text(model: type[Model], text: str) -> Any:
    """The primary key of `model` that has this text; raises `ValueError` where none can."""
    columns = _columns(model)
    parts = [text] if len(columns) == 1 else _split(text)
    try:
        values = [column.to_python(part) for column, part in zip(columns, parts, strict=True)]
    except (ValueError, ValidationError) as error:
        raise ValueError(f"{text!r} is no primary key of {model._meta.label}.") from error
    return values[0] if len(columns) == 1 else tuple(values)


def key_text_expression(model: type[Model]) -> Combinable:
    """The same text as an expression over the rows of `model`."""
    fields, columns = model._meta.pk_fields, _columns(model)
    texts = [_expression(field, column) for field, column in zip(fields, columns, strict=True)]
    if len(texts) == 1:
        return texts[0]
    parts: list[Any] = []
    for text, column in zip(texts, columns, strict=True):
        parts += [Value(SEPARATOR), text if _is_plain(column) else _escaped_expression(text)]
    return Joined(*parts[1:])


def _columns(model: type[Model]) -> list[Any]:
    """The fields whose values the key consists of: for a link to a parent, the parent's key."""
    return [_target(field) for field in model._meta.pk_fields]


def _target(field: Any) -> Any:
    return _target(field.target_field) if field.is_relation else field


def _is_plain(column: Any) -> bool:
    """Does no text of it need escaping?"""
    return isinstance(column, IntegerField | UUIDField)


def _text(column: Any, value: Any) -> str:
    prepared = column.get_prep_value(value)
    return prepared.hex if isinstance(prepared, UUID) else str(prepared)


def _escaped(text: str) -> str:
    return text.replace(ESCAPE, ESCAPE * 2).replace(SEPARATOR, ESCAPE + SEPARATOR)


def _split(text: str) -> Sequence[str]:
    """The parts of a composite key, no longer escaped."""
    parts = [""]
    for token in TOKEN.findall(text):
        if token == SEPARATOR:
            parts.append("")
        else:
            parts[-1] += token[-1]
    return parts


def _expression(field: Any, column: Any) -> Combinable:
    text = Cast(F(field.attname), TextField())
    # PostgreSQL writes hyphens, SQLite stores none.
    return _replaced(text, "-", "") if isinstance(column, UUIDField) else text


def _escaped_expression(text: Combinable) -> Combinable:
    return _replaced(_replaced(text, ESCAPE, ESCAPE * 2), SEPARATOR, ESCAPE + SEPARATOR)


def _replaced(text: Combinable, old: str, new: str) -> Combinable:
    return Replace(text, Value(old), Value(new), output_field=TextField())
