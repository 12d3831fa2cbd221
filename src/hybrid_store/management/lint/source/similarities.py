"""L004: the order is right, but no index can give it."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.distances import SIMILARITY
from hybrid_store.management.lint.source.orders import orders
from hybrid_store.management.lint.sources import Source

__all__ = ["OrderedBySimilarity"]


class OrderedBySimilarity(SourceRule):
    id = "L004"
    title = "rows are ordered by a similarity, which no index gives"
    severity = WARNING
    fix = (
        "Keep the similarity as an annotation, and order by the raw distance: "
        '.order_by(CosineDistance("embedding", vector)).'
    )
    page = "reference/distances.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for order in orders(source, project):
            if order.means == SIMILARITY and order.nearest_first:
                yield Spot(order.node, f"{order.text}: every row is compared, index or not")
