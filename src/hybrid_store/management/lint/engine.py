"""Running the rules: which of them, over which files and columns, and what cannot be told."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from hybrid_store.management.base import first_line
from hybrid_store.management.lint.data.base import DataRule
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import ERROR, Finding
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.rules import DATA_RULES, SOURCE_RULES
from hybrid_store.management.redaction import redacted

__all__ = ["Outcome", "lint_database", "lint_project"]


@dataclass
class Outcome:
    """`untold` are sentences about what could not be looked at, which ends nothing else."""

    files: int = 0
    columns: int = 0
    findings: list[Finding] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)

    def count(self, severity: str) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def errors(self) -> int:
        return self.count(ERROR)


def lint_project(project: Project, outcome: Outcome, ignored: Container[str] = ()) -> None:
    outcome.untold += [f"{place} {why}" for place, why in project.unreadable]
    rules = [rule() for rule in SOURCE_RULES if rule.id not in ignored]
    outcome.findings += [finding for rule in rules for finding in rule.findings(project)]


def lint_database(database: Database, outcome: Outcome, ignored: Container[str] = ()) -> None:
    rules = [rule() for rule in DATA_RULES if rule.id not in ignored]
    for column in _held_columns(database, outcome):
        for rule in rules:
            outcome.findings += _told(rule, column, database, outcome)


def _held_columns(database: Database, outcome: Outcome) -> Iterator[Column]:
    """The columns whose rows can be read; each is read once, before the rules look at it."""
    with database.examining():
        columns = database.columns
    for column in columns:
        try:
            with database.examining():
                outcome.columns += database.held(column) is not None
        except Exception as error:  # noqa: BLE001
            # Of the database, or of a field of anybody's making that cannot read what is in it.
            outcome.untold.append(_untold(column.label, database, error))
        else:
            yield column


def _told(rule: DataRule, column: Column, database: Database, outcome: Outcome) -> list[Finding]:
    try:
        with database.examining():
            return list(rule.findings(column, database))
    except Exception as error:  # noqa: BLE001
        outcome.untold.append(_untold(f"{rule.id} of {column.label}", database, error))
        return []


def _untold(what: str, database: Database, error: Exception) -> str:
    if database.ops.is_timeout(error):
        return f"{what} could not be told within {database.seconds:g} s: try --timeout"
    return f"{what} could not be told: {redacted(first_line(error))}"
