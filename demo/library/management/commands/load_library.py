"""`manage.py load_library --user NAME [FILE ...]`: give documents to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, transaction
from django.template.defaultfilters import pluralize

from library.faults import UnreadableError
from library.reading import Reading, read
from library.storing import samples, store

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Loads documents (Markdown, plain text, PDF) for a user. What the user has already stays "
        "as it is. Without a file, loads the samples that come with the demo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", metavar="FILE", type=Path)
        parser.add_argument("--user", required=True, metavar="NAME", help="Whose they will be.")

    def handle(self, *args: Any, **options: Any) -> None:
        files: list[Path] = options["files"]
        readings = [self._read(path) for path in files] if files else samples()
        try:
            with transaction.atomic():
                new = store(self._owner(options["user"]), readings)
        except DatabaseError as error:
            raise CommandError(f"The database refused: {error} Did migrate run?") from error
        self.stdout.write(self.style.SUCCESS(f"Loaded {len(new)} document{pluralize(new)}."))
        if len(new) < len(readings):
            self.stdout.write(f"{len(readings) - len(new)} were there already.")
        if new:
            self.stdout.write("Now run: manage.py generate_embeddings library.Passage")

    def _read(self, path: Path) -> Reading:
        try:
            return read(path.name, path.read_bytes())
        except OSError as error:
            raise CommandError(f"{path}: cannot be read: {error.strerror}.") from error
        except UnreadableError as fault:
            raise CommandError(f"{path}: {fault}") from fault

    def _owner(self, name: str) -> Any:
        users = get_user_model()
        try:
            return users._default_manager.get_by_natural_key(name)
        except users.DoesNotExist as error:
            raise CommandError(
                f"There is no user {name!r}: make one by createsuperuser, or name another."
            ) from error
