"""`manage.py vector_doctor`: what is really in effect."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.management.doctor import examined
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding, Grade

__all__ = ["Command"]

SECONDS = 10
# --fail-on -> the grades with which the command fails, and what it says of each.
FAILING = {"error": [Grade.WRONG], "warning": [Grade.WRONG, Grade.BETTER]}
FAULTS = {Grade.WRONG: "found wrong", Grade.BETTER: "could be better"}


class Command(EmbeddingCommand):
    help = (
        "Shows the database really in effect, where settings come from, whether the embedders "
        "answer, the indexes are used, and how much is embedded, each with what to do about it. "
        "Writes nothing. Exits with status 1 where something is wrong."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--skip-embedders", action="store_true", help="Call no embedder, so no provider."
        )
        parser.add_argument(
            "--timeout",
            type=positive,
            default=SECONDS,
            metavar="SECONDS",
            help="The most that a statement may take (default: %(default)s).",
        )
        parser.add_argument("--json", action="store_true", help="Write one JSON object.")
        parser.add_argument(
            "--fail-on",
            choices=tuple(FAILING),
            default="error",
            help="What the exit status is 1 for (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        case = Case(options["database"], options["timeout"], not options["skip_embedders"])
        failing = FAILING[options["fail_on"]]
        found: Iterable[tuple[str, Finding]] = examined(case)
        if options["json"]:
            found = [*found]
            self.stdout.write(json.dumps(as_json(found, failing), indent=2))
        else:
            found = self._shown(found, options["verbosity"])
        grades = Counter(finding.grade for _, finding in found)
        faults = [f"{grades[grade]} {FAULTS[grade]}" for grade in failing if grades[grade]]
        if faults:
            raise CommandError(f"{', '.join(faults)}.")
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS("All is well."))

    def _shown(
        self, found: Iterable[tuple[str, Finding]], verbosity: int
    ) -> Iterator[tuple[str, Finding]]:
        """What is given, each shown as soon as it is found."""
        last = None
        for section, finding in found:
            if verbosity >= least_verbosity(finding):
                if section != last:
                    self._head(section, is_first=last is None)
                last = section
                self._show(finding)
            yield section, finding

    def _head(self, section: str, *, is_first: bool) -> None:
        heading = self.style.MIGRATE_HEADING(section)
        self.stdout.write(heading if is_first else f"\n{heading}")

    def _show(self, finding: Finding) -> None:
        styles = {
            Grade.WELL: self.style.SUCCESS,
            Grade.BETTER: self.style.WARNING,
            Grade.WRONG: self.style.ERROR,
        }
        mark = styles[finding.grade](finding.grade.value)
        self.stdout.write(f"{mark} {finding.subject}: {finding.detail}")
        if finding.fix:
            self.stdout.write(f"  → {finding.fix}")


def least_verbosity(finding: Finding) -> int:
    """From which one on a finding is told."""
    if finding.grade is not Grade.WELL:
        return 0
    return 2 if finding.minor else 1


def as_json(found: Iterable[tuple[str, Finding]], failing: Collection[Grade]) -> dict[str, Any]:
    """`ok` is whether the command ends with status 0."""
    return {
        "ok": not any(finding.grade in failing for _, finding in found),
        "findings": [
            {
                "section": section,
                "ok": finding.ok,
                "subject": finding.subject,
                "detail": finding.detail,
                "fix": finding.fix,
            }
            for section, finding in found
        ],
    }
