"""Storing what was embedded: leases, vectors and the record of the run in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime, timedelta

from django.db import transaction

from hybrid_store.sync.journal import Journal
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.report import Bill, Report, Written
from hybrid_store.sync.sources import SourceReader, SourceText
from hybrid_store.vectors import Vector

__all__ = ["Writer"]


class Writer:
    """Stores the vectors of one run, and adds them to its report.

    A vector is stored only if the run still holds the row's lease, and only if the row's text is
    still the one that was embedded. The transactions are short: no provider is called within them.
    """

    def __init__(
        self, reader: SourceReader, leases: Leases, journal: Journal, report: Report
    ) -> None:
        self.reader = reader
        self.leases = leases
        self.journal = journal
        self.report = report

    def write(self, rows: Sequence[SourceText], vectors: dict[str, Vector], bill: Bill) -> Written:
        """Store the vectors of the rows' texts; a row whose text has none is cleared."""
        with transaction.atomic(using=self.leases.using):
            held = self.leases.finish(row.pk for row in rows)
            mine = [row for row in rows if row.pk in held]
            kept = self.reader.store(mine, [vectors.get(row.text) for row in mine])
            there = [row for row, is_kept in zip(mine, kept, strict=True) if is_kept]
            stored = [row.pk for row in there if row.text in vectors]
            written = Written(
                stored, len(there) - len(stored), len(mine) - len(there), len(rows) - len(mine)
            )
            self._journal(lambda report: report.add(written, bill))
        self.report.add(written, bill)
        return written

    def set_aside(
        self, rows: Sequence[SourceText], reason: str, wait: timedelta | None
    ) -> datetime | None:
        """Write down that the rows cannot be embedded; returns when they are tried again."""
        keys = [row.pk for row in rows]
        with transaction.atomic(using=self.leases.using):
            next_try = self.leases.fail(keys, reason, wait)
            self._journal(lambda report: report.add_failed(keys, reason))
        self.report.add_failed(keys, reason)
        return next_try

    def _journal(self, change: Callable[[Report], None]) -> None:
        """Write down the report as it will be: it changes only when the transaction is committed,
        which may have to be repeated."""
        report = deepcopy(self.report)
        change(report)
        self.journal.update(report)
