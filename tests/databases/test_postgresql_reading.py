"""Many rows, read in binary form where that changes no value."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext

from hybrid_store.backends import vector_ops
from hybrid_store.backends.postgresql.reading import BinaryRows
from hybrid_store.maps import PCA, map_points
from hybrid_store.test.models import Point, Specimen
from tests.databases.drivers import HAS_PSYCOPG3, needs_psycopg3
from tests.databases.other_ways import another_way

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

OTHER_TYPES = [
    "0.1::float4",
    "'1 day 02:03:04'::interval",
    "'{1,2}'::int[]",
    "'[1,3)'::int4range",
    "'a b'::tsvector",
    "'[1,2]'::vector",
    "'10.0.0.1'::inet",
    "'a'::\"char\"",
    "5::oid",
]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each FETCH in binary form gave."""
    found: list[int] = []
    fetch: Callable[..., Any] = BinaryRows.fetchmany

    def fetchmany(rows: BinaryRows, size: int) -> Any:
        part = fetch(rows, size)
        found.append(len(part))
        return part

    monkeypatch.setattr(BinaryRows, "fetchmany", fetchmany)
    return found


def read(rows: Any) -> list[Any]:
    with vector_ops(connection).reading():
        return [*rows.iterator(chunk_size=2)]


def told(row: Any) -> list[str]:
    """Values with their types; psycopg2 gives bytes as they are in its memory."""
    return [repr(bytes(v) if isinstance(v, memoryview) else v) for v in row]


@pytest.fixture
def _specimens() -> None:
    for place, moment in enumerate(("2024-03-31T01:30:00+00:00", "1969-12-31T23:59:59+00:00")):
        Specimen.objects.create(
            text="tëxt\n" * place,
            chars="c",
            flag=bool(place),
            number=-place,
            large=2**62 + place,
            real=0.1 + place,
            price=Decimal("-10.50") / 10**place,
            code=UUID(int=place + 1),
            day=datetime.date(1970 + place, 1, 2),
            hour=datetime.time(1, 2, 3, 4),
            moment=datetime.datetime.fromisoformat(moment),
            span=datetime.timedelta(1, 2, 3),
            data={"a": [1, None]},
            raw=b"\0\xff",
            address="::1",
            vector=[1, 2, 3],
            half=[1, 2, 3],
            embedding=np.ones(384),
        )
    Specimen.objects.create()


@pytest.mark.usefixtures("_specimens")
def test_every_column_has_the_values_that_it_has_otherwise(fetched: list[int]) -> None:
    names = [field.name for field in Specimen._meta.concrete_fields]
    for name in names:
        rows = Specimen.objects.order_by("pk").values_list("pk", name)
        expected, found = [*rows], read(rows)
        assert [*map(told, found)] == [*map(told, expected)], name
    assert bool(fetched) == HAS_PSYCOPG3


@pytest.mark.usefixtures("_specimens")
@pytest.mark.parametrize("sql", OTHER_TYPES)
def test_other_types_are_read_as_text(sql: str, fetched: list[int]) -> None:
    other = RawSQL(sql, (), output_field=models.TextField())  # noqa: S611
    rows = Specimen.objects.order_by("pk").annotate(other=other).values_list("pk", "other")
    assert read(rows) == [*rows]
    assert fetched == []


@needs_psycopg3
@pytest.mark.usefixtures("_specimens")
def test_keys_vectors_and_values_come_in_binary_form(fetched: list[int]) -> None:
    map_points(Specimen.objects.all(), "half", color_by="price")
    assert fetched == [3, 0]
    read(Specimen.objects.values_list("pk", "vector", "embedding_fingerprint"))
    assert fetched == [3, 0, 2, 1, 0]


@needs_psycopg3
@pytest.mark.usefixtures("_specimens")
def test_outside_of_it_rows_are_read_as_django_reads_them(fetched: list[int]) -> None:
    with vector_ops(connection).reading():
        pass
    assert len([*Specimen.objects.values_list("pk").iterator()]) == 3
    assert fetched == []


@pytest.mark.usefixtures("_specimens")
def test_no_row_is_written_to_a_file_first() -> None:
    with vector_ops(connection).reading():
        rows = Specimen.objects.values_list("pk").iterator(chunk_size=1)
        next(rows)
        with connection.cursor() as cursor:
            cursor.execute("SELECT is_holdable FROM pg_cursors")
            assert cursor.fetchall() == [(False,)]
        assert len([*rows]) == 2
    assert connection.get_autocommit()


class FailingProjection(PCA):
    def transform(self, vectors: Any) -> Any:
        raise ImproperlyConfigured


@pytest.mark.usefixtures("_specimens")
def test_a_map_that_fails_leaves_no_transaction_and_breaks_none() -> None:
    with pytest.raises(ImproperlyConfigured):
        map_points(Specimen.objects.all(), "vector", projection=FailingProjection())
    assert connection.get_autocommit()
    with transaction.atomic():
        with pytest.raises(ImproperlyConfigured):
            map_points(Specimen.objects.all(), "vector", projection=FailingProjection())
        assert len(map_points(Specimen.objects.all(), "vector")) == 2
        Point.objects.create(name="kept")
    assert Point.objects.filter(name="kept").exists()


@pytest.mark.usefixtures("_specimens")
def test_within_a_transaction_no_other_statement_is_sent() -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        map_points(Specimen.objects.all(), "vector")
    assert len(queries) == 2


@needs_psycopg3
@pytest.mark.usefixtures("_specimens")
@pytest.mark.parametrize(
    "settings",
    [{"options": {"server_side_binding": True}}, {"DISABLE_SERVER_SIDE_CURSORS": True}],
)
def test_other_cursors_of_django_give_the_same_map(settings: Any, fetched: list[int]) -> None:
    expected = map_points(Specimen.objects.all(), "vector", color_by="price")
    with another_way("other_way", **settings):
        rows = Specimen.objects.using("other_way")
        found = map_points(rows, "vector", color_by="price")
    assert found.keys == expected.keys
    assert found.grouping.groups == expected.grouping.groups
    assert fetched == [3, 0] * (2 if "options" in settings else 1)
