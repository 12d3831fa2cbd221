"""What generation has written down: rows that failed, and how the last runs ended."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import Count, QuerySet

from hybrid_store.management.base import counted
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.redaction import redacted
from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.states import database_now, failed_rows, records
from hybrid_store.models.work import EmbeddingRun, EmbeddingWork

__all__ = ["examine"]

# Reasons that are told, and keys of each.
MOST_REASONS = 5
MOST_KEYS = 3
REASON, COUNT = "_hybrid_store_reason", "_hybrid_store_count"
RECORDS = (EmbeddingRun, EmbeddingWork)
Outcome = EmbeddingRun.Outcome
# How a run goes whose record says that it goes on.
GOING_ON, KILLED = "going on", "killed"


def examine(case: Case) -> Iterator[Finding]:
    if not {model._meta.db_table for model in RECORDS} <= case.tables:
        return
    for field in (field for field in case.fields if field.model in case.models):
        yield from case.ask(f"failures of {field.label}", partial(_failures, field, case.using))
        yield from case.ask(f"last run of {field.label}", partial(_last_run, field, case.using))


def _failures(field: EmbeddingField, using: str) -> Iterator[Finding]:
    """One for each reason, the most frequent first."""
    if not records(field).using(using).filter(failed_at__isnull=False).exists():
        return
    rows = failed_rows(field.model._base_manager.using(using), field, reason_as=REASON).order_by()
    reasons = rows.values(REASON).annotate(**{COUNT: Count("pk")}).order_by(f"-{COUNT}", REASON)
    for found in reasons[:MOST_REASONS]:
        reason, count = found[REASON], found[COUNT]
        detail = f"{counted(count)} ({_keys(rows, reason)}) could not be embedded: {reason}"
        fix = (
            f"Mend the cause, then run manage.py generate_embeddings {field.label} --retry-failed."
        )
        yield Finding(False, f"failures of {field.label}", redacted(detail), fix)


def _keys(rows: QuerySet[Any], reason: str) -> str:
    """Some primary keys of rows that failed for a reason."""
    keys = rows.filter(**{REASON: reason}).order_by("pk").values_list("pk", flat=True)
    shown = [str(key) for key in keys[: MOST_KEYS + 1]]
    more = ", ..." if len(shown) > MOST_KEYS else ""
    return f"{', '.join(shown[:MOST_KEYS])}{more}"


def _last_run(field: EmbeddingField, using: str) -> Iterator[Finding]:
    """How it ended matters while rows are stale: a run that finds none leaves no record."""
    runs = EmbeddingRun.objects.using(using).filter(model=field.model._meta.label, field=field.name)
    run = runs.order_by("-started_at").first()
    if run is None:
        return
    outcome = _outcome(run, field, using)
    detail = f"began {run.started_at:%Y-%m-%d %H:%M}, {outcome}: {counted(run.rows)} embedded"
    detail += f", {run.failed} failed" if run.failed else ""
    detail += f"; {run.reason}" if run.reason else ""
    rows = field.model._base_manager.using(using)
    is_over = outcome not in (Outcome.FINISHED.label, GOING_ON)
    is_left = is_over and freshness.stale_rows(rows, field).exists()
    fix = f"Run manage.py generate_embeddings {field.label}: it goes on from there."
    yield Finding(True, f"last run of {field.label}", redacted(detail), fix if is_left else "")


def _outcome(run: EmbeddingRun, field: EmbeddingField, using: str) -> str:
    """A run that holds no lease any more has been killed."""
    if run.outcome != Outcome.RUNNING:
        return str(Outcome(run.outcome).label)
    held = records(field).using(using).filter(token=run.token, lease_until__gt=database_now(using))
    return GOING_ON if held.exists() else KILLED
