"""L104: vectors of nothing but zeros."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import SampleRule, Spot, share
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.vectors import Held

__all__ = ["ZeroVectors"]


class ZeroVectors(SampleRule):
    id = "L104"
    title = "vectors are all zero"
    severity = WARNING
    fix = "Set them to NULL, take a default of zeros out of the field, and embed these rows."
    page = "topics/storage.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        if held.zeros:
            yield Spot(
                column,
                f"{share(len(held.zeros), held, held.zeros)} are all zero: they have no cosine "
                "distance to anything",
            )
