"""L113: updates of other columns write vectors into an index again."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import DataRule, Spot
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import WARNING

__all__ = ["UpdateChurn"]

# Subjects of ailments that updates bring about.
CHURN = {"updates", "dead rows"}


class UpdateChurn(DataRule):
    id = "L113"
    title = "updates write vectors into an index again"
    severity = WARNING
    fix = "Save what has changed, save(update_fields=[...]), and leave room: fillfactor = 50."
    page = "howto/tune-index.md"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        if database.indexes(column):
            for ailment in database.ops.ailments(column.model):
                if ailment.subject in CHURN:
                    yield Spot(column, ailment.detail, ailment.fix)
