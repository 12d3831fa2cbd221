"""Reading the rows of a map: keys, vectors and what they are coloured by, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from itertools import islice
from typing import Any, cast

import numpy as np
from django.db import connections
from django.db.models import CompositePrimaryKey, QuerySet, TextField
from django.db.models.expressions import Col
from django.db.models.functions import MD5, Cast

from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import MapError
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.ranked_search import searchable
from hybrid_store.vectors import FloatArray, FloatCodec

__all__ = ["BLOCK", "Block", "LeftOut", "Reader", "check_dense", "sampled", "within"]

# Rows that are read at a time.
BLOCK = 2000


@dataclass(frozen=True)
class Block:
    """Rows with a vector: `vectors` has shape (n, d), the others n elements."""

    keys: list[Any]
    vectors: FloatArray
    values: list[Any]


@dataclass
class LeftOut:
    """How many rows are not on a map, and why."""

    without_vector: int = 0
    # Vectors that today's embedder did not make, or nobody knows who.
    other_space: int = 0
    beyond_limit: int = 0


def check_dense(field: BaseVectorField) -> None:
    """Raises `MapError` for vectors that no projection takes."""
    if not isinstance(field.codec, FloatCodec):
        raise MapError(
            f"{field.label} holds {field.codec.described}s: a map is made of dense vectors, those "
            "of an EmbeddingField, a VectorField or a HalfVectorField."
        )


def within(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """The same rows, so that they can be filtered further: a slice cannot."""
    if not _is_fixed(queryset):
        return queryset
    rows: QuerySet[Any] = queryset.model._base_manager.using(queryset.db)
    return rows.filter(pk__in=queryset.values("pk"))


def sampled(queryset: QuerySet[Any], total: int, rows: int) -> QuerySet[Any]:
    """A fair sample of so many of its `total` rows, the same each time; itself where all are.

    The first rows of what is sliced or united, and where keys are composite.
    """
    if total <= rows:
        return queryset
    is_composite = isinstance(queryset.model._meta.pk, CompositePrimaryKey)
    if _is_fixed(queryset) or is_composite:
        return queryset[:rows]
    # An order that has nothing to do with what the rows are; of keys alone, not of vectors.
    spread = queryset.order_by(MD5(Cast("pk", TextField())), "pk")
    return queryset.filter(pk__in=spread.values("pk")[:rows])


def _is_fixed(queryset: QuerySet[Any]) -> bool:
    """Can it neither be filtered nor ordered any more?"""
    return bool(queryset.query.is_sliced or queryset.query.combinator)


class Stored(Col):
    """A column whose values stay as the driver gives them: blocks of them are read at once."""

    def get_db_converters(self, connection: Any) -> list[Any]:
        return []


@dataclass(frozen=True)
class Reader:
    """Reads a vector field and, where there is a `path`, what it leads to."""

    field: BaseVectorField
    path: str | None = None
    left_out: LeftOut = dataclass_field(default_factory=LeftOut)

    def blocks(self, queryset: QuerySet[Any]) -> Iterator[Block]:
        """Every row that has a vector of today's space, in the order of the keys where that is
        free. Other rows are counted."""
        ops = vector_ops(connections[queryset.db])
        rows = self._rows(queryset)
        while part := list(islice(rows, BLOCK)):
            held = [row for row in part if row[1] is not None]
            known = [row for row in held if self._is_of_space(row)]
            self.left_out.without_vector += len(part) - len(held)
            self.left_out.other_space += len(held) - len(known)
            if known:
                stored = [row[1] for row in known]
                yield Block(
                    keys=[row[0] for row in known],
                    vectors=ops.matrix(self.codec, stored, self.field.dimensions),
                    values=[row[-1] if self.path else None for row in known],
                )

    def sample(self, queryset: QuerySet[Any], total: int, rows: int) -> Block | None:
        """A fair sample of so many of its `total` rows, without those that no map has."""
        if total > rows:
            queryset = sampled(within(queryset).filter(searchable(self.field)), total, rows)
        parts = list(self.blocks(queryset))
        if not parts:
            return None
        return Block(
            keys=[key for part in parts for key in part.keys],
            vectors=np.concatenate([part.vectors for part in parts]),
            values=[value for part in parts for value in part.values],
        )

    def _rows(self, queryset: QuerySet[Any]) -> Iterator[Sequence[Any]]:
        """Keys, vectors as they are stored, fingerprints of embeddings, and values."""
        names = ["pk", self.field.name]
        if isinstance(self.field, EmbeddingField):
            names.append(self.field.fingerprint_name)
        if self.path:
            names.append(self.path)
        ordered = queryset if _is_fixed(queryset) else queryset.order_by("pk")
        rows = ordered.values_list(*names)
        rows.query.select = tuple(map(self._stored, rows.query.select))
        return rows.iterator(chunk_size=BLOCK)

    def _stored(self, column: Any) -> Any:
        """The column of the vector as one that is not read yet."""
        is_vector = isinstance(column, Col) and column.target == self.field
        return Stored(column.alias, self.field) if is_vector else column

    @property
    def codec(self) -> FloatCodec:
        return cast("FloatCodec", self.field.codec)

    @cached_property
    def _prefix(self) -> str | None:
        return self.field.space_prefix if isinstance(self.field, EmbeddingField) else None

    def _is_of_space(self, row: Sequence[Any]) -> bool:
        return self._prefix is None or (row[2] or "").startswith(self._prefix)
