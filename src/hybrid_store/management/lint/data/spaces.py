"""L107: an embedding field holds vectors of several models."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_store.management.lint.data.base import DataRule, Spot
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.spaces import other_spaces

__all__ = ["SeveralSpaces"]


class SeveralSpaces(DataRule):
    id = "L107"
    title = "an EmbeddingField holds vectors of several spaces"
    fix = "Run manage.py generate_embeddings {label} --replace-spaces."
    page = "topics/spaces.md"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        field = column.field
        if isinstance(field, EmbeddingField):
            others = other_spaces(field, database.connection.alias)
            if others:
                yield Spot(
                    column,
                    f"beside {field.space!r} there are {', '.join(others)}: no search finds these",
                    self.fix.format(label=field.label),
                )
