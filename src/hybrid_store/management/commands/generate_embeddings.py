"""`manage.py generate_embeddings`: embed what is stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from hybrid_store.exceptions import EmbedderError
from hybrid_store.management.base import EmbeddingCommand, amount, counted, positive
from hybrid_store.management.interrupts import stopping_by
from hybrid_store.management.progress import BarProgress, LineProgress, Progress, QuietProgress
from hybrid_store.management.summary import (
    estimate_lines,
    failure_lines,
    split_estimate,
    split_summary,
    summary,
)
from hybrid_store.models.chunks import Chunking, chunkings
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import adopting
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.labels import labelled_fields
from hybrid_store.sync.report import Report
from hybrid_store.sync.splitting import Splitting

__all__ = ["Command"]

# Up to so many rows, each has a line of its own.
LISTED_ROWS = 100
INTERRUPTED = 130
"""Exit status of a command that a signal has ended, as shells have it: 128 + SIGINT."""


class Command(EmbeddingCommand):
    help = (
        "Embeds every row whose embedding is missing or no longer matches its text; long texts "
        "that are kept in passages are split before. "
        "Rows that are current cost nothing, so it can be run at any time, also several times at "
        "once, and be ended at any moment."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_labels(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Only say how many rows, texts and tokens there are, and what they would cost.",
        )
        parser.add_argument("--limit", type=positive, help="The most rows to embed, a field.")
        parser.add_argument(
            "--workers",
            type=positive,
            help="Calls to the embedder that are made at once (default: the embedder's).",
        )
        parser.add_argument(
            "--batch-size",
            type=positive,
            help="Rows read, embedded and written at once (default: the embedder's).",
        )
        parser.add_argument(
            "--max-cost",
            type=amount,
            help="End before more than this is spent, a field, in the currency of the PRICE.",
        )
        parser.add_argument(
            "--retry-failed",
            action="store_true",
            help="Also try the rows again that could not be embedded before.",
        )
        parser.add_argument(
            "--replace-spaces",
            action="store_true",
            help="Also replace vectors of other embedding models and of unknown origin, which are "
            "left alone otherwise.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        fields = labelled_fields(options["labels"])
        if not fields:
            self.stdout.write("No model has an EmbeddingField.")
        names = ("limit", "workers", "batch_size", "max_cost", "retry_failed", "replace_spaces")
        chosen = {name: options[name] for name in names}
        for chunking in self.chunkings(fields, options["labels"]):
            self.split(Splitting(chunking, using=options["database"]), **options)
        reports = []
        for field in fields:
            generation = Generation(
                field, using=options["database"], wait_for_others=True, **chosen
            )
            if options["dry_run"]:
                self.estimate(generation)
            else:
                reports.append(self.generate(generation, options["verbosity"]))
        if any(report.failed for report in reports) and not any(r.embedded for r in reports):
            raise CommandError("No row was embedded.")

    def chunkings(self, fields: list[EmbeddingField], labels: list[str]) -> list[Chunking]:
        """Those of the models whose embeddings are named, all where none is."""
        return chunkings([field.model for field in fields]) if labels else chunkings()

    def split(self, splitting: Splitting, *, dry_run: bool, verbosity: int, **options: Any) -> None:
        chunking = splitting.chunking
        if dry_run:
            self.stdout.write(split_estimate(chunking, splitting.estimate()))
            return
        bar = self._bar(splitting.left) if verbosity else QuietProgress()
        try:
            with stopping_by(splitting.stop):
                report = splitting.run(bar.stored)
        finally:
            bar.close()
        if verbosity and (report.rows or report.changed):
            self.stdout.write(split_summary(chunking, report))
        self._end_if(report.interrupted)

    def estimate(self, generation: Generation) -> None:
        for line in estimate_lines(generation.field, generation.estimate()):
            self.stdout.write(line)
        self._tell_of_others(generation)

    def generate(self, generation: Generation, verbosity: int) -> Report:
        field = generation.field
        stale = generation.left()
        if verbosity:
            found = f"found {counted(stale)} to embed." if stale else "nothing to do."
            self.stdout.write(f"{field.label}: {found}")
        self._tell_of_others(generation)
        progress = self._progress(generation, min(stale, generation.limit or stale), verbosity)
        try:
            with stopping_by(generation.stop):
                report = generation.run(progress.stored)
        except EmbedderError as error:
            raise CommandError(
                f"{field.label}: stopped. {error} What was embedded is stored; the next run goes "
                "on from there."
            ) from error
        finally:
            progress.close()
        self._summarise(generation, report, verbosity)
        return report

    def _progress(self, generation: Generation, todo: int, verbosity: int) -> Progress:
        if verbosity == 0 or not todo:
            return QuietProgress()
        if todo <= LISTED_ROWS or verbosity >= 2:
            return LineProgress(self.stdout, generation.field, generation.using)
        return self._bar(lambda: todo)

    def _bar(self, count: Callable[[], int]) -> Progress:
        """A bar of so many rows, where somebody looks and there are any."""
        todo = count() if self.stderr.isatty() else 0
        return BarProgress(self.stderr, todo) if todo else QuietProgress()

    def _summarise(self, generation: Generation, report: Report, verbosity: int) -> None:
        for line in failure_lines(generation.field, report):
            self._warn(line)
        if report.done and verbosity:
            ended_early = generation.limit or report.too_dear or report.interrupted
            line = summary(generation.field, report, generation.left() if ended_early else 0)
            self.stdout.write(line if report.interrupted else self.style.SUCCESS(line))
        if report.too_dear:
            self._warn(f"{generation.field.label}: ended, more would cost more than allowed.")
        self._end_if(report.interrupted)

    @staticmethod
    def _end_if(interrupted: bool) -> None:
        if interrupted:
            raise CommandError(
                "Interrupted. The next run goes on from here.", returncode=INTERRUPTED
            )

    def _tell_of_others(self, generation: Generation) -> None:
        field, (other, unknown) = generation.field, generation.left_alone()
        if other:
            self._warn(
                f"{counted(other)} left alone: their vectors belong to another space than "
                f"{field.space!r}. --replace-spaces embeds them anew."
            )
        if unknown:
            self._warn(
                f"{counted(unknown)} left alone: their vectors are of unknown origin. "
                f"'{adopting(field)}' keeps them, --replace-spaces embeds them anew."
            )

    def _warn(self, message: str) -> None:
        self.stdout.write(self.style.WARNING(message))
