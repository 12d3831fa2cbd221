"""`Collection`: the documents in a queryset, read, searched, written and deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from hybrid_store.contrib.retrieval.filters import Filter, where
from hybrid_store.contrib.retrieval.layout import Layout, Record, layout
from hybrid_store.contrib.retrieval.many import among
from hybrid_store.contrib.retrieval.places import write_alias
from hybrid_store.contrib.retrieval.room import is_storable
from hybrid_store.contrib.retrieval.searching import Hit, Question, Searching
from hybrid_store.contrib.retrieval.writing import Conflict, Writing
from hybrid_store.models.embedding import EmbeddingField

__all__ = ["Collection", "Hit", "Question", "collection"]

# Rows that are in memory at a time.
CHUNK = 500


@dataclass(frozen=True)
class Collection:
    """Nothing in it leaves its queryset: rows that are not there are neither found nor changed.

    Rows that are written get `defaults`, by which they are there, and are refused where they are
    not. `embedded_by` says whose vectors are written, as for `bulk_ingest`.
    """

    queryset: QuerySet[Any]
    layout: Layout
    defaults: dict[str, Any] = field(default_factory=dict)
    embedded_by: str | None = None

    # Read

    def rows(self, given: Filter | None = None) -> QuerySet[Any]:
        """Those for which a filter holds, each once; raises `FilterError`."""
        if given is None:
            return self.queryset.all()
        condition = where(given, self.layout)
        if not self.layout.reads_others:
            return self.queryset.filter(condition)
        # A condition on related rows would give a row as often as it holds.
        found = self.queryset.model._base_manager.filter(condition).values("pk")
        return self.queryset.filter(pk__in=found)

    def records(self, rows: QuerySet[Any], *, with_embeddings: bool = False) -> Iterator[Record]:
        return map(
            self.layout.record, rows.values(*self.layout.read(with_embedding=with_embeddings))
        )

    def metadata(self, rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
        """That of rows, however many they are."""
        names = {*filter(None, [self.layout.metadata]), *self.layout.fields.values()}
        found = rows.values("pk", *names).iterator(chunk_size=CHUNK)
        return map(self.layout.metadata_of, found)

    def by_key(self, keys: Iterable[str], *, with_embeddings: bool = False) -> dict[str, Record]:
        """Those that are there."""
        found = self.records(self.rows_by_key(keys), with_embeddings=with_embeddings)
        return {record.key: record for record in found}

    def within(
        self, keys: Iterable[str] | None = None, sources: Iterable[str] | None = None
    ) -> Collection:
        """Only the documents with these keys, and of these sources; None stands for all of them.

        Raises `DocumentError` for sources where the model has none.
        """
        if keys is None and sources is None:
            return self
        rows = self.queryset if keys is None else self.rows_by_key(keys)
        if sources is not None:
            # What has no source is a part of nothing.
            known = [source for source in sources if source and is_storable(source)]
            rows = rows.filter(among(self.layout.source_name, known))
        return replace(self, queryset=rows)

    def rows_by_key(self, keys: Iterable[str]) -> QuerySet[Any]:
        values = [value for key in keys if (value := self.layout.value_of(key)) is not None]
        return self.queryset.filter(among(self.layout.key, values))

    def search(self, question: Question, *, with_embeddings: bool = False) -> list[Hit]:
        """The best documents; raises subclasses of `SearchError`."""
        if question.count < 1:
            return []
        return self._searching.hits(self.rows(question.filter), question, with_embeddings)

    @cached_property
    def _searching(self) -> Searching:
        return Searching(self.layout)

    # Write

    def write(self, records: Sequence[Record], conflict: Conflict = Conflict.REPLACE) -> list[str]:
        """The keys of those written, all or none; see `Writing`."""
        return self._writing.write(records, conflict)

    def merge(self, rows: QuerySet[Any], changes: Mapping[str, Any]) -> int:
        """How many documents got metadata besides what they have, of rows of this collection."""
        return self._writing.merge(rows, changes)

    def delete(self, rows: QuerySet[Any]) -> int:
        """How many documents were deleted, of rows of this collection."""
        chosen = rows.using(write_alias(rows))
        # A queryset that is sliced, distinct or ranked is none that can be deleted.
        found = chosen.model._base_manager.using(chosen.db).filter(pk__in=chosen.values("pk"))
        _, counts = found.delete()
        return int(counts.get(rows.model._meta.label, 0))

    @property
    def _writing(self) -> Writing:
        return Writing(self.queryset, self.layout, self.defaults, self.embedded_by)

    # Embed

    @property
    def embedder(self) -> Any:
        """That of the embedding; None where it has none of its own."""
        vector = self.layout.vector
        return vector.embedder if isinstance(vector, EmbeddingField) else None


def collection(
    queryset: QuerySet[Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    embedded_by: str | None = None,
    **names: Any,
) -> Collection:
    """The documents in a queryset; `names` are those of fields, see `layout`."""
    return Collection(queryset, layout(queryset.model, **names), dict(defaults or {}), embedded_by)
