"""Conditions on a column: a field of a model, or a value in a JSON field."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import reduce
from math import ceil, floor, isfinite
from operator import or_
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BooleanField, DateTimeField, Field, IntegerField, Model, Q
from django.utils import timezone

from hybrid_store.backends.json import JSONTest, Kind
from hybrid_store.contrib.retrieval.json_values import HoldsInJSON
from hybrid_store.contrib.retrieval.patterns import anywhere, like
from hybrid_store.contrib.retrieval.room import fault
from hybrid_store.contrib.retrieval.showing import shown
from hybrid_store.embedders.texts import encodable
from hybrid_store.exceptions import FilterError

__all__ = ["Column", "FieldColumn", "JSONColumn"]

NOTHING = Q(pk__in=())
BOUND = 2**63
TOO_LARGE = "is no finite number of at most 64 bits, which all databases compare: give one"
LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
# Integers that compare as a fraction does.
ROUNDED = {">": floor, ">=": ceil, "<": ceil, "<=": floor}


class Column(ABC):
    """What a filter asks of a value of a row. Raises `FilterError` for values it cannot ask for.

    Conditions neither hold nor fail for want of a value: their negation holds for all other rows.
    """

    @property
    @abstractmethod
    def label(self) -> str:
        """What errors call it."""

    @abstractmethod
    def one_of(self, values: Sequence[Any]) -> Q:
        """Is it one of them? None stands for no value."""

    @abstractmethod
    def compare(self, sign: str, value: Any) -> Q:
        """Is it greater or smaller, by ">", ">=", "<" or "<="? Never, than None."""

    @abstractmethod
    def matches(self, pattern: str, *, ignore_case: bool) -> Q:
        """Does a text match a regular expression that all databases know?"""

    def is_like(self, pattern: Any, *, ignore_case: bool) -> Q:
        """By a pattern of SQL: `%` for any characters, `_` for one."""
        return self.matches(like(self._text(pattern)), ignore_case=ignore_case)

    def has_text(self, text: Any, *, ignore_case: bool) -> Q:
        """Does a text have another somewhere in it?"""
        return self.matches(anywhere(self._text(text)), ignore_case=ignore_case)

    @abstractmethod
    def has_any(self, values: Sequence[Any]) -> Q:
        """Is one of them an element of a list?"""

    @abstractmethod
    def is_empty(self) -> Q:
        """Is it missing, null, an empty text or an empty list?"""

    def refused(self, value: Any, reason: str) -> FilterError:
        return FilterError(f"{self.label}: {shown(value)} {reason}.")

    def _bounded(self, number: float) -> float:
        if not -BOUND <= number < BOUND:
            raise self.refused(number, TOO_LARGE)
        return number

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.refused(value, "is no text: give one")
        if "\x00" in value or encodable(value) != value:
            raise self.refused(value, "has characters that no text in a database has")
        return value


@dataclass(frozen=True)
class FieldColumn(Column):
    """A field of a model, or of one that it refers to: "year", "author__name"."""

    model: type[Model]
    path: str

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.path}"

    @property
    def field(self) -> Field[Any, Any]:
        """Raises `FieldDoesNotExist`."""
        model: Any = self.model
        found: Any = None
        for name in self.path.split("__"):
            if model is None:
                raise FieldDoesNotExist(f"{self.label} is no field.")
            found = model._meta.pk if name == "pk" else model._meta.get_field(name)
            model = found.related_model
        target: Field[Any, Any] = getattr(found, "target_field", found)
        return target

    def one_of(self, values: Sequence[Any]) -> Q:
        given = [value for value in values if value is not None]
        known = [self._value(value) for value in given if not self._is_fraction(value)]
        found = Q(**{f"{self.path}__in": known}) if known else NOTHING
        return found | Q(**{f"{self.path}__isnull": True}) if None in values else found

    def compare(self, sign: str, value: Any) -> Q:
        if value is None:
            return NOTHING
        asked = ROUNDED[sign](value) if self._is_fraction(value) else self._value(value)
        return Q(**{f"{self.path}__{LOOKUPS[sign]}": asked})

    def matches(self, pattern: str, *, ignore_case: bool) -> Q:
        return Q(**{f"{self.path}__{'iregex' if ignore_case else 'regex'}": pattern})

    def has_any(self, values: Sequence[Any]) -> Q:
        raise FilterError(f"{self.label} holds one value, no list: ask for that with '==' or 'in'.")

    def is_empty(self) -> Q:
        found = Q(**{f"{self.path}__isnull": True})
        return found | Q(**{self.path: ""}) if self.field.empty_strings_allowed else found

    def _is_fraction(self, value: Any) -> bool:
        """Is it between two integers, of which the field has one? Django would cut it off."""
        if not isinstance(value, float) or not isinstance(self.field, IntegerField):
            return False
        return not self._bounded(value).is_integer()

    def _value(self, value: Any) -> Any:
        """As the field has it."""
        field = self.field
        if isinstance(value, list | tuple | set | dict):
            raise self.refused(value, "is not one value: give one")
        if isinstance(value, bool) is not isinstance(field, BooleanField):
            raise self.refused(value, f"is no value of a {type(field).__name__}")
        if not _is_asked_for(value):
            raise self.refused(value, TOO_LARGE)
        if isinstance(value, float) and isinstance(field, IntegerField):
            return self._bounded(value)
        if isinstance(field, DateTimeField) and type(value) is date:
            value = datetime.combine(value, time.min)
        try:
            found: Any = value if isinstance(value, datetime) else field.to_python(value)
            found = _aware(found) if isinstance(found, datetime) else found
        except (ValidationError, OverflowError, TypeError) as error:
            raise self.refused(value, f"is no value of a {type(field).__name__}") from error
        if isinstance(found, str):
            return self._text(found)
        if isinstance(field, IntegerField):
            # Any integer can be compared with, also those that the column has no room for.
            return self._bounded(found)
        if reason := fault(field, found):
            raise self.refused(value, reason)
        return found


def _is_asked_for(value: Any) -> bool:
    if isinstance(value, int):
        return -BOUND <= value < BOUND
    return not isinstance(value, float | Decimal) or isfinite(value)


def _aware(moment: datetime) -> datetime:
    """In UTC, where there are time zones; in the current one, where it tells none. Raises
    `OverflowError` for what has no year there."""
    if not settings.USE_TZ:
        return moment
    return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).astimezone(UTC)


@dataclass(frozen=True)
class JSONColumn(Column):
    """A value in a JSON field, by its keys from the outermost one on.

    Texts are compared by code points, so that dates in one format of ISO 8601 are by time.
    """

    model: type[Model]
    field: str
    path: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in self.path:
            self._text(key)

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.field}[{']['.join(map(repr, self.path))}]"

    def one_of(self, values: Sequence[Any]) -> Q:
        found = self._any(values, of_elements=False)
        return found | ~self._holds(SOMETHING) if None in values else found

    def compare(self, sign: str, value: Any) -> Q:
        if value is None:
            return NOTHING
        kind, asked = self._scalar(value)
        if kind not in ORDERED:
            raise self.refused(value, "is neither greater nor smaller than another")
        return self._holds(JSONTest([kind], f"{ORDERED[kind]} {sign} %s", [asked]))

    def matches(self, pattern: str, *, ignore_case: bool) -> Q:
        operator = "{iregex}" if ignore_case else "{regex}"
        return self._holds(JSONTest([Kind.STRING], f"{{text}} {operator}", [pattern]))

    def has_any(self, values: Sequence[Any]) -> Q:
        return self._any(values, of_elements=True)

    def is_empty(self) -> Q:
        has_elements = self._holds(JSONTest([*Kind]), of_elements=True)
        empty_list = self._holds(JSONTest([Kind.ARRAY])) & ~has_elements
        empty_text = self._holds(JSONTest([Kind.STRING], "{text} = %s", [""]))
        return ~self._holds(SOMETHING) | empty_list | empty_text

    def _any(self, values: Sequence[Any], *, of_elements: bool) -> Q:
        wanted: dict[Kind, list[Any]] = {}
        for value in values:
            if value is not None:
                kind, asked = self._scalar(value)
                wanted.setdefault(kind, []).append(asked)
        tests = (_one_of(kind, asked) for kind, asked in wanted.items())
        return reduce(or_, (self._holds(test, of_elements=of_elements) for test in tests), NOTHING)

    def _holds(self, test: JSONTest, *, of_elements: bool = False) -> Q:
        return Q(HoldsInJSON(self.field, self.path, test, of_elements=of_elements))

    def _scalar(self, value: Any) -> tuple[Kind, Any]:
        """What JSON has for a value, and what is bound for it."""
        if isinstance(value, bool):
            return Kind.BOOLEAN, "true" if value else "false"
        if not _is_asked_for(value):
            raise self.refused(value, TOO_LARGE)
        if isinstance(value, int | float | Decimal):
            return Kind.NUMBER, float(value) if isinstance(value, Decimal) else value
        if isinstance(value, date):
            return Kind.STRING, value.isoformat()
        if isinstance(value, UUID):
            return Kind.STRING, str(value)
        return Kind.STRING, self._text(value)


def _one_of(kind: Kind, values: Sequence[Any]) -> JSONTest:
    asked = f"{COMPARED[kind]} IN ({', '.join(['%s'] * len(values))})"
    return JSONTest([kind], asked, values, _as_json(kind, *values) if len(values) == 1 else None)


def _as_json(kind: Kind, value: Any) -> str:
    is_json = kind is Kind.BOOLEAN or isinstance(value, Decimal)
    return str(value) if is_json else json.dumps(value, ensure_ascii=False)


SOMETHING = JSONTest([kind for kind in Kind if kind is not Kind.NULL])
COMPARED = {Kind.STRING: "{text}", Kind.BOOLEAN: "{text}", Kind.NUMBER: "{number}"}
ORDERED = {Kind.STRING: "{ordered}", Kind.NUMBER: "{number}"}
