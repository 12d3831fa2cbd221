"""Reading the texts to embed and writing their vectors, for both kinds of source.

A vector is written only if the row's text is still the one that was embedded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress, islice
from typing import Any, NamedTuple

from django.db import connections, transaction
from django.db.models import Q, QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import vector_fields
from hybrid_store.models.fingerprint import content_digest
from hybrid_store.models.paths import in_own_table
from hybrid_store.models.text_source import TextSource
from hybrid_store.sync.statements import GuardedUpdate
from hybrid_store.vectors import Vector

__all__ = ["SourceReader", "SourceText", "read_texts", "source_reader", "text_of"]

SCAN_CHUNK = 500


class SourceText(NamedTuple):
    """What a row says, and the digest by which a change is noticed."""

    pk: Any
    text: str
    content: str

    @property
    def is_blank(self) -> bool:
        return freshness.is_blank(self.text)


def read_texts(source: TextSource, rows: QuerySet[Any]) -> list[SourceText]:
    """The texts of `rows`, in their order."""
    if callable(source.source):
        # Vectors are large, and of no use here.
        heavy = [field.name for field in vector_fields(source.model)]
        return [text_of(source, row) for row in freshness.renderable(rows.defer(*heavy), source)]
    found = rows.annotate(
        _source_text=freshness.rendering(source), _source_content=freshness.content(source)
    ).values_list("pk", "_source_text", "_source_content")
    return [SourceText(*row) for row in found]


def text_of(source: TextSource, row: Any) -> SourceText:
    """The text of a callable source, of a row that was read as `freshness.renderable` says."""
    text = freshness.rendered_in_python(source, row)
    return SourceText(row.pk, text, content_digest(text))


class SourceReader(ABC):
    """The rows of one embedding in one database."""

    def __init__(self, field: EmbeddingField, using: str) -> None:
        self.field = field
        self.using = using
        self.rows: QuerySet[Any] = field.model._base_manager.using(using)

    def stale(self, **conditions: Any) -> QuerySet[Any]:
        """Rows that need work, of those that fulfil the conditions."""
        return freshness.stale_rows(self.rows.filter(**conditions), self.field)

    def read(self, rows: QuerySet[Any]) -> list[SourceText]:
        """The texts of `rows`, in their order."""
        return read_texts(self.field, rows)

    @abstractmethod
    def find_stale(self, rows: QuerySet[Any], most: int, *, any_space: bool) -> list[SourceText]:
        """The first stale ones of the ordered `rows`, and their texts.

        With `any_space`, also those that are only stale because their vector is of another space.
        """

    @abstractmethod
    def count_stale(self, rows: QuerySet[Any], *, any_space: bool) -> int:
        """How many of `rows` are stale, in the same sense."""

    def store(self, texts: Sequence[SourceText], values: Sequence[Vector | None]) -> list[bool]:
        """Write a vector a text, None to clear it; False for rows that have changed or gone."""
        if self._update.guarded:
            return self._write(texts, values)
        keys = [text.pk for text in texts]
        with transaction.atomic(using=self.using):
            vector_ops(connections[self.using]).lock(self.rows.filter(pk__in=keys))
            now = {text.pk: text for text in self.read(self.rows.filter(pk__in=keys))}
            kept = [now.get(text.pk) == text for text in texts]
            self._write(list(compress(texts, kept)), list(compress(values, kept)))
            return kept

    @cached_property
    def _update(self) -> GuardedUpdate:
        return GuardedUpdate(self.field, self.using, guarded=in_own_table(self.field))

    def _write(self, texts: Sequence[SourceText], values: Sequence[Vector | None]) -> list[bool]:
        pairs = list(zip(texts, values, strict=True))
        stored = [(text.pk, text.content, value) for text, value in pairs if value is not None]
        cleared = [(text.pk, text.content) for text, value in pairs if value is None]
        written = iter(self._update.store(stored)), iter(self._update.clear(cleared))
        return [next(written[value is None]) for value in values]


class ColumnReader(SourceReader):
    """Sources in columns: the database renders the text."""

    def find_stale(self, rows: QuerySet[Any], most: int, *, any_space: bool) -> list[SourceText]:
        return self.read(rows.filter(self._stale(any_space))[:most])

    def count_stale(self, rows: QuerySet[Any], *, any_space: bool) -> int:
        return rows.filter(self._stale(any_space)).count()

    def _stale(self, any_space: bool) -> Q:
        # A StaleIndex knows nothing of spaces.
        return (freshness.stale if any_space else freshness.content_stale)(self.field)


class CallableReader(SourceReader):
    """A callable source: rows are rendered in Python."""

    def find_stale(self, rows: QuerySet[Any], most: int, *, any_space: bool) -> list[SourceText]:
        return list(islice(self._scanned(rows), most))

    def count_stale(self, rows: QuerySet[Any], *, any_space: bool) -> int:
        return sum(1 for _ in self._scanned(rows.order_by("pk")))

    def _scanned(self, rows: QuerySet[Any]) -> Iterator[SourceText]:
        """The stale ones of the rows, which are ordered by primary key, read chunk by chunk."""
        rows = freshness.renderable(rows, self.field)
        chunk = list(rows[:SCAN_CHUNK])
        while chunk:
            stale = (row for row in chunk if freshness.is_stale(self.field, row))
            yield from (text_of(self.field, row) for row in stale)
            chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:SCAN_CHUNK])


def source_reader(field: EmbeddingField, using: str) -> SourceReader:
    return (CallableReader if callable(field.source) else ColumnReader)(field, using)
