"""Tables with an index of every metric, and what brute force finds in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from django.db import connections, models, transaction
from django.db.models import Q
from django.test.utils import isolate_apps

from hybrid_store.backends.sqlite import dense
from hybrid_store.backends.sqlite.engine import folding, log, search, state
from hybrid_store.models import (
    CosineDistance,
    HalfVectorField,
    HybridManager,
    L2Distance,
    MaxInnerProduct,
    VectorField,
    VectorIndex,
    certified,
)
from hybrid_store.vectors import SINGLE

__all__ = [
    "FILTERS",
    "METRICS",
    "MODELS",
    "SHAPES",
    "SMALL",
    "Named",
    "Numbered",
    "Region",
    "check",
    "check_all",
    "in_database",
]

# So small that a few rows go through all that many rows go through.
SMALL = [
    (certified, "LEAST_PROPOSED", 2),
    (certified, "PROPOSED", 1),
    (certified, "GROWTH", 2),
    (certified, "MOST_SHARE", 1),
    (certified, "LARGE", 40),
    (search, "MOST_CHANGED", 3),
    (state, "MOST_ROWS", 9),
    (state, "CHUNK", 4),
    (folding, "LEAST", 4),
    (folding, "SEGMENT", 5),
    (folding, "STEP", 1),
    (folding, "PAUSE", 0),
    (folding, "PATIENCE", 0),
    (log, "KEPT", 2),
]

with isolate_apps("hybrid_store.test"):

    class Region(models.Model):
        name = models.CharField(max_length=5, unique=True)

        objects: ClassVar[Any] = models.Manager()

        class Meta:
            app_label = "hybrid_store_test"

    class Base(models.Model):
        """A vector for every metric, of the same name."""

        code = models.IntegerField(null=True, unique=True)
        group = models.IntegerField(default=0, db_index=True)
        region = models.ForeignKey(Region, models.CASCADE, null=True)
        cosine = VectorField(dimensions=3, null=True)
        l2 = HalfVectorField(dimensions=3, null=True)
        inner_product = VectorField(dimensions=3, null=True)

        objects = HybridManager()

        class Meta:
            abstract = True
            app_label = "hybrid_store_test"
            indexes = [
                VectorIndex("cosine", metric="cosine", name="%(class)s_cosine"),
                VectorIndex("l2", metric="l2", name="%(class)s_l2"),
                VectorIndex("inner_product", metric="inner_product", name="%(class)s_inner"),
            ]

    class Numbered(Base):
        """Its key is that of the row."""

        id = models.BigAutoField(primary_key=True)

    class Named(Base):
        """VACUUM may give its rows other keys than they had."""

        id = models.CharField(primary_key=True, max_length=40)


MODELS: list[Any] = [Numbered, Named]
METRICS: dict[str, Any] = {
    "cosine": CosineDistance,
    "l2": L2Distance,
    "inner_product": MaxInnerProduct,
}
FILTERS: dict[str, Callable[[Any], Any]] = {
    "all": lambda rows: rows.all(),
    "some": lambda rows: rows.filter(group=1),
    "any": lambda rows: rows.filter(Q(group=1) | Q(code__gt=20)),
    "not": lambda rows: rows.filter(~Q(group=1), code__lt=40),
    "join": lambda rows: rows.filter(region__name="a"),
    "outer join": lambda rows: rows.filter(Q(region__name="a") | Q(group=2)),
    "exclude a join": lambda rows: rows.exclude(region__name="a").select_related("region"),
    "subquery": lambda rows: rows.filter(pk__in=rows.filter(group__lt=2).values("pk")),
    "no row": lambda rows: rows.filter(pk__in=[]),
    "few": lambda rows: rows.filter(code__lt=3),
    "a scan": lambda rows: rows.filter(code__contains="1"),
}
SHAPES: dict[str, Callable[[Any], list[Any]]] = {
    "objects": lambda ranked: [row.pk for row in ranked],
    "values": lambda ranked: [row["id"] for row in ranked.values("code", "id")],
    "flat": lambda ranked: list(ranked.values_list("pk", flat=True)),
    "iterator": lambda ranked: [row.pk for row in ranked.iterator(chunk_size=2)],
    "related": lambda ranked: [row.pk for row in ranked.select_related("region").only("region")],
}


def check(
    rows: Any,
    field: str,
    near: Any,
    *,
    start: int = 0,
    count: int = 2,
    limit: float | None = None,
    shape: str = "flat",
) -> None:
    """A search gives what brute force gives: both in one transaction, if others write."""
    ranked = rows.nearest(near, field=field, max_distance=limit)
    found = SHAPES[shape](ranked[start : start + count])
    assert found == nearest_by_hand(rows, field, near, limit)[start : start + count]


def nearest_by_hand(rows: Any, field: str, near: Any, limit: float | None = None) -> list[Any]:
    """Keys, nearest first."""
    compare = dense.distances(SINGLE)[field](np.array(near, np.float32).tobytes())
    found = [
        (compare(np.array(vector, np.float32).tobytes()), pk)
        for pk, vector in rows.values_list("pk", field)
        if vector is not None
    ]
    distances = sorted((distance, pk) for distance, pk in found if distance is not None)
    return [pk for distance, pk in distances if limit is None or distance <= limit]


def check_all(model: Any, using: str = "default") -> None:
    """Searches of every metric, of all rows and of some, at one moment."""
    with transaction.atomic(using=using, durable=False):
        rows = model.objects.using(using)
        for field in METRICS:
            check(rows.all(), field, [1.0, 2.0, -1.0], count=5)
            check(rows.filter(group=1), field, [0.0, 1.0, 1.0], start=1, count=3, shape="objects")


@contextmanager
def in_database(model: Any, using: str = "default") -> Iterator[Any]:
    """The table of a model, empty."""
    with connections[using].schema_editor() as editor:
        editor.create_model(Region)
        editor.create_model(model)
    try:
        Region.objects.using(using).bulk_create(Region(name=name) for name in "ab")
        yield model
    finally:
        with connections[using].schema_editor() as editor:
            for index in model._meta.indexes:
                editor.remove_index(model, index)
            editor.delete_model(model)
            editor.delete_model(Region)
