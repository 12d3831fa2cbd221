"""Whatever is written, by whomever, however it ends: a search gives what brute force gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hybrid_store.backends import vector_ops
from hybrid_store.backends.sqlite import dense
from hybrid_store.backends.sqlite.engine import cache, folding, log, search, state
from hybrid_store.models import certified
from hybrid_store.models.known_indexes import declared_indexes
from hybrid_store.test.models import Point
from hybrid_store.vectors import SINGLE
from tests.databases.other_ways import another_way

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

# So small that a few rows go through all that many rows go through.
SMALL = [
    (certified, "LEAST_PROPOSED", 2),
    (certified, "PROPOSED", 1),
    (certified, "GROWTH", 2),
    (certified, "MOST_SHARE", 1),
    (search, "MOST_CHANGED", 3),
    (state, "MOST_ROWS", 9),
    (state, "CHUNK", 4),
    (folding, "LEAST", 4),
    (folding, "SEGMENT", 5),
    (log, "KEPT", 2),
]
FIELDS = {"vector": "cosine", "half": "l2"}

# Few different numbers, so that there are ties; and zeros.
numbers = st.integers(-2, 2).map(float)
vectors = st.none() | st.lists(numbers, min_size=3, max_size=3)
places = st.integers(0, 99)
groups = st.integers(0, 3)
fields = st.sampled_from([*FIELDS])


def nearest_by_hand(rows: list[tuple[Any, ...]], near: Any, metric: str) -> list[tuple[float, int]]:
    """Distance and key, nearest first."""
    compare = dense.distances(SINGLE)[metric](np.array(near, np.float32).tobytes())
    found = [
        (compare(np.array(vector, np.float32).tobytes()), pk)
        for pk, vector in rows
        if vector is not None
    ]
    return sorted((distance, pk) for distance, pk in found if distance is not None)


class Table(RuleBasedStateMachine):
    """The points of one database, two connections and some processes that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module, name, value in SMALL:
            patch.setattr(module, name, value)
        self.other = self.stack.enter_context(another_way("another"))
        self.other.settings_dict["OPTIONS"] = {"timeout": 0}
        self.open: list[Any] = []
        Point.objects.all().delete()
        cache.files.clear()

    def teardown(self) -> None:
        while self.open:
            self.ends(rolls_back=True)
        self.stack.close()

    # Writes

    @initialize(given=st.lists(st.tuples(vectors, vectors, groups), max_size=40))
    def begins(self, given: list[Any]) -> None:
        self.inserts(given)

    @rule(given=st.lists(st.tuples(vectors, vectors, groups), max_size=6))
    def inserts(self, given: list[Any]) -> None:
        rows = [Point(vector=vector, half=half, group=group) for vector, half, group in given]
        Point.objects.bulk_create(rows)

    @rule(place=places, field=fields, vector=vectors)
    def updates(self, place: int, field: str, vector: Any) -> None:
        if keys := self.keys():
            Point.objects.filter(pk=keys[place % len(keys)]).update(**{field: vector})

    @rule(group=groups, to=groups, field=fields, vector=vectors)
    def updates_many(self, group: int, to: int, field: str, vector: Any) -> None:
        Point.objects.filter(group=group).update(group=to, **{field: vector})

    @rule(place=places)
    def deletes(self, place: int) -> None:
        if keys := self.keys():
            Point.objects.filter(pk=keys[place % len(keys)]).delete()

    @rule(place=places, to=places, replaces=st.booleans())
    def changes_key(self, place: int, to: int, replaces: bool) -> None:
        """Also to one that another row has had, or has."""
        if keys := self.keys():
            verb = "UPDATE OR REPLACE" if replaces else "UPDATE"
            table = Point._meta.db_table
            with suppress(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                sql = f"{verb} {table} SET id = %s WHERE id = %s"
                cursor.execute(sql, [keys[to % len(keys)] + to % 2, keys[place % len(keys)]])

    def keys(self) -> list[int]:
        return list(Point.objects.order_by("pk").values_list("pk", flat=True))

    # Transactions

    @precondition(lambda self: len(self.open) < 3)
    @rule()
    def starts(self) -> None:
        """A transaction, or a savepoint within."""
        atomic = transaction.atomic()
        atomic.__enter__()
        self.open.append(atomic)

    @precondition(lambda self: self.open)
    @rule(rolls_back=st.booleans())
    def ends(self, rolls_back: bool) -> None:
        if rolls_back:
            transaction.set_rollback(True)
        self.open.pop().__exit__(None, None, None)

    # Others

    @rule(vector=vectors, group=groups, rolls_back=st.booleans())
    def another_connection_writes(self, vector: Any, group: int, rolls_back: bool) -> None:
        rows = Point.objects.using("another")
        with suppress(OperationalError), transaction.atomic(using="another"):
            rows.filter(group=group).update(vector=vector)
            rows.create(vector=vector, half=vector, group=group)
            transaction.set_rollback(rolls_back, using="another")

    @rule()
    def a_new_process_comes(self) -> None:
        cache.files.clear()

    @precondition(lambda self: not self.open)
    @rule()
    def codes_are_written(self) -> None:
        for model, spec in declared_indexes("default"):
            if model is Point:
                vector_ops(connection).optimize(model, spec)

    @precondition(lambda self: not self.open)
    @rule()
    def vacuums(self) -> None:
        self.other.close()
        with suppress(sqlite3.OperationalError, OperationalError), connection.cursor() as cursor:
            cursor.execute("VACUUM")

    # Searches

    @rule(
        field=fields,
        near=st.lists(numbers, min_size=3, max_size=3).filter(any),
        group=st.none() | groups,
        start=st.integers(0, 4),
        count=st.integers(1, 6),
        limit=st.none() | st.floats(0, 3),
        using=st.sampled_from(["default", "another"]),
        shape=st.sampled_from(["objects", "values", "flat"]),
    )
    def searches_in_any_way(self, **options: Any) -> None:
        self.search(**options)

    def search(
        self,
        field: str,
        near: Any,
        using: str,
        group: int | None = None,
        start: int = 0,
        count: int = 2,
        limit: float | None = None,
        shape: str = "objects",
    ) -> None:
        rows = Point.objects.using(using)
        rows = rows.all() if group is None else rows.filter(Q(group=group) | Q(pk=-1))
        ranked = rows.nearest(near, field=field, max_distance=limit)[start : start + count]
        with suppress(OperationalError):  # locked by the other connection
            found = SHAPES[shape](ranked)
            truth = nearest_by_hand(list(rows.values_list("pk", field)), near, FIELDS[field])
            wanted = [pair for pair in truth if limit is None or pair[0] <= limit]
            assert found == [pk for _, pk in wanted[start : start + count]]

    @invariant()
    def searches_are_right(self) -> None:
        """After every step, on both connections, of all rows and of some."""
        for using, field in (("default", "vector"), ("another", "half")):
            self.search(field, [1.0, 2.0, -1.0], using)
            self.search(field, [0.0, 1.0, 1.0], using, group=1, start=1, count=1, shape="flat")

    @invariant()
    def the_log_is_kept(self) -> None:
        """No write has failed because of a trigger, and no trigger is lost."""
        names = {index.name for index in vector_ops(connection).stored_indexes(Point)}
        assert names == {"test_point_vec", "test_point_half"}


SHAPES: dict[str, Callable[[Any], list[int]]] = {
    "objects": lambda ranked: [point.pk for point in ranked],
    "values": lambda ranked: [row["id"] for row in ranked.values("name", "id")],
    "flat": lambda ranked: list(ranked.values_list("pk", flat=True)),
}


@pytest.fixture(params=["delete", "wal"])
def _journal(request: pytest.FixtureRequest) -> Iterator[None]:
    """In WAL mode a transaction can see a moment that others have left behind."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA journal_mode = {request.param}")
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = delete")
    cache.files.clear()


@pytest.mark.usefixtures("_journal")
def test_searches_give_what_brute_force_gives() -> None:
    run_state_machine_as_test(Table, settings=settings(max_examples=25, stateful_step_count=30))


@pytest.mark.long
@pytest.mark.usefixtures("_journal")
def test_searches_give_what_brute_force_gives_in_ten_thousand_steps() -> None:
    run_state_machine_as_test(Table, settings=settings(max_examples=200, stateful_step_count=50))
