"""Generation: find stale rows, embed their texts, store the vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import of_other_space, of_unknown_origin
from hybrid_store.sync.sources import SourceReader, SourceText, source_reader
from hybrid_store.vectors import Vector

__all__ = ["Generation", "Report", "embed_row"]


@dataclass
class Report:
    """What a generation did, in rows."""

    embedded: int = 0
    cleared: int = 0
    changed: int = 0
    texts: int = 0
    embedded_keys: list[Any] = dataclass_field(default_factory=list)

    @property
    def done(self) -> int:
        """Rows dealt with, whatever came of them."""
        return self.embedded + self.cleared + self.changed


class Generation:
    """Embeds what is stale of one `EmbeddingField` in one database.

    Rows whose vector belongs to another space, or is of unknown origin, are left alone unless
    `replace_spaces`: somebody may have paid for them. `limit` is
    the most rows, `batch_size` the rows read, embedded and written at once (default: the
    embedder's). No transaction is open while the embedder works. A row that is edited or deleted
    while its text is embedded keeps what it has and stays stale.
    """

    def __init__(
        self,
        field: EmbeddingField,
        *,
        using: str = DEFAULT_DB_ALIAS,
        limit: int | None = None,
        batch_size: int | None = None,
        replace_spaces: bool = False,
    ) -> None:
        self.field = field
        self.reader: SourceReader = source_reader(field, using)
        self.limit = limit
        self.batch_size = batch_size or field.embedder.batch_size
        self.replace_spaces = replace_spaces

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """The rows to work on, sought anew by every evaluation where the source is in columns."""
        return self._sought()

    def left(self) -> int:
        """Rows that need work now, sought anew."""
        return self._sought().count()

    def _sought(self) -> QuerySet[Any]:
        stale = self.reader.stale()
        if self.replace_spaces:
            return stale
        return stale.exclude(of_other_space(self.field)).exclude(of_unknown_origin(self.field))

    def left_alone(self) -> tuple[int, int]:
        """Rows whose vector belongs to another space, and rows whose vector is of unknown origin,
        that are not replaced."""
        if self.replace_spaces:
            return 0, 0
        kinds = of_other_space(self.field), of_unknown_origin(self.field)
        other, unknown = (self.reader.rows.filter(kind).count() for kind in kinds)
        return other, unknown

    def run(self, stored: Callable[[Sequence[Any]], None] | None = None) -> Report:
        """Work through `rows`; `stored` is called with the keys of every batch written.

        An embedder's error ends the run; what was stored stays stored.
        """
        report = Report()
        for texts in self._batches():
            before = report.done
            self.process(texts, report)
            if stored is not None and report.done > before:
                stored(report.embedded_keys)
            report.embedded_keys = []
        return report

    def _batches(self) -> Iterator[list[SourceText]]:
        """Batches by primary key, so that rows that stay stale are not met again."""
        rows, left = self.rows.order_by("pk"), self.limit
        batch: list[SourceText] = []
        while left is None or left > 0:
            size = self.batch_size if left is None else min(self.batch_size, left)
            after = rows.filter(pk__gt=batch[-1].pk) if batch else rows
            batch = self.reader.read(after[:size])
            if not batch:
                return
            left = None if left is None else left - len(batch)
            yield batch

    def process(self, texts: list[SourceText], report: Report) -> None:
        """Embed and store one batch, adding to `report`."""
        vectors = self._embed(texts, report)
        values = [vectors.get(text.text) for text in texts]
        for text, value, kept in zip(texts, values, self.reader.store(texts, values), strict=True):
            if not kept:
                report.changed += 1
            elif value is None:
                report.cleared += 1
            else:
                report.embedded += 1
                report.embedded_keys.append(text.pk)

    def _embed(self, texts: list[SourceText], report: Report) -> dict[str, Vector]:
        """The vectors of the distinct texts that are not blank."""
        distinct = list(dict.fromkeys(text.text for text in texts if not text.is_blank))
        if not distinct:
            return {}
        report.texts += len(distinct)
        arrays = self.field.embedder.embed(distinct)
        return {text: Vector(array) for text, array in zip(distinct, arrays, strict=True)}


def embed_row(field: EmbeddingField, instance: Model, using: str) -> bool:
    """Embed one saved row if it is stale, and give the instance the stored pair."""
    generation = Generation(field, using=using)
    texts = generation.reader.read(generation.reader.stale(instance.pk))
    if not texts:
        return False
    report = Report()
    generation.process(texts, report)
    instance.refresh_from_db(using=using, fields=[field.attname, field.fingerprint_name])
    return bool(report.embedded)
