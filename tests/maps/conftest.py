"""Rows to make maps of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book, Point


@pytest.fixture
def books(db: None) -> list[Book]:
    """Five books of two authors, embedded, and one that is not."""
    ann, bob = (Author.objects.create(name=name) for name in ("Ann", "Bob"))
    texts = ["red apples", "green apples", "stone bridges", "iron bridges", "old bridges"]
    for place, title in enumerate(texts):
        Book.objects.create(title=title, year=2000 + place, author=ann if place < 2 else bob)
    generate(Book)
    Book.objects.create(title="not embedded yet", year=1990)
    return [*Book.objects.order_by("pk")]


@pytest.fixture
def make_points(db: None) -> Callable[..., list[Point]]:
    """Makes points with vectors near a plane, the same every time."""

    def make(rows: int, **values: Any) -> list[Point]:
        vectors = np.random.default_rng(rows).normal(size=(rows, 3)) * [3, 2, 0.1]
        made = [Point(name=f"p{n}", vector=v, **values) for n, v in enumerate(vectors)]
        Point.objects.bulk_create(made)
        return made

    return make
