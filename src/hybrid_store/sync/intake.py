"""Taking in work: rows are found, claimed, and packed into batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from hybrid_store.sync.batches import Batch, Packer
from hybrid_store.sync.finding import Finder
from hybrid_store.sync.settling import Settler
from hybrid_store.sync.sources import SourceText
from hybrid_store.vectors import Vector

__all__ = ["Intake"]


class Intake:
    """The batches of a run, made as they are asked for.

    Rows that need no embedder, because they have no text or one that this run has embedded before,
    are written at once. `chunk` rows are read and claimed at a time: the fewer, the less can be
    edited before it is embedded.
    """

    def __init__(
        self, finder: Finder, packer: Packer, settler: Settler, chunk: int, limit: int | None
    ) -> None:
        self.finder = finder
        self.packer = packer
        self.settler = settler
        self.patience = settler.patience
        self.chunk = chunk
        self.left = limit

    def batches(self) -> Iterator[Batch | None]:
        """Batches of one walk over the table; None where a look at the clock may be due."""
        last: Any = None
        while self.left != 0:
            size = self.chunk if self.left is None else min(self.chunk, self.left)
            found = self.patience(partial(self.finder.chunk, last, size))
            if not found:
                break
            last = found[-1].pk
            yield from self.packer.pack(self._unembedded(self._claimed(found)))
            yield None
        yield from self.packer.rest()

    def _claimed(self, found: list[SourceText]) -> list[SourceText]:
        leases, again = self.finder.leases, self.finder.retry_failed
        rows = self.patience(partial(leases.claim, found, retry_failed=again))
        rows = self.patience(partial(self._still_due, rows))
        if self.left is not None:
            self.left -= len(rows)
        return rows

    def _still_due(self, rows: list[SourceText]) -> list[SourceText]:
        """Without those that another run has embedded and given back before they were claimed."""
        field, keys = self.finder.field, [row.pk for row in rows]
        embedded = self.finder.reader.rows.filter(pk__in=keys, **{f"{field.name}__isnull": False})
        marks = dict(embedded.values_list("pk", field.fingerprint_name))
        done = {row.pk for row in rows if marks.get(row.pk) == field.space_prefix + row.content}
        if done:
            self.finder.leases.finish(done)
        return [row for row in rows if row.pk not in done]

    def _unembedded(self, rows: list[SourceText]) -> list[SourceText]:
        """The rows that are left when those are written that need no embedder."""
        blank = [row for row in rows if row.is_blank]
        if blank:
            self.settler.write_now(blank, {})
        rows = [row for row in rows if not row.is_blank]
        repeated = [row for row in rows if self.settler.remembered.key_of(row) is not None]
        if not repeated:
            return rows
        vectors = self.patience(partial(self._stored_vectors, repeated))
        copied = [row for row in repeated if row.text in vectors]
        if copied:
            self.settler.write_now(copied, vectors)
        done = {row.pk for row in copied}
        return [row for row in rows if row.pk not in done]

    def _stored_vectors(self, rows: list[SourceText]) -> dict[str, Vector]:
        """The vectors of texts that this run has embedded, where they are still in the table."""
        reader, field = self.finder.reader, self.finder.field
        texts = {field.space_prefix + row.content: row.text for row in rows}
        keys = {self.settler.remembered.key_of(row) for row in rows}
        stored = reader.rows.filter(pk__in=keys).values_list(field.fingerprint_name, field.attname)
        return {texts[mark]: vector for mark, vector in stored if mark in texts}
