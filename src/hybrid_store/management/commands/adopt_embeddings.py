"""`manage.py adopt_embeddings`: keep vectors that were computed before."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from hybrid_store.management.base import EmbeddingCommand, counted
from hybrid_store.models.embedding import EmbeddingField, embedding_field
from hybrid_store.sync.adoption import MIN_SIMILARITY, SAMPLE, Adoption, Comparison
from hybrid_store.sync.labels import labelled_fields

__all__ = ["Command"]

SHOWN_ROWS = 5
SHOWN_KEYS = 20


def sample_size(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def similarity(text: str) -> float:
    """A cosine similarity, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not -1 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from -1 to 1")
    return number


class Command(EmbeddingCommand):
    help = (
        "Declares vectors of unknown origin, which no search finds, to be the embeddings of what "
        "their rows say now, so that none is bought again. Before that, a sample of the texts is "
        "embedded anew and compared; where one differs nothing is stamped, and the exit status "
        "is 1. Rows that are stamped already, or have no text, are left as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("label", metavar="app.Model[.field]")
        parser.add_argument(
            "--space",
            required=True,
            help="The space that the vectors belong to: your statement of what made them. By "
            "default an embedder's space is its model@dimensions.",
        )
        parser.add_argument(
            "--sample",
            type=sample_size,
            default=SAMPLE,
            metavar="N",
            help="Rows to embed anew, spread over the table; 0 for none (default: %(default)s).",
        )
        parser.add_argument(
            "--min-similarity",
            type=similarity,
            default=MIN_SIMILARITY,
            metavar="S",
            help="The least cosine similarity of a sampled row's stored and new vector (default: "
            "%(default)s; other versions or precisions of one model stay above it).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        field = only_field(options["label"])
        adoption = Adoption(field, options["space"], using=options["database"])
        count = adoption.rows.count()
        if not count:
            self.stdout.write(f"{field.label}: nothing to do, no vector is of unknown origin.")
            return
        found = f"found {counted(count)} with a vector of unknown origin."
        self.stdout.write(f"{field.label}: {found}")
        if options["sample"]:
            compared = adoption.compare(options["sample"])
            self._judge(field, compared, options["min_similarity"])
        self._stamp(field, adoption)

    def _judge(self, field: EmbeddingField, compared: Sequence[Comparison], least: float) -> None:
        if not compared:
            self.stdout.write("No sampled row can be compared: none has a text and a vector.")
            return
        figures = f"the least similarity is {compared[0].similarity:.4f}"
        self.stdout.write(f"{counted(len(compared))} embedded anew: {figures}.")
        different = [row for row in compared if row.similarity < least]
        for row in different[:SHOWN_ROWS]:
            self.stdout.write(self.style.ERROR(f"  ✗ {row.similarity:.4f}  pk {row.pk}"))
        if different:
            raise CommandError(
                f"{field.label}: {counted(len(different))} of {len(compared)} sampled differ from "
                f"what {field.space!r} gives now (similarity below {least}); nothing was stamped. "
                "Either another model made the vectors, or these rows' texts have changed since: "
                "set those vectors to NULL, and generate_embeddings makes them anew."
            )

    def _stamp(self, field: EmbeddingField, adoption: Adoption) -> None:
        report = adoption.stamp()
        parts = [f"{counted(report.stamped)} stamped as current"]
        if report.blank:
            parts.append(f"{report.blank} without text left alone")
        self.stdout.write(self.style.SUCCESS(f"{field.label}: {', '.join(parts)}."))
        if report.unusable:
            shown = ", ".join(str(key) for key in report.unusable[:SHOWN_KEYS])
            more = len(report.unusable) - SHOWN_KEYS
            self.stdout.write(
                self.style.WARNING(
                    f"{counted(len(report.unusable))} not stamped, whose vectors are all zero or "
                    f"not finite: primary keys {shown}{f' and {more} more' if more > 0 else ''}."
                )
            )


def only_field(label: str) -> EmbeddingField:
    """The one embedding that a label names; raises `UnknownFieldError` where it names several."""
    fields = labelled_fields([label])
    return fields[0] if len(fields) == 1 else embedding_field(fields[0].model)
