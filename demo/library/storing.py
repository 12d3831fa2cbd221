"""Storing what was read as somebody's documents."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction

from library import filling
from library.models import Document
from library.reading import Reading, read

__all__ = ["add", "samples", "store"]

SAMPLES = Path(__file__).resolve().parent / "samples"


def samples() -> list[Reading]:
    """The documents that come with the demo."""
    return [read(path.name, path.read_bytes()) for path in sorted(SAMPLES.iterdir())]


def store(owner: Any, readings: Iterable[Reading]) -> list[Document]:
    """Store each reading that is not there yet, with this title and text; returns the new ones."""
    return [new for new in (_stored(owner, reading) for reading in readings) if new is not None]


def add(owner: Any, readings: Iterable[Reading]) -> list[Document]:
    """`store`, and begin to fill what is new once it is committed."""
    with transaction.atomic():
        new = store(owner, readings)
        if new:
            keys = [document.pk for document in new]
            transaction.on_commit(partial(filling.start, keys))
    return new


def _stored(owner: Any, reading: Reading) -> Document | None:
    same = Document.objects.filter(owner=owner, title=reading.title, text=reading.text)
    if same.exists():
        return None
    new: Document = Document.objects.create(
        owner=owner, title=reading.title, text=reading.text, pages=list(reading.pages)
    )
    return new
