"""Batches of distinct texts, each with the rows that say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.sync.sources import SourceText

__all__ = ["Batch", "Packer", "Remembered"]

REMEMBERED = 1_000_000
"""Distinct texts of a run that are remembered, in about 200 bytes each."""


@dataclass(eq=False)
class Batch:
    """What is sent to an embedder at once: texts, and the rows that wait for their vectors."""

    rows: dict[str, list[SourceText]]
    failures: int = 0
    """Answers that it did not get."""
    failing_since: int = 0
    """Batches that the run had stored when the first of them failed to come."""

    @property
    def texts(self) -> list[str]:
        return list(self.rows)

    @property
    def all_rows(self) -> list[SourceText]:
        return [row for rows in self.rows.values() for row in rows]

    def halves(self) -> list[Batch]:
        """Two batches that have failed as often; the lists of rows are the very same."""
        texts = self.texts
        middle = len(texts) // 2
        return [
            replace(self, rows={text: self.rows[text] for text in half})
            for half in (texts[:middle], texts[middle:])
        ]


class Packer:
    """Packs rows into batches of at most `size` texts, each of which is one request.

    A row whose text waits in a batch already, sent or not, joins the rows of that text.
    """

    def __init__(self, embedder: BaseEmbedder, size: int) -> None:
        self.embedder = embedder
        self.size = size
        self._waiting: dict[str, list[SourceText]] = {}
        self._open: list[str] = []

    def pack(self, rows: Iterable[SourceText]) -> Iterator[Batch]:
        """Take in `rows`, and give the batches that are full now."""
        for row in rows:
            if row.text in self._waiting:
                self._waiting[row.text].append(row)
                continue
            self._waiting[row.text] = [row]
            self._open.append(row.text)
            if len(self._open) == self.size:
                yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """What is not full yet."""
        texts, self._open = self._open, []
        for request in self.embedder.batches(texts):
            yield Batch({text: self._waiting[text] for text in request})

    def forget(self, batch: Batch) -> None:
        """The batch is done with: no row can join it any more."""
        for text in batch.rows:
            del self._waiting[text]


class Remembered:
    """Where the vectors of this run's texts are stored, so that no text is paid for twice."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self.most = most
        self._keys: dict[bytes, Any] = {}

    def add(self, rows: Sequence[SourceText]) -> None:
        """The vectors of `rows` were stored."""
        for row in rows:
            self._keys[bytes.fromhex(row.content)] = row.pk
        while len(self._keys) > self.most:
            del self._keys[next(iter(self._keys))]

    def key_of(self, row: SourceText) -> Any:
        """Primary key of a row that got the vector of this row's text, or None."""
        return self._keys.get(bytes.fromhex(row.content))
