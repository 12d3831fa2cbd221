"""`manage.py generate_embeddings`: embed what is stale."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser

from hybrid_store.management.base import EmbeddingCommand, positive
from hybrid_store.management.progress import BarProgress, LineProgress, Progress, QuietProgress
from hybrid_store.models.embedding import EmbeddingField
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
            help="Also replace vectors of other embedding models, which are left alone otherwise.",
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
        if stale:
            self.stdout.write(f"{field.label}: found {_rows(stale)} to embed.")
            self._warn_of_unknown(generation)
        else:
            self.stdout.write(f"{field.label}: nothing to do, all embeddings are current.")
        self._tell_of_foreign(generation)
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
        self._summarise(field, report, left, seconds)

    def _progress(self, generation: Generation, todo: int, verbosity: int) -> Progress:
        if verbosity == 0:
            return QuietProgress()
        if todo <= LISTED_ROWS or verbosity >= 2:
            return LineProgress(self.stdout, generation.field, generation.reader.using)
        return BarProgress(self.stderr, todo) if self.stderr.isatty() else QuietProgress()

    def _summarise(self, field: EmbeddingField, report: Report, left: int, seconds: float) -> None:
        parts = [f"{_rows(report.embedded)} embedded"]
        if report.cleared:
            parts.append(f"{report.cleared} without text cleared")
        if report.changed:
            parts.append(f"{report.changed} changed meanwhile and still stale")
        if left > 0:
            parts.append(f"{left} left")
        rate = f"{report.done / seconds:.1f} rows/s" if seconds else ""
        summary = f"{field.label}: {', '.join(parts)} in {seconds:.1f} s ({rate})."
        self.stdout.write(self.style.SUCCESS(summary))

    def _warn_of_unknown(self, generation: Generation) -> None:
        unknown = generation.unknown_rows().count()
        if unknown:
            self.stdout.write(
                self.style.WARNING(
                    f"{_rows(unknown)} of these have a vector of unknown origin, which is "
                    f"replaced; adopt_embeddings {generation.field.label} would keep it."
                )
            )

    def _tell_of_foreign(self, generation: Generation) -> None:
        foreign = 0 if generation.replace_spaces else generation.foreign_rows().count()
        if foreign:
            self.stdout.write(
                self.style.WARNING(
                    f"{_rows(foreign)} left alone: their vectors belong to another space than "
                    f"{generation.field.space!r}. --replace-spaces embeds them anew."
                )
            )


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
