"""Documents become rows of a queryset, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice
from typing import Any, cast

from django.db import transaction
from django.db.models import Model, QuerySet

from hybrid_store.contrib.retrieval.layout import Layout, Record
from hybrid_store.contrib.retrieval.places import write_alias
from hybrid_store.exceptions import DocumentError, DuplicateDocumentError
from hybrid_store.models import bulk_ingest
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.stamps import stamps

__all__ = ["Conflict", "Writing"]

# Keys that one statement compares with; rows that one statement changes.
CHUNK = 500


class Conflict(StrEnum):
    """What becomes of a document whose key is in use."""

    REPLACE = "replace"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True)
class Writing:
    """Writes documents into the rows of a queryset.

    As with `bulk_create` no signals are sent. New rows get `defaults`; rows that are there keep
    what a document does not have.
    """

    queryset: QuerySet[Any]
    layout: Layout
    defaults: Mapping[str, Any]
    embedded_by: str | None

    def write(self, records: Sequence[Record], conflict: Conflict) -> list[str]:
        """The keys of those written, all or none of them. Of several with a key the last counts.

        Raises `DocumentError` for what has no place in the model, or would be outside of the
        queryset; `DuplicateDocumentError` for keys in use, where they are to fail.
        """
        self._check_vectors(records)
        by_value = {self._value(record.key): record for record in records}
        with transaction.atomic(using=self._using):
            there = self._there([*by_value])
            if there and conflict is Conflict.FAIL:
                raise DuplicateDocumentError(
                    f"{self._label}: {_named(there)} already there: give others, or replace them."
                )
            new = {value: record for value, record in by_value.items() if value not in there}
            self._insert(new)
            if conflict is Conflict.REPLACE:
                self._update(there, by_value)
            written = [*new, *(there if conflict is Conflict.REPLACE else ())]
            self._check_scope(written)
        kept = {*written}
        return [record.key for value, record in by_value.items() if value in kept]

    def merge(self, rows: QuerySet[Any], changes: Mapping[str, Any]) -> int:
        """How many rows got metadata besides what they have, all or none; raises `DocumentError`.

        They are locked, so that metadata which others change meanwhile is not lost.
        """
        with transaction.atomic(using=self._using):
            chosen = rows.using(self._using).values("pk")
            found = [*self._all.filter(pk__in=chosen).select_for_update()]
            for row in found:
                self.layout.merge(row, changes)
            for part in _parts(found if changes else []):
                self._all.bulk_update(part, self.layout.merged)
            self._check_scope([getattr(row, self.layout.key) for row in found])
        return len(found)

    @property
    def _using(self) -> str:
        return write_alias(self.queryset)

    @property
    def _rows(self) -> QuerySet[Any]:
        """Of the queryset, from the database that is written to."""
        return self.queryset.using(self._using).order_by()

    @property
    def _all(self) -> QuerySet[Any]:
        """Of the model."""
        rows: QuerySet[Any] = self.queryset.model._base_manager.using(self._using)
        return rows

    @property
    def _label(self) -> str:
        return str(self.queryset.model._meta.label)

    def _value(self, key: str) -> Any:
        value = self.layout.value_of(key)
        if value is None:
            kind = type(self.layout.key_field).__name__
            raise DocumentError(
                f"{self._label}.{self.layout.key}: {key!r:.60} is no key for a {kind}: choose keys "
                "that are, or a field for them by key=."
            )
        return value

    def _there(self, values: Sequence[Any]) -> dict[Any, Model]:
        """The rows with these keys. Keys that rows elsewhere have are refused."""
        name = self.layout.key
        found: dict[Any, Model] = {}
        for part in _parts(values):
            taken = self._all.filter(**{f"{name}__in": part}).values_list(name, flat=True)
            if not (keys := {*taken}):
                continue
            rows = self._rows.filter(**{f"{name}__in": part})
            found |= {getattr(row, name): row for row in rows}
            if outside := keys - {*found}:
                named = _named(outside)
                raise DocumentError(f"{self._label}: {named} in use elsewhere: give others.")
        return found

    def _insert(self, new: Mapping[Any, Record]) -> None:
        if not new:
            return
        columns = self._columns(new)
        has_vectors = any(record.embedding is not None for record in new.values())
        bulk_ingest(self._rows, columns, embedded_by=self._stamped if has_vectors else None)

    def _columns(self, new: Mapping[Any, Record]) -> dict[str, list[Any]]:
        """The values of new rows, field by field."""
        rows = [self._values(value, record) for value, record in new.items()]
        columns: dict[str, list[Any]] = {}
        for name in dict.fromkeys(chain.from_iterable(rows)):
            default = cast("Any", self.queryset.model._meta.get_field(name)).get_default
            columns[name] = [row[name] if name in row else default() for row in rows]
        return columns

    def _values(self, value: Any, record: Record) -> dict[str, Any]:
        found = {**self._given, self._key_name: value, **self.layout.values(record)}
        if record.embedding is not None:
            found[self._vector_name] = record.embedding
        return found

    @cached_property
    def _key_name(self) -> str:
        return str(self.layout.key_field.attname)

    @cached_property
    def _vector_name(self) -> str:
        return str(self.layout.vector.attname)

    @cached_property
    def _given(self) -> dict[str, Any]:
        """What the defaults write into fields, such as by the name of a relation."""
        row = self.queryset.model(**self.defaults)
        fields = row._meta.concrete_fields
        for field in fields:
            row.__dict__.pop(field.attname, None)
        for name, value in self.defaults.items():
            setattr(row, name, value)
        held = row.__dict__
        return {field.attname: held[field.attname] for field in fields if field.attname in held}

    def _update(self, there: Mapping[Any, Model], by_value: Mapping[Any, Record]) -> None:
        for value, row in there.items():
            self._fill(row, by_value[value])
        names = [*self.layout.written, *self._vector_names(by_value.values())]
        for part in _parts([*there]):
            changed = [there[value] for value in part]
            self._all.bulk_update(changed, names)
            for stamp in stamps(self.queryset.model, self._stamped, self._using):
                with_vector = [value for value in part if by_value[value].embedding is not None]
                stamp.write([there[value].pk for value in with_vector])

    def _vector_names(self, records: Any) -> list[str]:
        if all(record.embedding is None for record in records):
            return []
        vector = self.layout.vector
        is_kept = isinstance(vector, EmbeddingField)
        return [vector.name, vector.fingerprint_name] if is_kept else [vector.name]  # type: ignore[attr-defined]

    def _fill(self, row: Model, record: Record) -> None:
        self.layout.fill(row, record)
        if record.embedding is not None:
            setattr(row, self.layout.vector.name, record.embedding)

    @property
    def _stamped(self) -> Any:
        return None if self.embedded_by is None else {self.layout.vector.name: self.embedded_by}

    def _check_vectors(self, records: Sequence[Record]) -> None:
        """Vectors of unknown origin would be written, and never be found."""
        if self.embedded_by or all(record.embedding is None for record in records):
            return
        vector = self.layout.vector
        if isinstance(vector, EmbeddingField):
            raise DocumentError(
                f"{vector.label} is kept by the embedder {vector.embedder_alias!r}, and the "
                "vectors given may be of another model. If they are not, say so by "
                f"embedded_by={vector.embedder_alias!r}."
            )

    def _check_scope(self, values: Sequence[Any]) -> None:
        if _is_whole(self.queryset.query):
            return
        name = self.layout.key
        for part in _parts(values):
            found = {*self._rows.filter(**{f"{name}__in": part}).values_list(name, flat=True)}
            if outside := {*part} - found:
                raise DocumentError(
                    f"{self._label}: {_named(outside)} outside of the queryset when written: give "
                    "what its filters ask for by defaults=."
                )


def _is_whole(query: Any) -> bool:
    """Are all rows of the model in a queryset?"""
    narrows = (query.where, query.is_sliced, query.combinator, query.distinct, query.group_by)
    return not any(narrows) and len(query.alias_map) <= 1 and not query.extra_tables


def _parts(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]


def _named(values: Any) -> str:
    first = ", ".join(repr(str(value)) for value in islice(values, 3))
    more = f" and {len(values) - 3} others" if len(values) > 3 else ""
    return f"{first}{more} {'is' if len(values) == 1 else 'are'}"
