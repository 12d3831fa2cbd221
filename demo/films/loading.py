"""Reading films from JSON files and storing them in bulk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from films.forms import FIRST_YEAR, LAST_YEAR
from films.models import Film, Genre

__all__ = ["Entry", "FileError", "read", "store"]

BATCH = 500


class FileError(Exception):
    """A file cannot be loaded; the message names the file, the entry and the field."""


class EntryError(Exception):
    """What is wrong with one entry of a file."""


@dataclass(frozen=True)
class Entry:
    """A film as a file describes it."""

    title: str
    year: int
    genres: frozenset[str]
    description: str

    @property
    def key(self) -> tuple[str, int]:
        return self.title, self.year


def read(path: Path) -> list[Entry]:
    """The films of a JSON file; those without a text have an empty description.

    The file holds a list of objects with `title`, `year`, `genres` and `description` (or
    `extract`). Raises `FileError`.
    """
    entries = []
    for number, item in enumerate(_items(path), 1):
        try:
            entries.append(_entry(item))
        except EntryError as fault:
            raise FileError(f"{path}: entry {number}: {fault}") from fault
    return entries


def _items(path: Path) -> list[Any]:
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: is not JSON in UTF-8: {error}.") from error
    if not isinstance(items, list):
        raise FileError(f"{path}: must hold a list of films, not {_kind(items)}.")
    return items


def _entry(item: Any) -> Entry:
    if not isinstance(item, dict):
        raise EntryError(f"must be an object, not {_kind(item)}.")
    return Entry(
        title=_text(item.get("title"), "title", most=_longest(Film, "title"), needed=True),
        year=_year(item.get("year")),
        genres=_genres(item.get("genres")),
        description=_text(item.get("description"), "description")
        or _text(item.get("extract"), "extract"),
    )


def _longest(model: type[Film | Genre], name: str) -> int:
    return int(model._meta.get_field(name).max_length)  # type: ignore[union-attr, arg-type]


def _text(value: Any, name: str, most: int | None = None, needed: bool = False) -> str:
    """The value stripped; None is an empty text."""
    if value is not None and not isinstance(value, str):
        raise EntryError(f"{name!r} must be a text, not {_kind(value)}.")
    text = (value or "").strip()
    if needed and not text:
        raise EntryError(f"{name!r} is missing.")
    if most is not None and len(text) > most:
        raise EntryError(f"{name!r} has {len(text)} characters, at most {most} are allowed.")
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise EntryError(f"{name!r} holds a character that databases cannot store.")
    return text


def _year(value: Any) -> int:
    if value is None:
        raise EntryError("'year' is missing.")
    if type(value) is not int or not FIRST_YEAR <= value <= LAST_YEAR:
        raise EntryError(
            f"'year' must be a whole number from {FIRST_YEAR} to {LAST_YEAR}, not {value!r:.40}."
        )
    return value


def _genres(value: Any) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        raise EntryError(f"'genres' must be a list of texts, not {_kind(value)}.")
    most = _longest(Genre, "name")
    return frozenset(
        _text(genre, f"genres[{number}]", most=most, needed=True)
        for number, genre in enumerate(value)
    )


def _kind(value: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        type(None): "null",
        bool: "a boolean",
    }
    return names.get(type(value), "a number")


@transaction.atomic
def store(entries: Iterable[Entry]) -> int:
    """Create the films, or update those with the same title and year; returns their number.

    Of entries with the same title and year the last one counts. Vectors are left as they are: a
    changed description makes its own stale.
    """
    unique = {entry.key: entry for entry in entries}
    genres = _stored_genres(unique.values())
    for batch in _batches(list(unique.values())):
        films = Film.objects.bulk_create(
            [Film(title=e.title, year=e.year, description=e.description) for e in batch],
            update_conflicts=True,
            unique_fields=["title", "year"],
            update_fields=["description"],
        )
        pairs = zip(films, batch, strict=True)
        _link({film.pk: {genres[name] for name in entry.genres} for film, entry in pairs})
    return len(unique)


def _batches(entries: list[Entry]) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]


def _stored_genres(entries: Iterable[Entry]) -> dict[str, int]:
    """Primary keys of the genres by name; missing ones are created."""
    names = sorted({name for entry in entries for name in entry.genres})
    Genre.objects.bulk_create([Genre(name=name) for name in names], ignore_conflicts=True)
    return dict(Genre.objects.values_list("name", "pk"))


def _link(wanted: dict[int, set[int]]) -> None:
    """Make the films, given by primary key, have exactly these genres."""
    through = Film.genres.through.objects
    links = {(film, genre) for film, genres in wanted.items() for genre in genres}
    found = {(link.film_id, link.genre_id): link.pk for link in through.filter(film_id__in=wanted)}
    through.filter(pk__in=[pk for pair, pk in found.items() if pair not in links]).delete()
    through.bulk_create(
        through.model(film_id=film, genre_id=genre) for film, genre in sorted(links - found.keys())
    )
