"""One run of generation: claim rows, send their texts, store the vectors.

The thread that calls `Run.go` is the only one that touches the database. Between its short
statements and transactions no connection is in use, however long a provider takes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import Error as AnyDatabaseError

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.sync.announcing import Announcer
from hybrid_store.sync.batches import Batch, Packer
from hybrid_store.sync.calls import Answered, call, executor
from hybrid_store.sync.failures import Failures
from hybrid_store.sync.finding import Finder
from hybrid_store.sync.forgetting import forget_settled
from hybrid_store.sync.intake import Intake
from hybrid_store.sync.journal import Journal
from hybrid_store.sync.patience import Patience
from hybrid_store.sync.report import Report
from hybrid_store.sync.settling import Settler
from hybrid_store.sync.throttle import Throttle
from hybrid_store.sync.writing import Writer

__all__ = ["Run", "RunOptions"]

RENEWALS = 3
"""How often a lease is renewed before it would end."""
MOST_READY = 3
"""Batches a worker that are kept ready at most, unless one has to be divided."""
POLL_SECONDS = 0.5
"""Between looks at the rows that other runs hold."""


@dataclass(frozen=True)
class RunOptions:
    """How a run goes about its work; see `Generation`."""

    workers: int
    batch_size: int
    limit: int | None
    max_cost: float | None
    patience: float
    database_patience: float
    wait_for_others: bool


class Run:
    """Works through what a `Finder` finds."""

    def __init__(
        self,
        finder: Finder,
        options: RunOptions,
        stop: threading.Event,
        stored: Callable[[Sequence[Any]], None] | None = None,
    ) -> None:
        self.finder = finder
        self.options = options
        self.stop = stop
        self.leases = finder.leases
        self.embedder: BaseEmbedder = finder.field.embedder
        self.report = Report()
        self.patience = Patience(self.leases.using, options.database_patience)
        self.announcer = Announcer(finder.field, self.leases.using, stored)
        self.journal = Journal(finder.field, self.leases, self.report)
        self.throttle = Throttle(options.workers, options.patience)
        packer = Packer(self.embedder, options.batch_size)
        self.settler = Settler(
            Writer(finder.reader, self.leases, self.journal, self.report),
            packer,
            Failures(self.throttle),
            self.patience,
            self.announcer,
        )
        chunk = options.batch_size * options.workers
        self.intake = Intake(finder, packer, self.settler, chunk, options.limit)
        self.executor = executor(options.workers)
        self.ready = self.settler.ready
        self.flying: dict[Future[Answered], Batch] = {}
        self._renewed = time.monotonic()
        self._met_others = self._walked_again = False
        self._walk()

    def go(self) -> Report:
        """Work until nothing is left or something stops the run.

        Raises what stopped it, after everything that was paid for is stored and all leases are
        given back.
        """
        try:
            while not self._is_over():
                self._fill()
                self._dispatch()
                self._settle()
                self._renew()
        except BaseException as error:
            self._abandon(error)
            raise
        self._end()
        if self.settler.error is not None:
            raise self.settler.error
        return self.report

    # Over?

    @property
    def _stopping(self) -> bool:
        return self.settler.error is not None or self.stop.is_set() or self.report.too_dear

    def _is_over(self) -> bool:
        if self.flying:
            return False
        if self._stopping:
            return True
        return self._exhausted and not self.ready and not self._others_left_work()

    def _others_left_work(self) -> bool:
        """Wait for rows in the hands of others; True if another walk may find some of them.

        Also of runs that died or gave up meanwhile: their rows were passed by. Runs that only met
        walk once more, not for as long as somebody edits rows.
        """
        if not self.options.wait_for_others or self.intake.left is not None:
            return False
        deadline = time.monotonic() + self.leases.duration.total_seconds() + POLL_SECONDS
        while (held := self._look_for_others()) and time.monotonic() < deadline:
            if self.stop.wait(POLL_SECONDS):
                return False
        ended = self.patience(self.leases.give_back_ended)
        if not ended and (held or self._walked_again or not self._met_others):
            return False
        self._walked_again = True
        self._walk()
        return True

    def _look_for_others(self) -> int:
        held = self.patience(self.leases.elsewhere)
        self._met_others = self._met_others or held > 0
        return held

    # Taking in

    def _walk(self) -> None:
        self._batches = self.intake.batches()
        self._exhausted = False

    def _has_room(self) -> bool:
        """A batch a worker is kept ready, so that none waits for the database, and one more; also
        beside those that have failed, of which there may be many."""
        untried = sum(not batch.failures for batch in self.ready)
        workers = self.options.workers
        has_room = untried <= workers and len(self.ready) <= MOST_READY * workers
        return has_room and not (self._exhausted or self._stopping)

    def _fill(self) -> None:
        while self._has_room():
            if self.options.wait_for_others and not self._met_others:
                self._look_for_others()
            try:
                batch = next(self._batches)
            except StopIteration:
                self._exhausted = True
                return
            if batch is None:
                return
            self.ready.append(batch)

    # Sending

    def _dispatch(self) -> None:
        while self.ready and not self._stopping and self.throttle.allows(len(self.flying)):
            batch = self._next()
            if self._is_too_dear(batch):
                self.ready.appendleft(batch)
                self.report.too_dear = True
                return
            self.patience(self.journal.begin)
            self.flying[self.executor.submit(call, self.embedder.alias, batch)] = batch

    def _next(self) -> Batch:
        """The first batch that is ready. Where it has failed, and none has succeeded since, one
        that was not tried goes before: that tells whose fault it is."""
        first = self.ready[0]
        if self.settler.failures.none_better(first):
            first = next((batch for batch in self.ready if not batch.failures), first)
        self.ready.remove(first)
        return first

    def _is_too_dear(self, batch: Batch) -> bool:
        if self.options.max_cost is None:
            return False
        texts = [text for sent in (*self.flying.values(), batch) for text in sent.rows]
        coming = self.embedder.cost(sum(self.embedder.count_tokens(texts)))
        return (self.report.cost or 0.0) + (coming or 0.0) > self.options.max_cost

    def _settle(self) -> None:
        """Take in the answers that have come; wait for one where there is nothing else to do."""
        timeout = 0.0 if self._has_room() else self._time_to_wait()
        if not self.flying:
            if self.ready and not self._stopping:
                self.stop.wait(timeout)
            return
        done, _ = wait(self.flying, timeout, FIRST_COMPLETED)
        for future in done:
            del self.flying[future]
            self.settler.settle(future.result())

    def _time_to_wait(self) -> float:
        closed = self.throttle.seconds_closed
        renewal = self.leases.duration.total_seconds() / RENEWALS
        waits_for_throttle = self.ready and (closed or not self.flying)
        return min(closed, renewal) if waits_for_throttle else renewal

    # Keeping and giving back leases

    def _renew(self) -> None:
        interval = self.leases.duration.total_seconds() / RENEWALS
        if time.monotonic() - self._renewed > interval:
            self.patience(self.leases.renew)
            self._renewed = time.monotonic()

    def _end(self) -> None:
        self.report.interrupted = self.stop.is_set()
        self.patience(self.leases.release)
        self.patience(self.leases.give_back_ended)
        self.report.elsewhere = self.patience(self.leases.elsewhere)
        self.patience(partial(forget_settled, self.finder.reader, self.leases))
        self.patience(lambda: self.journal.end(self.settler.error))
        self.announcer.finished(self.report)

    def _abandon(self, error: BaseException) -> None:
        """The database is gone, or somebody is in a hurry: give back what can be given back."""
        with suppress(AnyDatabaseError):
            self.leases.release()
            self.journal.end(error)
