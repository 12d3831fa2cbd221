"""`manage.py generate_embeddings`: embed what is stale."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from hybrid_store.management.base import EmbeddingCommand, counted, positive
from hybrid_store.management.progress import BarProgress, LineProgress, Progress, QuietProgress
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import adopting
from hybrid_store.sync.generation import Generation, Report
from hybrid_store.sync.labels import labelled_fields

__all__ = ["Command"]

# Up to so many rows, each has a line of its own.
LISTED_ROWS = 100


class Command(EmbeddingCommand):
    help = (
        "Embeds every row whose embedding is missing or no longer matches its text. "
        "Rows that are current cost nothing, so it can be run at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        self.add_labels(parser)
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")
        parser.add_argument("--limit", type=positive, help="The most rows to embed, a field.")
        parser.add_argument(
            "--batch-size",
            type=positive,
            help="Rows read, embedded and written at once (default: the embedder's).",
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
        for field in fields:
            generation = Generation(
                field,
                using=options["database"],
                limit=options["limit"],
                batch_size=options["batch_size"],
                replace_spaces=options["replace_spaces"],
            )
            self.generate(generation, options["dry_run"], options["verbosity"])

    def generate(self, generation: Generation, dry_run: bool, verbosity: int) -> None:
        field = generation.field
        stale = generation.rows.count()
        if verbosity:
            found = f"found {counted(stale)} to embed." if stale else "nothing to do."
            self.stdout.write(f"{field.label}: {found}")
        self._tell_of_others(generation)
        if not stale or dry_run:
            return
        todo = min(stale, generation.limit or stale)
        progress = self._progress(generation, todo, verbosity)
        started = time.monotonic()
        try:
            report = generation.run(progress.stored)
        finally:
            progress.close()
        seconds = time.monotonic() - started
        # Counted again, because another process may have been at work too.
        left = generation.left() - report.changed if report.done < stale else 0
        if verbosity:
            self._summarise(field, report, left, seconds)

    def _progress(self, generation: Generation, todo: int, verbosity: int) -> Progress:
        if verbosity == 0:
            return QuietProgress()
        if todo <= LISTED_ROWS or verbosity >= 2:
            return LineProgress(self.stdout, generation.field, generation.reader.using)
        return BarProgress(self.stderr, todo) if self.stderr.isatty() else QuietProgress()

    def _summarise(self, field: EmbeddingField, report: Report, left: int, seconds: float) -> None:
        parts = [f"{counted(report.embedded)} embedded"]
        if report.cleared:
            parts.append(f"{report.cleared} without text cleared")
        if report.changed:
            parts.append(f"{report.changed} changed meanwhile and still stale")
        if left > 0:
            parts.append(f"{left} left")
        rate = f"{report.done / seconds:.1f} rows/s" if seconds else ""
        summary = f"{field.label}: {', '.join(parts)} in {seconds:.1f} s ({rate})."
        self.stdout.write(self.style.SUCCESS(summary))

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
