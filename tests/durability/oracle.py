"""What a table with an embedding should hold, told in dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.models.fingerprint import fingerprint

__all__ = ["DIMENSIONS", "Oracle", "Stored", "space_of"]

DIMENSIONS = 384
STATES = ("current", "stale", "failed", "blank")


class Stored(NamedTuple):
    """What a vector is the embedding of."""

    model: str
    text: str

    @property
    def mark(self) -> str:
        return fingerprint(space_of(self.model), self.text)


def space_of(model: str) -> str:
    return f"{model}@{DIMENSIONS}"


@cache
def vector_of(stored: Stored) -> Any:
    return HashingEmbedder("oracle", {"MODEL": stored.model}).embed([stored.text])[0]


@dataclass
class Oracle:
    """Articles, each with a slug and perhaps an author, and what is known of their vectors."""

    model: str
    """Of today's embedder."""
    poison: str
    """A word that the embedder refuses."""
    authors: dict[int, str] = field(default_factory=dict)
    slugs: dict[int, str] = field(default_factory=dict)
    links: dict[int, int | None] = field(default_factory=dict)
    stored: dict[int, Stored] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    """Fingerprints that could not be embedded, by key; also of rows that have changed since."""
    held: set[int] = field(default_factory=set)
    """Rows that a process holds which was killed."""

    def text(self, pk: int) -> str:
        link = self.links[pk]
        return f"{self.slugs[pk]}\n\n\n\n{'' if link is None else self.authors[link]}"

    def due(self, pk: int) -> Stored:
        return Stored(self.model, self.text(pk))

    def delete(self, pk: int) -> None:
        for table in (self.slugs, self.links, self.stored):
            table.pop(pk, None)

    # States

    def is_blank(self, pk: int) -> bool:
        return not self.text(pk).strip()

    def is_stale(self, pk: int) -> bool:
        return self.stored.get(pk) != (None if self.is_blank(pk) else self.due(pk))

    def is_failed(self, pk: int) -> bool:
        return not self.is_blank(pk) and self.failed.get(pk) == self.due(pk).mark

    @property
    def states(self) -> dict[str, set[int]]:
        states: dict[str, set[int]] = {
            "current": set(),
            "stale": set(),
            "failed": set(),
            "blank": set(),
        }
        for pk in self.slugs:
            if not self.is_stale(pk):
                state = "blank" if self.is_blank(pk) else "current"
            else:
                state = "failed" if self.is_failed(pk) else "stale"
            states[state].add(pk)
        return states

    # Runs

    def todo(self, *, replace: bool = False, retry: bool = False) -> list[int]:
        """The rows that a run would work on."""
        return [
            pk
            for pk in sorted(self.slugs)
            if self.is_stale(pk)
            and pk not in self.held
            and (replace or pk not in self.stored or self.stored[pk].model == self.model)
            and (retry or not self.is_failed(pk))
        ]

    def texts_of(self, keys: list[int]) -> set[str]:
        """What has to be paid for."""
        texts = {self.text(pk) for pk in keys if not self.is_blank(pk)}
        return {text for text in texts if self.poison not in text}

    def generate(self, keys: list[int]) -> None:
        """A run has worked on the rows, and came to its end."""
        for pk in keys:
            self.failed.pop(pk, None)
            if self.is_blank(pk):
                del self.stored[pk]
            elif self.poison in self.text(pk):
                self.failed[pk] = self.due(pk).mark
            else:
                self.stored[pk] = self.due(pk)
        self.failed = {
            pk: mark
            for pk, mark in self.failed.items()
            if pk in self.slugs and self.is_stale(pk) and self.is_failed(pk)
        }

    # Searches

    def distances(self, text: str) -> dict[int, float]:
        """Cosine distances of the rows that a search may find."""
        near = vector_of(Stored(self.model, text)).astype(np.float64)
        return {
            pk: 1 - float(vector_of(stored) @ near)
            for pk, stored in self.stored.items()
            if stored.model == self.model
        }
