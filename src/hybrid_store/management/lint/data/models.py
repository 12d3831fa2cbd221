"""L108: a column says which model made a vector, and no query asks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid_store.management.lint.data.base import SampleRule, Spot
from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import WARNING
from hybrid_store.management.lint.sampling import sample
from hybrid_store.management.lint.vectors import Held

__all__ = ["SeveralModels"]

NAMES = {"model_name", "embedding_model", "embedding_model_name", "embedder", "model_version"}


class SeveralModels(SampleRule):
    id = "L108"
    title = "vectors of several models are searched together"
    severity = WARNING
    fix = (
        "Filter every search by the model that embedded the question, or use one EmbeddingField a "
        "model, which never compares two."
    )
    page = "topics/spaces.md"

    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]:
        fields = column.model._meta.local_concrete_fields
        for name in (field.name for field in fields if field.name in NAMES):
            values = self._values(column, database, name)
            if len(values) > 1 and name not in database.project.filtered:
                shown = ", ".join(map(repr, values[:5]))
                yield Spot(
                    column, f"{name} has {len(values)} values ({shown}), and no query filters by it"
                )

    @staticmethod
    def _values(column: Column, database: Database, name: str) -> list[Any]:
        rows = database.rows(column.model).filter(**{f"{column.field.name}__isnull": False})
        return sorted({value for _, value in sample(rows, database.size, name) if value})
