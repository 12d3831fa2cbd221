"""L110: an index in the database is for another distance than the code uses."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.backends.indexes import StoredIndex
from hybrid_store.management.lint.data.base import DataRule, Spot
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.source.distances import Use, uses
from hybrid_store.models.fields import BaseVectorField

__all__ = ["OtherMetric"]


class OtherMetric(DataRule):
    id = "L110"
    title = "the index of a column does not serve the distances of the code"
    fix = (
        "Build the index for the distance that the code orders by, or order by that of the index: "
        "an index serves one operator class, and one type."
    )
    page = "howto/tune-index.md"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        indexes = database.indexes(column)
        name = column.field.name
        same = [other for other in database.columns if other.field.name == name]
        others = {other.model.__name__ for other in same} - {column.model.__name__}
        used = [u for u in uses(database.project) if u.field == name and u.model not in others]
        if indexes and used and not any(_serves(i, use, column) for i in indexes for use in used):
            index, use = indexes[0], used[0]
            way = "a cast of it" if use.is_cast else "it"
            kind = f"{index.type_name}, " if index.is_expression else ""
            yield Spot(
                column,
                f"{index.name} is for {kind}{index.metric}, and the code compares {way} by "
                f"{use.metric} at {use.source.at(use.node)}: the index is never used",
            )


def _serves(index: StoredIndex, use: Use, column: Column) -> bool:
    """This package's searches know of indexes over casts; plain expressions have to cast too."""
    if index.metric is None:
        return True
    is_own = isinstance(column.field, BaseVectorField)
    return index.metric == use.metric and (is_own or index.is_expression == use.is_cast)
