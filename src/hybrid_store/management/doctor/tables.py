"""The tables of vectors: their size, who may write them, and what updates cost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db.models import Model

from hybrid_store.management.base import counted
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.management.doctor.sizes import size

__all__ = ["examine"]


def examine(case: Case) -> Iterator[Finding]:
    for model in case.models:
        subject = f"table {model._meta.db_table}"
        yield from case.ask(subject, partial(_table, case, model, subject))


def _table(case: Case, model: type[Model], subject: str) -> Iterator[Finding]:
    for ailment in case.ops.ailments(model):
        yield Finding(ailment.slow, ailment.subject, ailment.detail, ailment.fix)
    report = case.ops.table_report(model)
    parts = [f"about {counted(case.ops.table_rows(model))}"]
    if report.bytes is not None:
        parts.append(size(report.bytes))
    if report.indexes:
        parts.append(f"indexes {size(sum(report.indexes.values()))}")
    yield Finding(True, subject, ", ".join([*parts, *report.notes]), minor=True)
