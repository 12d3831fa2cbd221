"""How the rows of a model are documents: which field is what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from types import NoneType
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, JSONField, Model

from hybrid_store.contrib.retrieval.columns import Column, FieldColumn, JSONColumn
from hybrid_store.contrib.retrieval.room import UNSTORABLE, fault, is_storable
from hybrid_store.contrib.retrieval.showing import shown
from hybrid_store.exceptions import DocumentError, FilterError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField, vector_field, vector_fields

__all__ = ["Layout", "Record", "layout"]


@dataclass
class Record:
    """A document: its text with what is known of it.

    `embedding` is a vector, as numbers; None where it has none, or is not read. `source` is the
    key of what it is a part of. `payload` is for the framework alone.
    """

    key: str
    text: str
    metadata: dict[str, Any]
    embedding: Any = None
    source: str = ""
    payload: dict[str, Any] | None = None


@dataclass(frozen=True)
class Layout:
    """The names of the fields.

    Metadata is what `metadata`, a JSON field, holds, and, by the keys of `fields`, what is in
    fields of the row or, only to be read, of rows that it refers to.
    """

    model: type[Model]
    text: str
    embedding: str | None
    metadata: str | None
    fields: Mapping[str, str]
    key: str
    source: str | None
    payload: str | None

    # Filters

    def column(self, path: tuple[str, ...]) -> Column:
        """Of metadata at a path of keys."""
        key = ".".join(path)
        if key in self.fields:
            return FieldColumn(self.model, self.fields[key])
        if self.metadata is None:
            known = ", ".join(sorted(self.fields)) or "none"
            raise FilterError(
                f"{self.model._meta.label} has no metadata {shown(key)}; it has: {known}."
            )
        return JSONColumn(self.model, self.metadata, path)

    @property
    def reads_others(self) -> bool:
        """Is anything in rows that a row refers to?"""
        return any("__" in path for path in self.fields.values())

    # Keys

    @property
    def key_field(self) -> Field[Any, Any]:
        meta = self.model._meta
        found: Any = meta.pk if self.key == "pk" else meta.get_field(self.key)
        return cast("Field[Any, Any]", found)

    def value_of(self, key: str) -> Any:
        """A key as the field has it; None if no row can have it."""
        try:
            return self.checked_key(key)
        except DocumentError:
            return None

    def checked_key(self, key: str) -> Any:
        """A key as the field has it; raises `DocumentError` if no row can have it."""
        field, value = self.key_field, None
        if is_storable(key):
            with suppress(ValidationError):
                value = field.to_python(key)
        if value is None or str(value) != key:
            raise self._refused(
                self.key,
                f"{shown(key)} is no key for a {type(field).__name__}: choose keys that are, or a "
                "field for them by key=",
            )
        if reason := fault(field, value):
            raise self._refused(self.key, f"the key {shown(key)} {reason}")
        return value

    @property
    def source_name(self) -> str:
        """Raises `DocumentError` where there is none."""
        if self.source is None:
            raise DocumentError(
                f"{self.model._meta.label} does not tell what its documents are parts of: name a "
                "field that does by source=."
            )
        return self.source

    # Rows

    def read(self, *, with_embedding: bool = False) -> list[str]:
        """The fields that a record is made of, of rows and of those that they refer to."""
        single = [self.key, self.text, self.metadata, self.source, self.payload]
        vector = self.embedding if with_embedding else None
        return [*dict.fromkeys(filter(None, [*single, vector, *self.fields.values()]))]

    def record(self, row: Mapping[str, Any]) -> Record:
        """The record of a row, given what `read` names."""
        vector = row.get(self.embedding or "")
        return Record(
            key=str(row[self.key]),
            text=row[self.text] or "",
            metadata=self.metadata_of(row),
            embedding=None if vector is None else vector.to_list(),
            source="" if self.source is None else str(row[self.source] or ""),
            payload=None if self.payload is None else row[self.payload],
        )

    def metadata_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {} if self.metadata is None else dict(row[self.metadata] or {})
        for key, path in self.fields.items():
            metadata[key] = _plain(row[path])
        return metadata

    def fill(self, row: Model, record: Record) -> None:
        """Write a record into a row; raises `DocumentError` for what it has no place for."""
        for name, value in self.values(record).items():
            setattr(row, name, value)

    def values(self, record: Record) -> dict[str, Any]:
        """What a record writes into the attributes of fields, but for the vector; raises
        `DocumentError` likewise."""
        own, rest = self._divided(record.metadata)
        found = {**self._checked(self.text, record.text, "the text of ", record.key), **own}
        if self.metadata is not None:
            found[self.metadata] = self._as_json(self.metadata, rest)
        if self.source is not None:
            found |= self._checked(self.source, record.source, "the source ", record.source)
        if self.payload is not None:
            found[self.payload] = self._as_json(self.payload, record.payload or {})
        return found

    def merge(self, row: Model, changes: Mapping[str, Any]) -> None:
        """Write metadata into a row besides what it has; raises `DocumentError` likewise."""
        own, rest = self._divided(changes)
        for name, value in own.items():
            setattr(row, name, value)
        for key in rest:
            if key in self.fields:
                raise DocumentError(
                    f"{self.model._meta.label}.{self.fields[key]} is only read: change it there."
                )
        if self.metadata is not None:
            kept = getattr(row, self.metadata) or {}
            setattr(row, self.metadata, {**kept, **self._as_json(self.metadata, rest)})

    def _divided(self, metadata: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Metadata by the attributes of the fields it has; the rest by its keys."""
        own: dict[str, Any] = {}
        rest = dict(metadata)
        for key, path in self._own_fields():
            if key in rest:
                value = rest.pop(key)
                own |= self._checked(path, _as_field(self.model, path, value), "", value)
        unknown = [key for key in rest if key not in self.fields]
        if unknown and self.metadata is None:
            raise DocumentError(
                f"{self.model._meta.label} has no field for the metadata {shown(unknown[0])}: name "
                "one by fields=, or a JSONField by metadata=."
            )
        return own, rest

    def _checked(self, name: str, value: Any, called: str, given: Any) -> dict[str, Any]:
        """A value that its field has taken, by the attribute of the field; raises `DocumentError`
        for want of room, where it is called that, with what is given."""
        field: Any = self.model._meta.get_field(name)
        if reason := fault(field, value):
            raise self._refused(name, f"{called}{shown(given)} {reason}")
        return {field.attname: value}

    def _as_json(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """As it will come back from the database, with dates and UUIDs as texts."""
        if _is_json(given, MOST_LEVELS):
            return dict(given)
        found: dict[str, Any] = {}
        for key, value in given.items():
            try:
                found |= json.loads(json.dumps({key: value}, default=_as_text, allow_nan=False))
            except (TypeError, ValueError) as error:
                called = f"{shown(value)} of the key {shown(key)}"
                raise self._refused(name, f"{called} is no JSON: {error}{OTHERWISE}") from error
            except RecursionError as error:
                raise self._refused(name, f"what {shown(key)} has is nested too deeply") from error
        if unlike := next((text for text in _texts(found) if not is_storable(text)), None):
            raise self._refused(name, f"{shown(unlike)} {UNSTORABLE}: leave them out")
        return found

    def _refused(self, name: str, reason: str) -> DocumentError:
        return DocumentError(f"{self.model._meta.label}.{name}: {reason}.")

    @property
    def written(self) -> list[str]:
        """The fields that `fill` writes."""
        given = (self.text, self.source, self.payload)
        return [*dict.fromkeys([*filter(None, given), *self.merged])]

    @property
    def merged(self) -> list[str]:
        """The fields that `merge` writes."""
        own = (path for _, path in self._own_fields())
        return [*dict.fromkeys([*filter(None, [self.metadata]), *own])]

    def _own_fields(self) -> Iterator[tuple[str, str]]:
        """Those of the row itself; others are only read."""
        return ((key, path) for key, path in self.fields.items() if "__" not in path)

    # Vectors

    @property
    def vectors(self) -> list[BaseVectorField]:
        """All of a row."""
        return vector_fields(self.model)

    @property
    def vector(self) -> BaseVectorField:
        """Raises `UnknownFieldError` where there is none."""
        return vector_field(self.model, self.embedding)


def layout(
    model: type[Model],
    *,
    text: str | None = None,
    embedding: str | None = None,
    metadata: str | None = None,
    fields: Iterable[str] | Mapping[str, str] = (),
    key: str = "pk",
    source: str | None = None,
    payload: str | None = None,
) -> Layout:
    """The layout of a model, with what it has for what is not named.

    The text is its field `text`, or the only source of its embedding; metadata, source and payload
    are fields of these names, the first and the last of JSON. Raises `DocumentError`.
    """
    has = {field.name: field for field in model._meta.concrete_fields}
    vectors = [field.name for field in vector_fields(model)]
    chosen = embedding or (vectors[0] if len(vectors) == 1 else None)
    found = Layout(
        model=model,
        text=text or _text_of(model, chosen, has),
        embedding=chosen,
        metadata=metadata or ("metadata" if isinstance(has.get("metadata"), JSONField) else None),
        fields=fields if isinstance(fields, Mapping) else {name: name for name in fields},
        key=key,
        source=source or ("source" if "source" in has else None),
        payload=payload or ("payload" if isinstance(has.get("payload"), JSONField) else None),
    )
    _check(found)
    return found


def _text_of(model: type[Model], embedding: str | None, has: Mapping[str, Any]) -> str:
    if "text" in has:
        return "text"
    field = has.get(embedding or "")
    sources = field.source_names if isinstance(field, EmbeddingField) else []
    if len(sources) == 1 and sources[0] in has:
        return sources[0]
    raise DocumentError(
        f"{model._meta.label}: which field is the text of a document? Name it by text=."
    )


def _check(found: Layout) -> None:
    single = (found.text, found.metadata, found.key, found.source, found.payload, found.embedding)
    for path in [*(name for name in single if name), *found.fields.values()]:
        try:
            _ = FieldColumn(found.model, path).field
        except FieldDoesNotExist as error:
            raise DocumentError(f"{found.model._meta.label} has no field {path!r}.") from error
    if found.metadata and not isinstance(found.model._meta.get_field(found.metadata), JSONField):
        raise DocumentError(f"{found.model._meta.label}.{found.metadata} is no JSONField.")
    if not found.key_field.unique:
        raise DocumentError(
            f"{found.model._meta.label}.{found.key} is not unique: name a field that is by key=."
        )


OTHERWISE = ": give texts, numbers, or lists of these, or name a field for it by fields="


# Deeper values of JSON are looked at by `json` itself.
MOST_LEVELS = 10


def _is_json(value: Any, levels: int) -> bool:
    """Will it come back from a column of JSON just as it is? If not, it may still be JSON."""
    kind = type(value)
    if kind is str:
        return is_storable(value)
    if kind is float:
        return isfinite(value)
    if kind is dict and levels:
        return all(type(key) is str and is_storable(key) for key in value) and all(
            _is_json(part, levels - 1) for part in value.values()
        )
    if kind is list and levels:
        return all(_is_json(part, levels - 1) for part in value)
    return kind in {int, bool, NoneType}


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _texts([*value.values()])
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _as_text(value: Any) -> str:
    """As filters compare it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"it has a {type(value).__name__} in it")


def _plain(value: Any) -> Any:
    """As JSON has it, with which frameworks pass metadata on."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value


def _as_field(model: type[Model], name: str, value: Any) -> Any:
    field: Any = model._meta.get_field(name)
    if value is None:
        return None
    try:
        return field.to_python(value)
    except ValidationError as error:
        raise DocumentError(
            f"{model._meta.label}.{name}: {shown(value)} is no value of a {type(field).__name__}."
        ) from error
