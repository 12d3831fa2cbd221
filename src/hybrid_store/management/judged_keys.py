"""What judgements name rows by: the primary key, or another column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management.base import CommandError
from django.db.models import Field, Model, QuerySet

from hybrid_store.models.keys import key_from_text

__all__ = ["KeyColumn"]

# Keys in one statement: databases limit the number of parameters.
CHUNK = 400
# What the integer columns of every database can be compared with, on either side of 0.
LARGEST = 2**63


@dataclass(frozen=True)
class KeyColumn:
    """The column of a model that keys stand for; `name` None is the primary key."""

    model: type[Model]
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None:
            self._field(self.name)

    @property
    def path(self) -> str:
        """Its name in a queryset."""
        return "pk" if self.name is None else self._field(self.name).name

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.path}"

    def parse(self, text: str) -> Any:
        """The value that a text stands for; raises `ValueError` where there can be none."""
        try:
            value = key_from_text(self.model, text) if self.name is None else self._parsed(text)
        except ValidationError as error:
            raise ValueError(f"{text!r} is no {self.name}") from error
        if any(isinstance(part, int) and abs(part) >= LARGEST for part in _parts(value)):
            raise ValueError(f"{text} is too large")
        return value

    def held(self, rows: QuerySet[Any], keys: Collection[Any]) -> set[Any]:
        """Those of `keys` that rows have; raises `CommandError` for one of several rows."""
        values, found = list(keys), Counter[Any]()
        for start in range(0, len(values), CHUNK):
            chosen = rows.filter(**{f"{self.path}__in": values[start : start + CHUNK]})
            found.update(chosen.order_by().values_list(self.path, flat=True))
        key, count = next(iter(found.most_common(1)), (None, 0))
        if count > 1:
            raise CommandError(
                f"{self.model._meta.label} has {count} rows whose {self.path} is {key!r}: choose "
                "a --key that names one row, such as the primary key."
            )
        return set(found)

    def _parsed(self, text: str) -> Any:
        field: Any = self._field(str(self.name))
        while field.is_relation:
            field = field.target_field
        return field.to_python(text)

    def _field(self, name: str) -> Field[Any, Any]:
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            field = None
        if not isinstance(field, Field) or not field.concrete or field.many_to_many:
            raise CommandError(
                f"{self.model._meta.label} has no column {name!r} to name rows by: choose another "
                "--key, or leave it out for the primary key."
            )
        return field


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
