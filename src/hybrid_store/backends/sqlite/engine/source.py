"""What an index is over, and the tables and triggers that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.backends.sqlite.engine.bounds import METRICS
from hybrid_store.vectors import FloatCodec

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["PREFIX", "Source", "quoted", "row_key", "source_of"]

# What the names of tables and triggers begin with.
PREFIX = "hybrid_store_index_"
# Names of the key that every row has; the first that is no column.
ROW_KEYS = ("rowid", "_rowid_", "oid")


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"{}"'.format(name.replace('"', '""'))


@dataclass(frozen=True)
class Source:
    """A column of vectors, with the name of the index over it. Names are not quoted."""

    index: str
    table: str
    column: str
    key: str
    metric: str
    codec: FloatCodec
    dimensions: int

    @property
    def log(self) -> str:
        """The table of the keys of rows whose vector was written."""
        return f"{PREFIX}{self.index}_log"

    @property
    def codes(self) -> str:
        """The table of codes."""
        return f"{PREFIX}{self.index}_codes"

    def trigger(self, event: str) -> str:
        """The one that writes the log after an "insert", an "update" or a "delete"."""
        return f"{PREFIX}{self.index}_{event}"

    @property
    def bytes_of_row(self) -> int:
        """What a row's codes take: key, scale, error, and length where it is needed."""
        return 8 + self.dimensions + 4 * (2 if self.has_directions else 3)

    @property
    def has_directions(self) -> bool:
        """Does the metric compare directions, not the vectors themselves?"""
        return self.metric == "cosine"


def row_key(model: type[Model]) -> str:
    """The name of the key of the rows in a model's table."""
    columns = {str(field.column).lower() for field in model._meta.local_concrete_fields}
    return next(name for name in ROW_KEYS if name not in columns)


def source_of(model: type[Model], spec: IndexSpec) -> Source | None:
    """What a `VectorIndex` of a model is over; None where searches by it can only scan."""
    if spec.metric not in METRICS or not isinstance(spec.codec, FloatCodec):
        return None
    return Source(
        index=spec.name,
        table=model._meta.db_table,
        column=str(model._meta.get_field(spec.field_name).column),  # type: ignore[union-attr]
        key=row_key(model),
        metric=spec.metric,
        codec=spec.codec,
        dimensions=spec.dimensions,
    )
