"""Films of the demo for tests: some of the shipped ones."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command

from films.loading import read, store
from films.management.commands.load_films import SHIPPED

__all__ = ["embed_films", "store_films"]


def store_films(count: int = 40) -> None:
    """So many films, "Mother India" among them, without vectors."""
    shipped = read(SHIPPED)
    store(sorted(shipped, key=lambda entry: entry.title != "Mother India")[::10][:count])


def embed_films() -> None:
    call_command("generate_embeddings", "films.Film", verbosity=0, stdout=StringIO())
