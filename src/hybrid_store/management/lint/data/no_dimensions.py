"""L112: a vector column takes vectors of any length."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import DataRule, Spot, converting
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.vectors import Held

__all__ = ["NoDimensions"]


class NoDimensions(DataRule):
    id = "L112"
    title = "a vector column has no dimensions"
    severity = WARNING
    fix = (
        "Say them in the field, and migrate by "
        'ConvertVectorColumn("{model}", "{name}", VectorField(dimensions={size})).'
    )
    page = "howto/adopt.md"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        stored = database.ops.stored_type(column.model._meta.db_table, str(column.field.column))
        if stored and "(" not in stored:
            held = database.held(column) or Held()
            yield Spot(
                column,
                f"the type is {stored}: vectors of any model are taken, comparing two of different "
                "length fails, and no index over the column can be built",
                converting(self.fix, held, column),
            )
