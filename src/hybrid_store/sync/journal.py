"""The record of a run: what it did and what it cost, kept up to date while it goes on."""

from __future__ import annotations

import time

from django.db import models

from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.work import EmbeddingRun
from hybrid_store.sync.failures import reason_of
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.report import Report

__all__ = ["Journal"]

Outcome = EmbeddingRun.Outcome


class Journal:
    """Writes one run down. Runs that find nothing to do leave no record."""

    def __init__(self, field: EmbeddingField, leases: Leases, report: Report) -> None:
        self.field = field
        self.leases = leases
        self.report = report
        self.started = time.monotonic()
        self._begun = False

    @property
    def _record(self) -> models.QuerySet[EmbeddingRun]:
        return EmbeddingRun.objects.using(self.leases.using).filter(token=self.leases.token)

    def begin(self) -> None:
        """The first rows were found."""
        if not self._begun:
            EmbeddingRun.objects.using(self.leases.using).get_or_create(
                token=self.leases.token,
                defaults={
                    "model": self.field.model._meta.label,
                    "field": self.field.name,
                    "space": self.field.space,
                    "started_at": self.leases.now(),
                },
            )
            self._begun = True

    def update(self, report: Report, **changes: str) -> None:
        """Write down how far the run is; belongs into the transaction that stores vectors."""
        self._record.update(
            rows=report.embedded + report.cleared,
            failed=report.failed,
            texts=report.texts,
            tokens=report.tokens,
            cost=report.cost,
            seconds=self.seconds,
            **changes,
        )

    def end(self, error: BaseException | None) -> None:
        self.report.seconds = self.seconds
        if not self._begun:
            return
        if error is not None:
            self.update(self.report, outcome=Outcome.STOPPED, reason=reason_of(error))
        else:
            interrupted = self.report.interrupted
            outcome = Outcome.INTERRUPTED if interrupted else Outcome.FINISHED
            self.update(self.report, outcome=outcome)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started
