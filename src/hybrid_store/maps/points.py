"""The points of a map: where the rows of a queryset are, and what colour they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connections
from django.db.models import QuerySet

from hybrid_store.backends import vector_ops
from hybrid_store.maps.columns import column
from hybrid_store.maps.groups import Grouping, grouped, ungrouped
from hybrid_store.maps.projections import PCA, BaseProjection
from hybrid_store.maps.rows import LeftOut, Reader, check_dense, sampled
from hybrid_store.models.fields import vector_field
from hybrid_store.models.ranked_search import embed_query
from hybrid_store.vectors import FloatArray

__all__ = ["Points", "map_points"]


@dataclass(frozen=True)
class Points:
    """Rows as points of the plane.

    `keys` are n primary keys, `positions` float32 of shape (n, 2) from -1 to 1: the longer side of
    what is shown fills the range, and both axes have one scale.
    """

    keys: Sequence[Any]
    positions: FloatArray
    coloured_by: str
    grouping: Grouping
    # What the projection shows.
    described: str
    left_out: LeftOut

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def notes(self) -> list[str]:
        """What a reader of the map has to know, in short sentences."""
        shown = f"{counted(len(self))}: {self.described}."
        others = [
            (self.left_out.without_vector, "without a vector left out."),
            (self.left_out.other_space, "of another or unknown vector space left out."),
            (self.left_out.beyond_limit, "not shown: these are a fair sample of all."),
        ]
        first = shown if len(self) else "No row has a vector that can be shown."
        return [first, *(f"{counted(rows)} {text}" for rows, text in others if rows)]


def counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def map_points(
    queryset: QuerySet[Any],
    field: str | None = None,
    *,
    color_by: str | None = None,
    projection: BaseProjection | None = None,
    limit: int | None = None,
) -> Points:
    """Where the rows of a queryset are on a map of a vector field, by default its only one.

    `color_by` names a field, a path to one such as "author__name", or an annotation, of one value a
    row. The projection, PCA by default, is fitted on a sample and must be a new one. With `limit`,
    a fair sample of so many rows is shown. Rows without a vector, or with one that is not of the
    space of the field's embedder, are counted in `left_out`; so the map is always of rows of the
    queryset, and of one space. Memory is that of the sample's vectors, whatever the rows.

    Raises `MapError`, and `UnknownFieldError` for the field.
    """
    chosen = vector_field(queryset.model, field)
    check_dense(chosen)
    colour = column(queryset, color_by) if color_by else None
    projection = projection or PCA()
    # A router may name another database each time it is asked.
    queryset = queryset.using(queryset.db)
    total = queryset.count()
    most = total if limit is None else min(limit, total)
    reader = Reader(chosen, color_by, LeftOut(beyond_limit=total - most))
    rows = embed_query(sampled(queryset, total, most))
    with vector_ops(connections[queryset.db]).reading():
        placed = list(_placed(reader, rows, most, projection))
    values = [value for part in placed for value in part.values]
    return Points(
        keys=[key for part in placed for key in part.keys],
        positions=_scaled([part.positions for part in placed]),
        coloured_by=colour.title if colour else "",
        grouping=grouped(values, colour.choices) if colour else ungrouped(len(values)),
        described=projection.described if placed else "",
        left_out=reader.left_out,
    )


@dataclass(frozen=True)
class Placed:
    """A block whose vectors have become positions."""

    keys: list[Any]
    values: list[Any]
    positions: FloatArray


def _placed(
    reader: Reader, rows: QuerySet[Any], total: int, projection: BaseProjection
) -> Iterator[Placed]:
    """All `total` rows, by a projection that is fitted on them or on a sample of them."""
    is_sampled = total > projection.sample
    sampler = Reader(reader.field) if is_sampled else reader
    sample = sampler.sample(rows, total, projection.sample)
    if sample is None:
        return
    projection.fit(sample.vectors)
    for block in reader.blocks(rows) if is_sampled else [sample]:
        yield Placed(block.keys, block.values, projection.transform(block.vectors))


def _scaled(parts: Sequence[FloatArray]) -> FloatArray:
    """Moved and made smaller or larger alike in both directions, to fill -1 to 1."""
    if not parts:
        return np.empty((0, 2), np.float32)
    points = np.concatenate(parts).astype(np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low).max() / 2
    scaled: FloatArray = ((points - (low + high) / 2) / (half or 1)).astype(np.float32)
    return scaled.clip(-1, 1)
