"""Splitting: make the passages of every text that has others than its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from hybrid_store.models.chunks import PARENT, Chunking
from hybrid_store.models.embedding import embedding_fields
from hybrid_store.models.unsplit import is_unsplit, rows_of, unsplit
from hybrid_store.sync.generation import embed_rows
from hybrid_store.sync.passages import PassageWriter, Written
from hybrid_store.sync.patience import DATABASE_PATIENCE, Patience
from hybrid_store.sync.sources import SourceText, read_texts, text_of

__all__ = ["SplitEstimate", "SplitReport", "Splitting", "split_and_embed"]

FIRST_BATCH = 16
MOST_ROWS = 500
MOST_CHARACTERS = 4_000_000
"""Rows that are read and written at once: as many as have about so many characters."""
SCAN_CHUNK = 500


@dataclass
class SplitReport:
    """What a splitting did, in rows of the parent; and in passages."""

    rows: int = 0
    """Whose passages were made or brought up to date, those without text included."""
    changed: int = 0
    """Edited or deleted while they were split; what is there still is unsplit."""
    added: int = 0
    kept: int = 0
    """Passages whose text is in the new text as well: they keep their vectors."""
    removed: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    def add(self, written: Written) -> None:
        self.rows += written.rows
        self.changed += written.changed
        self.added += written.added
        self.kept += written.kept
        self.removed += written.removed


@dataclass
class SplitEstimate:
    """What a splitting would do: rows of the parent, their passages, and those to be embedded,
    with their tokens and what these would cost."""

    rows: int = 0
    passages: int = 0
    added: int = 0
    tokens: int = 0
    cost: float | None = None


class Splitting:
    """Makes the passages of one `Chunking` those of the texts as they are now, in one database.

    Passages whose text is still there stay the rows that they are, with their vectors. Any number
    of splittings may run at once, and be ended at any moment: those of a row are written in one
    transaction, which locks the row, and only if its text is still the one that was split. Nothing
    is held while a text is split. `database_patience` is how many seconds a database that is away
    is waited for.
    """

    def __init__(
        self,
        chunking: Chunking,
        *,
        using: str = DEFAULT_DB_ALIAS,
        database_patience: float = DATABASE_PATIENCE,
    ) -> None:
        self.chunking = chunking
        self.using = using
        self.text = chunking.text
        self.parents: QuerySet[Any] = self.text.model._base_manager.using(using)
        self.writer = PassageWriter(chunking, using)
        self.patience = Patience(using, database_patience)
        self._stop = threading.Event()

    def left(self) -> int:
        """Rows that have other passages than those of their text."""
        return unsplit(self.parents, self.chunking).count()

    def run(
        self,
        written: Callable[[Sequence[Any]], None] | None = None,
        *,
        keys: Sequence[Any] | None = None,
    ) -> SplitReport:
        """Split what is not split; `written` is called with the keys of the rows of every batch.

        With `keys`, only rows that have these primary keys. Raises `ChunkingError` and
        `MissingExtraError`; what was written stays written.
        """
        self._stop.clear()
        report, started = SplitReport(), time.monotonic()
        for texts in self._batches(keys):
            split = [(text, self.chunking.split(text.text)) for text in texts]
            report.add(self.patience(partial(self.writer.write, split)))
            if written is not None:
                written([text.pk for text in texts])
            if self._stop.is_set():
                report.interrupted = True
                break
        report.seconds = time.monotonic() - started
        return report

    def stop(self) -> None:
        """End a run after the batch that it is at, from another thread or a signal handler."""
        self._stop.set()

    def estimate(self) -> SplitEstimate:
        """What a run would do; reads the texts, splits them and writes nothing."""
        estimate = SplitEstimate()
        for texts in self._batches(None):
            split = [(text, self.chunking.split(text.text)) for text in texts]
            added = self.writer.added(split)
            estimate.rows += len(texts)
            estimate.passages += sum(len(pieces) for _, pieces in split)
            estimate.added += len(added)
            estimate.tokens += sum(self.chunking.count_tokens(piece.text) for piece in added)
        costs = [embedder.cost(estimate.tokens) for embedder in self.chunking.embedders]
        if costs and None not in costs:
            estimate.cost = sum(filter(None, costs))
        return estimate

    def _batches(self, keys: Sequence[Any] | None) -> Iterator[list[SourceText]]:
        """The rows to split with their texts, by primary key. A row that is edited meanwhile is
        not met again."""
        rows = self.parents if keys is None else self.parents.filter(pk__in=keys)
        size, after = FIRST_BATCH, None
        while True:
            ahead = rows if after is None else rows.filter(pk__gt=after)
            found = self.patience(partial(self._find, ahead.order_by("pk"), size))
            if not found:
                return
            yield found
            after = found[-1].pk
            characters = sum(len(text.text) for text in found)
            size = min(MOST_ROWS, 1 + MOST_CHARACTERS * len(found) // (characters + 1))

    def _find(self, rows: QuerySet[Any], size: int) -> list[SourceText]:
        if callable(self.text.source):
            return list(islice(self._scanned(rows), size))
        return read_texts(self.text, unsplit(rows, self.chunking)[:size])

    def _scanned(self, rows: QuerySet[Any]) -> Iterator[SourceText]:
        """Those that a callable source says something else of than their passages."""
        rows = rows_of(rows, self.chunking)
        chunk = list(rows[:SCAN_CHUNK])
        while chunk:
            due = (row for row in chunk if is_unsplit(self.chunking, row))
            yield from (text_of(self.text, row) for row in due)
            chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:SCAN_CHUNK])


def split_and_embed(chunking: Chunking, pk: Any, using: str) -> None:
    """Split one row, saved just now, and embed its passages, as far as there is a need."""
    Splitting(chunking, using=using).run(keys=[pk])
    for field in embedding_fields(chunking.model):
        embed_rows(field, using, **{PARENT: pk})
