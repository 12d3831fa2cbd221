"""L012: a row that has a vector keeps it whatever its text becomes."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.project import Project
from hybrid_store.management.lint.source.base import SourceRule, Spot
from hybrid_store.management.lint.source.saving import embeddings_in_saves
from hybrid_store.management.lint.sources import Source

__all__ = ["NeverEmbeddedAnew"]


class NeverEmbeddedAnew(SourceRule):
    id = "L012"
    title = "a row is embedded once, and not when its text is edited"
    fix = (
        "Ask whether the text has changed, not whether there is a vector: "
        "EmbeddingField(source=[...]) keeps a fingerprint of the text beside it."
    )
    page = "topics/freshness.md"

    def look(self, source: Source, project: Project) -> Iterator[Spot]:
        for found in embeddings_in_saves(source, project):
            if found.only_new:
                yield Spot(
                    found.node,
                    f"{found.where} computes {found.field} only where there is none: after an edit "
                    "the vector is that of the old text",
                )
