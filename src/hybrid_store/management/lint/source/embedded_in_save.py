"""L011: every save pays for an embedding."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.saving import embeddings_in_saves
from hybrid_store.management.lint.sources import Source

__all__ = ["EmbeddedInSave"]


class EmbeddedInSave(SourceRule):
    id = "L011"
    title = "every save of a row embeds it"
    severity = WARNING
    fix = (
        "Let the text decide: EmbeddingField(source=[...]) knows which rows are stale, however "
        "they were written, and generate_embeddings or on_save embeds these alone."
    )
    page = "topics/freshness.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for found in embeddings_in_saves(source, project):
            if found.always:
                yield Spot(
                    found.node,
                    f"{found.where} computes {found.field} whether or not the text has changed, "
                    "in the caller's transaction; update(), bulk_create() and SQL leave the old "
                    "vector",
                )
