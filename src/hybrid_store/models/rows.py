"""New rows as they are given: as model objects, or as columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice, repeat
from operator import attrgetter
from typing import Any

import numpy as np
from django.db.models import DateField, DateTimeField, Field, Model, TimeField
from numpy.typing import NDArray

from hybrid_store.exceptions import IngestError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.fingerprint import FingerprintField

__all__ = ["Batch", "batches", "fields_of"]

# What `pre_save` of these gives depends on nothing else in the row.
CLOCKS: set[Callable[..., Any]] = {
    field.pre_save for field in (DateField, DateTimeField, TimeField)
}
# What `pre_save` of these gives for a new row is its attribute.
ATTRIBUTES: set[Callable[..., Any]] = {kind.pre_save for kind in (Field, FingerprintField)}


def fields_of(model: type[Model]) -> list[Any]:
    """The fields that a new row has values for; what the database generates is left out."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def batches(model: type[Model], rows: Any, size: int) -> Iterator[Batch]:
    """`rows` in parts of up to `size`. Of an iterable only one part is held at a time."""
    make = _column_batches if isinstance(rows, Mapping) else _object_batches
    return make(model, rows, size)


class Batch(ABC):
    """One or more rows; `first` is the number of the first one, counted from 0."""

    def __init__(self, model: type[Model], first: int) -> None:
        self.model = model
        self.first = first

    @abstractmethod
    def values(self, field: Any) -> Any:
        """What is to be stored in a field, row by row, as `pre_save` gives it: not prepared.

        A list; for a vector field any sequence, or an array with a row for each.
        """

    @abstractmethod
    def written(self, stored: Mapping[str, Sequence[Any]], using: str) -> None:
        """The rows are in the database, with these values of attributes, row by row."""


class ObjectBatch(Batch):
    """Unsaved objects."""

    def __init__(self, model: type[Model], first: int, objects: Sequence[Any]) -> None:
        super().__init__(model, first)
        self.objects = objects
        self._check()
        self._complete()

    def _check(self) -> None:
        concrete = self.model._meta.concrete_model
        for kind in {*map(type, self.objects)}:
            if not issubclass(kind, Model) or kind._meta.concrete_model is not concrete:
                place = [*map(type, self.objects)].index(kind)
                raise IngestError(
                    f"Row {self.first + place} is a {kind.__name__}: give objects of "
                    f"{self.model._meta.label}, or a mapping of its fields to columns."
                )

    def _complete(self) -> None:
        """As `bulk_create` does."""
        key: Any = self.model._meta.pk
        if type(key).get_pk_value_on_save is not Field.get_pk_value_on_save or key.has_default():
            for row in self.objects:
                if not row._is_pk_set():
                    row.pk = key.get_pk_value_on_save(row)
        if any(field.is_relation for field in self.model._meta.concrete_fields):
            for row in self.objects:
                row._prepare_related_fields_for_save(operation_name="bulk_ingest")

    def values(self, field: Any) -> list[Any]:
        if _is_made_up(field):
            return [field.pre_save(row, add=True) for row in self.objects]
        return [*map(attrgetter(field.attname), self.objects)]

    def written(self, stored: Mapping[str, Sequence[Any]], using: str) -> None:
        for name, values in stored.items():
            for row, value in zip(self.objects, values, strict=True):
                row.__dict__[name] = value
        defaulted = [field.attname for field in fields_of(self.model) if field.has_db_default()]
        for row in self.objects:
            row._state.adding, row._state.db = False, using
            # Read from the database when asked for, as generated columns are.
            for name in defaulted:
                if hasattr(row.__dict__.get(name), "resolve_expression"):
                    del row.__dict__[name]


class ColumnBatch(Batch):
    """Columns of values by field; the other fields get their defaults."""

    def __init__(self, model: type[Model], first: int, columns: Mapping[Any, Any]) -> None:
        super().__init__(model, first)
        self.columns = columns
        self.length = len(next(iter(columns.values())))

    def values(self, field: Any) -> Any:
        if field in self.columns:
            return self.columns[field]
        if not _is_made_up(field):
            return [field.get_default() for _ in range(self.length)]
        blank = repeat(self.model(), self.length)
        rows = blank if type(field).pre_save in CLOCKS else self._objects
        return [field.pre_save(row, add=True) for row in rows]

    def written(self, stored: Mapping[str, Sequence[Any]], using: str) -> None:
        """Nobody holds the rows."""

    @cached_property
    def _objects(self) -> list[Any]:
        names = [field.attname for field in self.columns]
        rows = zip(*self.columns.values(), strict=True)
        return [self.model(**dict(zip(names, row, strict=True))) for row in rows]


def _is_made_up(field: Any) -> bool:
    """Does the field make its value when a row is saved, as with `auto_now`?"""
    make = type(field).pre_save
    if make in CLOCKS:
        return bool(field.auto_now or field.auto_now_add)
    return make not in ATTRIBUTES


def _object_batches(model: type[Model], rows: Iterable[Any], size: int) -> Iterator[Batch]:
    rest, first = iter(rows), 0
    while objects := list(islice(rest, size)):
        yield ObjectBatch(model, first, objects)
        first += len(objects)


def _column_batches(model: type[Model], rows: Mapping[str, Any], size: int) -> Iterator[Batch]:
    columns = {_field(model, name): _column(name, values) for name, values in rows.items()}
    lengths = {name: len(values) for name, values in zip(rows, columns.values(), strict=False)}
    if len(columns) < len(rows):
        raise IngestError(f"A field is given twice: {', '.join(rows)}.")
    if len({*lengths.values()}) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise IngestError(f"Columns need the same number of rows: {found}.")
    for first in range(0, max(lengths.values(), default=0), size):
        part = {f: _listed(f, v[first : first + size], first) for f, v in columns.items()}
        yield ColumnBatch(model, first, part)


def _field(model: type[Model], name: str) -> Any:
    """The field of a column, by its name, as `author`, or that of its attribute, `author_id`."""
    fields = fields_of(model)
    for field in fields:
        if name in {field.name, field.attname} or (name == "pk" and field.primary_key):
            return field
    known = ", ".join(field.name for field in fields)
    raise IngestError(f"{model._meta.label} has no field {name!r} to write: choose from {known}.")


def _column(name: str, values: Any) -> Sequence[Any] | NDArray[Any]:
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray):
        # Nanoseconds, which pandas keeps, would become integers.
        return values.astype("datetime64[us]") if values.dtype.kind == "M" else values
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return values
    kind = type(values).__name__
    raise IngestError(f"The column {name!r} is a {kind}: give a list, a tuple or an array.")


def _listed(field: Any, values: Any, first: int) -> Any:
    """Plain values of Python, keys for related objects; the columns of vectors as they are."""
    if isinstance(field, BaseVectorField):
        return values
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if field.is_relation:
        return [_key(field, value, first + place) for place, value in enumerate(listed)]
    return listed


def _key(field: Any, value: Any, row: int) -> Any:
    if not isinstance(value, Model):
        return value
    key = getattr(value, field.target_field.attname)
    if key is None:
        raise IngestError(f"Row {row}: save the {type(value).__name__} in {field.name!r} first.")
    return key
