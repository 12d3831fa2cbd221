"""Generation: find stale rows, embed their texts, store the vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.sync.finding import Finder
from hybrid_store.sync.leases import Leases, configured_seconds
from hybrid_store.sync.patience import DATABASE_PATIENCE
from hybrid_store.sync.report import Estimate, Report
from hybrid_store.sync.run import Run, RunOptions
from hybrid_store.sync.sources import source_reader
from hybrid_store.vectors import Vector

__all__ = ["PATIENCE", "Generation", "embed_rows"]

CHUNK = 1000
PATIENCE = 300.0
"""Seconds for which a provider may do nothing but fail before a run gives up."""


class Generation:
    """Embeds what is stale of one `EmbeddingField` in one database.

    Rows whose vector belongs to another space, or is of unknown origin, are left alone unless
    `replace_spaces`: somebody may have paid for them. So are rows that failed, until their time
    comes or their text changes, unless `retry_failed`.

    `workers` is how many calls are made at once, `batch_size` the most texts of a call (defaults:
    the embedder's); `limit` the most rows; `max_cost` what may be spent, in the currency of the
    embedder's PRICE. `patience` is how many seconds an unavailable provider is waited for,
    `database_patience` a database, `lease_seconds` how long the rows of a process that died wait
    (default: as the settings say). With `wait_for_others`, rows that another run holds at the end
    are waited for, up to that time. With `keys`, only rows with one of these primary keys are
    embedded.

    Any number of generations may run at once, in any number of processes. No connection is held
    while an embedder works. A row that is edited or deleted meanwhile keeps what it has and stays
    stale. A text that cannot be embedded is set aside with the reason, and the others go on.
    """

    def __init__(
        self,
        field: EmbeddingField,
        *,
        using: str = DEFAULT_DB_ALIAS,
        workers: int | None = None,
        batch_size: int | None = None,
        limit: int | None = None,
        max_cost: float | None = None,
        replace_spaces: bool = False,
        retry_failed: bool = False,
        wait_for_others: bool = False,
        patience: float = PATIENCE,
        database_patience: float = DATABASE_PATIENCE,
        lease_seconds: float | None = None,
        keys: Sequence[Any] | None = None,
    ) -> None:
        embedder = field.embedder
        if max_cost is not None and embedder.price is None:
            raise embedder.invalid("a run's cost can only be limited with a PRICE: set it.")
        self.field = field
        self.using = using
        self.limit = limit
        self.lease_seconds = configured_seconds() if lease_seconds is None else lease_seconds
        self.replace_spaces = replace_spaces
        self.retry_failed = retry_failed
        self.keys = keys
        self.reader = source_reader(field, using)
        self.options = RunOptions(
            workers=workers or embedder.workers,
            batch_size=batch_size or embedder.batch_size,
            limit=limit,
            max_cost=max_cost,
            patience=patience,
            database_patience=database_patience,
            wait_for_others=wait_for_others,
        )
        self._stop = threading.Event()

    def _finder(self) -> Finder:
        return Finder(
            self.reader,
            Leases(self.field, self.using, self.lease_seconds),
            replace_spaces=self.replace_spaces,
            retry_failed=self.retry_failed,
            keys=self.keys,
        )

    def left(self) -> int:
        """Rows that need work now and that no other run holds."""
        return self._finder().count()

    def left_alone(self) -> tuple[int, int]:
        """Rows whose vector belongs to another space, and rows whose vector is of unknown origin,
        that are not replaced."""
        return self._finder().left_alone()

    def run(self, stored: Callable[[Sequence[Any]], None] | None = None) -> Report:
        """Embed what is stale; `stored` is called with the keys of every batch written.

        Raises the `EmbedderError` that stops a run: a key that is refused, an exhausted quota, a
        provider that stays away. What was stored stays stored.
        """
        self._stop.clear()
        return Run(self._finder(), self.options, self._stop, stored).go()

    def stop(self) -> None:
        """End a run in order, from another thread or a signal handler: calls that are being made
        are waited for, and their vectors stored."""
        self._stop.set()

    def estimate(self) -> Estimate:
        """What a run would do; reads the texts of all stale rows and calls nobody."""
        finder, embedder = self._finder(), self.field.embedder
        estimate, seen = Estimate(), set[str]()
        for rows in finder.chunks(CHUNK, self.limit):
            estimate.rows += len(rows)
            estimate.blank += sum(row.is_blank for row in rows)
            fresh = {row.content: row.text for row in rows if not row.is_blank}
            texts = [text for content, text in fresh.items() if content not in seen]
            seen.update(fresh)
            estimate.add_texts(embedder.count_tokens(texts), embedder.max_tokens)
        estimate.cost = embedder.cost(estimate.tokens)
        return estimate


def embed_rows(field: EmbeddingField, using: str, **conditions: Any) -> int:
    """Embed the rows, saved just now, that fulfil the conditions, as far as they are stale; returns
    how many vectors were stored or cleared.

    No lease is taken: whoever holds one of a row may be embedding an older text.
    """
    reader = source_reader(field, using)
    texts = reader.read(reader.stale(**conditions))
    if not texts:
        return 0
    said = list(dict.fromkeys(text.text for text in texts if not text.is_blank))
    embedded = field.embedder.embed(said) if said else ()
    vectors = dict(zip(said, map(Vector, embedded), strict=True))
    return sum(reader.store(texts, [vectors.get(text.text) for text in texts]))
