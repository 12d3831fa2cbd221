"""Linting texts as files of a project, and tables as its database."""

from __future__ import annotations

from typing import Any

from django.db import models

from hybrid_store.management.lint.database import Database
from hybrid_store.management.lint.engine import Outcome, lint_database, lint_project
from hybrid_store.management.lint.findings import Finding
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.sources import Source

__all__ = ["faults", "findings", "look_at", "project"]


def project(**files: str) -> Project:
    """Of files by their names without the ending."""
    return Project([Source.parse(text, f"{name}.py") for name, text in files.items()])


def findings(**files: str) -> list[Finding]:
    outcome = Outcome()
    lint_project(project(**files), outcome)
    return outcome.findings


def faults(**files: str) -> list[str]:
    """As `L003 views.py:12`, in order of the places."""
    return sorted(f"{finding.rule} {finding.place}" for finding in findings(**files))


def look_at(
    *tables: type[models.Model], code: Project | None = None, using: str = "default", **options: Any
) -> Outcome:
    """What the rules of the database find in the tables of these models."""
    database = Database(
        using, tables, code or project(), options.get("size", 1000), options.get("seconds", 10.0)
    )
    outcome = Outcome()
    lint_database(database, outcome, options.get("ignored", ()))
    return outcome
