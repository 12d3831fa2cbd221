"""Documents become rows of a queryset, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice
from operator import itemgetter
from typing import Any, cast

from django.db import IntegrityError, connections, transaction
from django.db.models import Model, QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.contrib.retrieval.layout import Layout, Record
from hybrid_store.contrib.retrieval.places import write_alias
from hybrid_store.contrib.retrieval.updates import parts, update
from hybrid_store.exceptions import DocumentError, DuplicateDocumentError
from hybrid_store.models import bulk_ingest
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.stamps import stamps

__all__ = ["Conflict", "Writing"]


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
        by_value = {self.layout.checked_key(record.key): record for record in records}
        with self._transaction():
            there = self._insert_new(by_value, conflict)
            if conflict is Conflict.REPLACE:
                self._update(there, by_value)
            left_alone = {*there} if conflict is Conflict.SKIP else set()
            written = [value for value in by_value if value not in left_alone]
            self._check_scope(written)
        return [by_value[value].key for value in written]

    def merge(self, rows: QuerySet[Any], changes: Mapping[str, Any]) -> int:
        """How many rows got metadata besides what they have, all or none; raises `DocumentError`.

        They are locked, so that metadata which others change meanwhile is not lost.
        """
        with self._transaction():
            chosen = rows.using(self._using).values("pk")
            found = [*self._all.filter(pk__in=chosen).order_by("pk").select_for_update()]
            for row in found:
                self.layout.merge(row, changes)
            if changes:
                update(self.queryset.model, self._using, found, self.layout.merged)
            self._check_scope([getattr(row, self.layout.key) for row in found])
        return len(found)

    def _transaction(self) -> AbstractContextManager[Any]:
        """All or nothing; whoever writes the same meanwhile waits, or is waited for."""
        return vector_ops(connections[self._using]).writing()

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

    def _insert_new(self, by_value: Mapping[Any, Record], conflict: Conflict) -> dict[Any, Model]:
        """Insert what is new; the rows that are there, once others have written theirs."""
        while True:
            there = self._there([*by_value])
            if there and conflict is Conflict.FAIL:
                raise DuplicateDocumentError(
                    f"{self._label}: {_named(there)} already there: give others, or replace them."
                )
            new = {value: record for value, record in by_value.items() if value not in there}
            try:
                with transaction.atomic(using=self._using):
                    self._insert(new)
            except IntegrityError:
                # If it was not that another transaction has written a key since.
                if not self._there([*new]):
                    raise
            else:
                return there

    def _there(self, values: Sequence[Any]) -> dict[Any, Model]:
        """The rows with these keys, locked. Keys that rows elsewhere have are refused."""
        name = self.layout.key
        found: dict[Any, Model] = {}
        for part in parts(sorted(values)):
            chosen = {f"{name}__in": part}
            rows = self._all.filter(**chosen).order_by(name).select_for_update()
            rows = rows.defer(*(vector.name for vector in self.layout.vectors))
            taken = {getattr(row, name): row for row in rows}
            inside = {*self._rows.filter(**chosen).values_list(name, flat=True)} if taken else ()
            if outside := {*taken} - {*inside}:
                named = _named(outside)
                raise DocumentError(f"{self._label}: {named} in use elsewhere: give others.")
            found |= taken
        return found

    def _insert(self, new: Mapping[Any, Record]) -> None:
        if not new:
            return
        # In the order of their keys, as others insert them: so nobody waits in a circle.
        columns = self._columns(dict(sorted(new.items(), key=itemgetter(0))))
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
        model = self.queryset.model
        kept: list[Model] = []
        changed: list[Model] = []
        for value, row in there.items():
            record, before = by_value[value], getattr(row, self.layout.text)
            self._fill(row, record)
            is_other = self._has_another_vector(record, before)
            (changed if is_other else kept).append(row)
            if is_other and record.embedding is None:
                setattr(row, self.layout.vector.name, None)
        update(model, self._using, kept, self.layout.written)
        update(model, self._using, changed, [*self.layout.written, *self._vector_names()])
        keys = [row.pk for row in changed if getattr(row, self.layout.vector.name) is not None]
        for stamp in stamps(model, self._stamped, self._using):
            stamp.write(keys)

    def _has_another_vector(self, record: Record, before: str) -> bool:
        """Does a document that replaces one get a vector, or lose that of another text?

        Generation renews or removes what an `EmbeddingField` has of an older text, and until then
        such a row is stale. Nothing else would do so, and a blank text has no vector.
        """
        if record.embedding is not None or self.layout.embedding is None:
            return record.embedding is not None
        vector, is_blank = self.layout.vector, not record.text.strip()
        is_kept = isinstance(vector, EmbeddingField) and not is_blank
        if record.text == before or is_kept:
            return False
        if not vector.null:
            raise DocumentError(
                f"{vector.label} would keep the vector of the old text of {record.key!r:.60}: give "
                "the document one of its own."
            )
        return True

    def _vector_names(self) -> list[str]:
        if self.layout.embedding is None:
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
        for part in parts(values):
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


def _named(values: Any) -> str:
    first = ", ".join(repr(str(value)) for value in islice(values, 3))
    more = f" and {len(values) - 3} others" if len(values) > 3 else ""
    return f"{first}{more} {'is' if len(values) == 1 else 'are'}"
