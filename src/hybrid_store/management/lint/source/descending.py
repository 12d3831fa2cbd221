"""L003: the farthest rows come first."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.orders import orders
from hybrid_store.management.lint.sources import Source

__all__ = ["FarthestFirst"]


class FarthestFirst(SourceRule):
    id = "L003"
    title = "rows are ordered so that the farthest come first"
    fix = 'Order by the raw distance, ascending: .order_by(CosineDistance("embedding", vector)).'
    page = "reference/distances.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for order in orders(source, project):
            if not order.nearest_first:
                way = "descends by a distance" if order.descends else "ascends by a similarity"
                yield Spot(
                    order.node,
                    f"{order.text} {way}: the farthest rows come first, on PostgreSQL after those "
                    "without a vector, and no index is used",
                )
