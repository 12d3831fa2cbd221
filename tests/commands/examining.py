"""One section of what `vector_doctor` finds."""

from __future__ import annotations

from hybrid_store.management.doctor import EXAMINATIONS
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding

__all__ = ["about", "findings"]


def findings(section: str, using: str = "default", seconds: float = 10) -> list[Finding]:
    [examination] = [each for each in EXAMINATIONS if each.section == section]
    return [*examination.findings(Case(using, seconds))]


def about(subject: str, found: list[Finding]) -> Finding:
    """The only finding about a subject."""
    [finding] = [each for each in found if each.subject == subject]
    return finding
