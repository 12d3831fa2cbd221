"""How much of each table is embedded, and in which space."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding
from hybrid_store.models.coverage import Coverage, coverage
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import UNKNOWN, adopting, other_spaces

__all__ = ["examine"]


def examine(case: Case) -> Iterator[Finding]:
    for field in case.fields:
        yield from case.ask(field.label, partial(_coverage, field, case.using))


def _coverage(field: EmbeddingField, using: str) -> Iterator[Finding]:
    counts = coverage(field.model._base_manager.using(using), field.name)
    parts = [f"{counts.current} of {counts.rows} rows current", f"{counts.stale} stale"]
    for count, kind in [
        (counts.blank, "without text"),
        (counts.other_spaces, _in_other_spaces(field, using, counts)),
        (counts.unknown, "of unknown origin"),
        (counts.failed, "failed"),
        (counts.in_flight, "in flight"),
        (counts.unsplit, "rows of the parent not split"),
    ]:
        parts += [f"{count} {kind}"] if count else []
    is_due = bool(counts.stale or counts.unsplit)
    fix = _refresh(field, counts) if is_due else ""
    yield Finding(not is_due, field.label, ", ".join(parts), fix)


def _in_other_spaces(field: EmbeddingField, using: str, counts: Coverage) -> str:
    found = other_spaces(field, using) if counts.other_spaces else []
    names = [name for name in found if name != UNKNOWN]
    return f"in other spaces: {', '.join(names)}" if names else "in other spaces"


def _refresh(field: EmbeddingField, counts: Coverage) -> str:
    """What makes stale rows current."""
    replace = " --replace-spaces" if counts.other_spaces or counts.unknown else ""
    again = " --retry-failed" if counts.failed else ""
    fix = f"Run manage.py generate_embeddings {field.label}{replace}{again}."
    return f"{fix} Or keep vectors of unknown origin: {adopting(field)}" if counts.unknown else fix
