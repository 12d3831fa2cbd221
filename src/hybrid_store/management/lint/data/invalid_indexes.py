"""L111: the build of an index has failed, and what is left serves nothing."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import DataRule, Spot
from hybrid_store.management.lint.database import Column, Database

__all__ = ["InvalidIndex"]


class InvalidIndex(DataRule):
    id = "L111"
    title = "an index is invalid"
    fix = "Run REINDEX INDEX CONCURRENTLY {name};"
    page = "howto/tune-index.md"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        # Elsewhere no build can be interrupted.
        for index in database.indexes(column) if database.ops.builds_concurrently else ():
            if not index.is_valid:
                quoted = database.connection.ops.quote_name(index.name)
                yield Spot(
                    column,
                    f"the build of {index.name} was interrupted: every write pays for it, and no "
                    "search uses it",
                    self.fix.format(name=quoted),
                )
