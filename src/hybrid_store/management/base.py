"""What the commands of this package share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as AnyDatabaseError

from hybrid_store.exceptions import HybridStoreError

__all__ = ["EmbeddingCommand", "amount", "counted", "first_line", "positive"]


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def amount(text: str) -> float:
    """A sum of money, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of 0 or more")
    return number


def counted(count: int, what: str = "row") -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


class EmbeddingCommand(BaseCommand):
    """A command over the embeddings that labels name, in one database."""

    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="The database to use (default: %(default)s).",
        )

    def add_labels(self, parser: CommandParser) -> None:
        parser.add_argument(
            "labels",
            nargs="*",
            metavar="app.Model[.field]",
            help="Which embeddings; all of the project when none is named.",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        with errors_as_sentences():
            return super().execute(*args, **options)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """A fault of use ends a command with its sentence, not with a traceback."""
    try:
        yield
    except HybridStoreError as error:
        raise CommandError(str(error)) from error
    except AnyDatabaseError as error:
        raise CommandError(
            f"The database refused: {first_line(error)}. Run manage.py vector_doctor, which "
            "tells whether the database answers and whether all migrations are applied."
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, without the hints and the statement that databases add."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".?")
