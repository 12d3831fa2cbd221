"""L103: vectors look like random numbers."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import SampleRule, Spot, share
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.randomness import looks_normal, looks_uniform
from hybrid_store.management.lint.vectors import Held

__all__ = ["LooksRandom"]


class LooksRandom(SampleRule):
    id = "L103"
    title = "vectors look random"
    fix = (
        "Find what writes them, a default or a stand-in for a model; set them to NULL, which "
        'ConvertVectorColumn(..., on_bad="null") does, and embed these rows.'
    )
    page = "howto/adopt.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        vectors = held.matrix()
        looks = looks_uniform(vectors) or looks_normal(vectors) if vectors.size else None
        if looks is not None:
            yield Spot(column, f"{share(looks.rows, held)} look random: {looks.figures}")
