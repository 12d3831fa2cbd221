"""L105: vectors of several lengths, so of several models, in one column."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import SampleRule, Spot
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.vectors import Held

__all__ = ["MixedSizes"]


class MixedSizes(SampleRule):
    id = "L105"
    title = "vectors of several dimensions or float types are in one column"
    fix = (
        "Embed the rows of the old model anew. An EmbeddingField has a fixed number of dimensions, "
        "and knows of every vector which model made it."
    )
    page = "topics/spaces.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        for counted, unit in ((held.sizes, "numbers"), (held.forms, "")):
            if len(counted) > 1:
                parts = [f"{rows:,} rows of {kind} {unit}" for kind, rows in counted.most_common(5)]
                yield Spot(
                    column, f"of {held.count:,} rows read, {', '.join(map(str.rstrip, parts))}"
                )
