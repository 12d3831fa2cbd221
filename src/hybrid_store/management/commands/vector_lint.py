"""`manage.py vector_lint`: the faults that tutorials about vectors spread."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import router

from hybrid_store.management.base import EmbeddingCommand, counted, positive
from hybrid_store.management.lint.database import Database
from hybrid_store.management.lint.engine import Outcome, lint_database, lint_project
from hybrid_store.management.lint.findings import ERROR, WARNING, Finding
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.rules import RULES

__all__ = ["Command"]


def rule(text: str) -> str:
    """The number of a rule, for argparse."""
    if text not in {rule.id for rule in RULES}:
        raise argparse.ArgumentTypeError(f"{text!r} is no rule: --rules lists them")
    return text


class Command(EmbeddingCommand):
    help = (
        "Looks through the project's own Python files and its database for faults that make "
        "searches by vectors wrong or slow, and says where, how much and what to do. Only reads. "
        "Exits with status 1 where it finds errors."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "labels",
            nargs="*",
            metavar="app",
            help="Apps to look at; all of the project by default.",
        )
        parser.add_argument(
            "--path",
            type=Path,
            action="append",
            help="A file or folder to read, instead of the project's.",
        )
        parser.add_argument("--no-database", action="store_true", help="Only read Python files.")
        parser.add_argument(
            "--sample",
            type=positive,
            default=1000,
            metavar="N",
            help="The most rows to read of a table (%(default)s).",
        )
        parser.add_argument(
            "--timeout",
            type=positive,
            default=10,
            metavar="SECONDS",
            help="The most that a statement may take (%(default)s).",
        )
        parser.add_argument(
            "--ignore",
            type=rule,
            action="append",
            default=[],
            metavar="RULE",
            help="A rule to skip.",
        )
        parser.add_argument(
            "--fail-on",
            choices=(ERROR, WARNING),
            default=ERROR,
            help="What makes the exit status 1 (%(default)s).",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object instead of lines.")
        parser.add_argument("--rules", action="store_true", help="List the rules, and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rules"]:
            for one in RULES:
                self.stdout.write(f"{one.id} {one.severity:7} {one.title}")
            return
        outcome = self._outcome(options)
        failing = outcome.errors if options["fail_on"] == ERROR else len(outcome.findings)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not failing, **asdict(outcome)}))
        else:
            self._show(outcome)
        if failing:
            raise CommandError(f"{failing} found.")

    def _outcome(self, options: dict[str, Any]) -> Outcome:
        configs = _app_configs(options["labels"])
        project = _project(configs, options["path"], whole=not options["labels"])
        outcome = Outcome(files=len(project.sources))
        lint_project(project, outcome, options["ignore"])
        if not options["no_database"]:
            alias = options["database"]
            models = [
                model
                for config in configs
                for model in config.get_models()
                if router.allow_migrate_model(alias, model)
            ]
            database = Database(alias, models, project, options["sample"], options["timeout"])
            lint_database(database, outcome, options["ignore"])
        return outcome

    def _show(self, outcome: Outcome) -> None:
        for finding in outcome.findings:
            self._show_finding(finding)
        for sentence in outcome.untold:
            self.stdout.write(f"{self.style.WARNING('!')} {sentence}")
        looked = f"{counted(outcome.files, 'file')}, {counted(outcome.columns, 'vector column')}"
        if outcome.findings:
            found = [counted(outcome.count(kind), kind) for kind in (ERROR, WARNING)]
            self.stdout.write(f"{' and '.join(found)} in {looked}.")
        else:
            self.stdout.write(self.style.SUCCESS(f"Nothing found in {looked}."))

    def _show_finding(self, finding: Finding) -> None:
        is_error = finding.severity == ERROR
        mark = self.style.ERROR("✗") if is_error else self.style.WARNING("!")
        self.stdout.write(f"{mark} {finding.place}: {finding.rule} {finding.detail}")
        self.stdout.write(f"  → {finding.fix} See docs/{finding.page}.")


def _app_configs(labels: Sequence[str]) -> list[AppConfig]:
    """Raises `CommandError`."""
    try:
        return [apps.get_app_config(label) for label in labels] or [*apps.get_app_configs()]
    except LookupError as error:
        raise CommandError(str(error)) from error


def _project(configs: Sequence[AppConfig], paths: Sequence[Path] | None, whole: bool) -> Project:
    """The files that were named, or else those of the apps below `BASE_DIR`; without labels, all
    there. Raises `CommandError`."""
    base = Path(getattr(settings, "BASE_DIR", "") or Path.cwd()).resolve()
    for path in paths or ():
        if not path.exists():
            raise CommandError(f"There is no {path}: --path takes a file or folder.")
    own = [base] if whole else [Path(config.path) for config in configs]
    return Project.read(paths or own, base)
