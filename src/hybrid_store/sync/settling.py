"""What becomes of a batch when its answer is there, or does not come."""

from __future__ import annotations

from collections import deque
from functools import partial

from hybrid_store.embedders.answers import Embedded
from hybrid_store.sync.announcing import Announcer
from hybrid_store.sync.batches import Batch, Packer, Remembered
from hybrid_store.sync.calls import Answered
from hybrid_store.sync.failures import Decision, Failures, reason_of
from hybrid_store.sync.patience import Patience
from hybrid_store.sync.report import Bill
from hybrid_store.sync.sources import SourceText
from hybrid_store.sync.writing import Writer
from hybrid_store.vectors import Vector

__all__ = ["Settler"]


class Settler:
    """Stores answers, and decides with `Failures` about batches that got none.

    `ready` are the batches to be sent; `error` is what the run has to be stopped with, if anything.
    """

    def __init__(
        self,
        writer: Writer,
        packer: Packer,
        failures: Failures,
        patience: Patience,
        announcer: Announcer,
    ) -> None:
        self.writer = writer
        self.packer = packer
        self.failures = failures
        self.patience = patience
        self.announcer = announcer
        self.ready: deque[Batch] = deque()
        self.remembered = Remembered()
        self.error: Exception | None = None

    def settle(self, answered: Answered) -> None:
        """Deal with one answer. A batch that has to be sent again goes back into `ready`."""
        if isinstance(answered.outcome, Exception):
            self._failed(answered.batch, answered.outcome)
        else:
            self._store(answered.batch, answered.outcome, answered.seconds)

    def write_now(self, rows: list[SourceText], vectors: dict[str, Vector]) -> None:
        """Write rows that nothing was paid for."""
        self._write(rows, vectors, Bill(), 0.0)

    def _store(self, batch: Batch, answer: Embedded, seconds: float) -> None:
        embedder = self.packer.embedder
        vectors = dict(zip(batch.rows, map(Vector, answer.vectors), strict=True))
        bill = Bill(len(vectors), answer.tokens, embedder.cost(answer.tokens))
        self._write(batch.all_rows, vectors, bill, seconds)
        self.packer.forget(batch)
        self.failures.succeeded()
        self._tell_of_truncated(batch, answer.truncated)

    def _failed(self, batch: Batch, error: Exception) -> None:
        decision = self.failures.decide(batch, error)
        if decision is Decision.REPEAT:
            # Behind the others: whether these succeed tells whose fault it is.
            self.ready.append(batch)
        elif decision is Decision.SPLIT:
            self.ready.extendleft(reversed(batch.halves()))
        elif decision is Decision.SET_ASIDE:
            self._set_aside(batch, error)
        else:
            self.error = self.error or error

    def _set_aside(self, batch: Batch, error: Exception) -> None:
        rows, reason = batch.all_rows, reason_of(error)
        wait = self.failures.wait_before_next_try(error)
        next_try = self.patience(partial(self.writer.set_aside, rows, reason, wait))
        self.packer.forget(batch)
        self.announcer.failed([row.pk for row in rows], reason, next_try)
        self.error = self.error or self.failures.set_aside(batch, error)

    def _write(
        self, rows: list[SourceText], vectors: dict[str, Vector], bill: Bill, seconds: float
    ) -> None:
        self.patience(self.writer.journal.begin)
        written = self.patience(partial(self.writer.write, rows, vectors, bill))
        stored = set(written.stored)
        self.remembered.add([row for row in rows if row.pk in stored])
        self.announcer.stored(written.stored, bill, seconds)

    def _tell_of_truncated(self, batch: Batch, positions: tuple[int, ...]) -> None:
        if not positions:
            return
        texts = batch.texts
        keys = [row.pk for place in positions for row in batch.rows[texts[place]]]
        self.writer.report.truncated += len(keys)
        self.announcer.truncated(keys, self.packer.embedder.max_tokens)
