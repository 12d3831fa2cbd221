"""Tables whose rows are committed, so that searches are answered by codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from hybrid_store.backends.sqlite.engine.cache import files
from hybrid_store.models import HybridManager, VectorField, VectorIndex
from tests.reliability.conftest import launcher, launcher_of_session

__all__ = ["DIMENSIONS", "launcher", "launcher_of_session", "made", "on_sqlite", "random_vectors"]

# Also no process is started elsewhere.
on_sqlite = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

DIMENSIONS = 16


@pytest.fixture(autouse=True)
def _only_on_sqlite(request: pytest.FixtureRequest) -> Iterator[None]:
    if "django_db" in request.keywords and connection.vendor != "sqlite":
        pytest.skip("the run is on another database")
    yield
    files.clear()


def random_vectors(rows: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).standard_normal((rows, DIMENSIONS)).astype(np.float32)


@contextmanager
def made(key: Callable[[], models.Field[Any, Any]] = models.BigAutoField) -> Iterator[Any]:
    """A model with an index, and its table."""
    with isolate_apps("hybrid_store.test"):

        class Place(models.Model):
            id = key(primary_key=True)  # type: ignore[call-arg]
            name = models.CharField(max_length=20)
            number = models.IntegerField(default=0, db_index=True)
            vector = VectorField(dimensions=DIMENSIONS, null=True)

            objects = HybridManager()

            class Meta:
                app_label = "hybrid_store_test"
                indexes = [VectorIndex("vector", name="certified_place_vec")]

    with connection.schema_editor() as editor:
        editor.create_model(Place)
    try:
        yield Place
    finally:
        with connection.schema_editor() as editor:
            editor.remove_index(Place, Place._meta.indexes[0])
            editor.delete_model(Place)


@pytest.fixture
def place() -> Iterator[Any]:
    """The model, with 600 rows."""
    with made() as model:
        fill(model)
        yield model


def fill(model: Any, rows: int = 600, **values: Any) -> None:
    vectors = random_vectors(rows)
    model.objects.bulk_create(
        model(name=f"place {n}", number=n, vector=vector, **values)
        for n, vector in enumerate(vectors)
    )


@pytest.fixture(params=["delete", "wal"])
def journal(request: pytest.FixtureRequest) -> Iterator[str]:
    """In WAL mode a transaction can see a moment that others have left behind."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA journal_mode = {request.param}")
    yield request.param
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = delete")
    files.clear()
