"""`manage.py showcase`: searches by meaning and by words, and what is like one film."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from films.models import Film
from hybrid_store.exceptions import HybridStoreError

__all__ = ["Command"]

TITLE_WIDTH = 46


class Command(BaseCommand):
    help = "Prints a search by meaning, one by words and meaning, and films that are like one film."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--query", default="a crew lost in space")
        parser.add_argument("--film", default="Toy Story", help="Title of the film to start from.")
        parser.add_argument("--count", type=int, default=5, help="Rows to print (default: 5).")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._show(**options)
        except HybridStoreError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database refused: {error} Did migrate run?") from error

    def _show(self, **options: Any) -> None:
        film = Film.objects.filter(title__iexact=options["film"]).first()
        if film is None:
            raise CommandError(
                f"There is no film {options['film']!r}: run load_films, or give --film."
            )
        count = max(1, options["count"])
        found = list(Film.objects.nearest(options["query"])[:count])
        both = list(Film.objects.search(options["query"])[:count])
        recommended = list(Film.objects.recommend(like=[film])[:count])
        if not found:
            raise CommandError("No film has a vector yet: run generate_embeddings.")
        self._print(f"Films about “{options['query']}”", found)
        self._print("The same by words and by meaning", both)
        self._print(f"More like {film} ({film.year})", recommended)

    def _print(self, heading: str, films: Iterable[Any]) -> None:
        self.stdout.write(f"\n{self.style.MIGRATE_HEADING(heading)}")
        for film in films:
            title = (
                film.title
                if len(film.title) <= TITLE_WIDTH
                else f"{film.title[: TITLE_WIDTH - 1]}…"
            )
            points = film.score if hasattr(film, "score") else film.similarity
            line = f"  {points:6.3f}  {film.year}  {title:{TITLE_WIDTH}}{_places(film)}"
            self.stdout.write(line.rstrip())


def _places(film: Any) -> str:
    """Where words and meaning alone have it."""
    places = {"words": "text_rank", "meaning": "vector_rank"}
    known = {kind: getattr(film, name, None) for kind, name in places.items()}
    return "".join(f"  {kind} {place:>2}" for kind, place in known.items() if place is not None)
