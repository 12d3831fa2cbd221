"""`manage.py load_films [FILE ...]`: put films into the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.template.defaultfilters import pluralize

from films.loading import FileError, read, store

__all__ = ["Command"]

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "films.json"


class Command(BaseCommand):
    help = (
        "Loads films from JSON files: lists of objects with title, year, genres and description "
        "(or extract). Films that are there already are updated. Without a file, loads the films "
        "that come with the demo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", metavar="FILE", type=Path, default=[SHIPPED])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            entries = [entry for path in options["files"] for entry in read(path)]
        except FileError as error:
            raise CommandError(str(error)) from error
        described = [entry for entry in entries if entry.description]
        try:
            stored = store(described)
        except DatabaseError as error:
            raise CommandError(f"The database refused: {error} Did migrate run?") from error
        self.stdout.write(self.style.SUCCESS(f"Loaded {stored} film{pluralize(stored)}."))
        self._tell("without a text", len(entries) - len(described))
        self._tell("with a title and year that came again", len(described) - stored)

    def _tell(self, which: str, count: int) -> None:
        if count:
            self.stdout.write(f"Skipped {count} entr{pluralize(count, 'y,ies')} {which}.")
