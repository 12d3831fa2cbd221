"""Writes of every kind, by any number of threads and processes, some of which are killed.

`manage.py shell -c "from tests.certified.writers import main; main(...)"` is such a process.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from random import Random
from typing import Any

from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.signals import connection_created

from hybrid_store.backends import vector_ops
from hybrid_store.models.known_indexes import own_indexes
from tests.certified import places
from tests.databases.other_ways import another_way

__all__ = ["ACTIONS", "made_row", "main", "optimize", "write"]


def made_vector(random: Random) -> list[float] | None:
    """Few different numbers, so that there are ties; and zeros."""
    return None if random.random() < 0.1 else [float(random.randint(-2, 2)) for _ in range(3)]


def made_row(model: Any, random: Random) -> Any:
    row = model(group=random.randint(0, 3), code=random.choice([None, random.randint(0, 10**9)]))
    if model is places.Named:
        row.pk = str(random.randint(0, 10**9))
    for field in places.METRICS:
        setattr(row, field, made_vector(random))
    return row


def insert(rows: Any, random: Random) -> None:
    rows.bulk_create([made_row(rows.model, random) for _ in range(random.randint(1, 40))])


def ingest(rows: Any, random: Random) -> None:
    rows.bulk_ingest([made_row(rows.model, random) for _ in range(random.randint(1, 40))])


def update(rows: Any, random: Random) -> None:
    field = random.choice([*places.METRICS])
    chosen = rows.filter(group=random.randint(0, 3))
    chosen.update(group=random.randint(0, 3), **{field: made_vector(random)})


def edit(rows: Any, random: Random) -> None:
    found = list(rows.order_by("?")[:5])
    for row in found:
        row.cosine = row.l2 = row.inner_product = made_vector(random)
    rows.bulk_update(found, [*places.METRICS])


def delete(rows: Any, random: Random) -> None:
    rows.filter(group=random.randint(0, 3), code__isnull=random.random() < 0.5).delete()


def replace(rows: Any, random: Random) -> None:
    """Rows with a new key take the place of others, by their codes."""
    codes = rows.exclude(code=None).values_list("code", flat=True)[:5]
    new = [made_row(rows.model, random) for _ in codes]
    for row, code in zip(new, codes, strict=True):
        row.code = code
    fields = ["group", *places.METRICS]
    rows.bulk_create(new, update_conflicts=True, unique_fields=["code"], update_fields=fields)


def optimize(rows: Any, random: Random | None = None) -> None:
    connection = connections[rows.db]
    for spec in own_indexes(rows.model):
        if not connection.in_atomic_block:
            vector_ops(connection).optimize(rows.model, spec)


def search(rows: Any, random: Random) -> None:
    """Which may fold what it finds changed."""
    list(rows.nearest([1, 2, 3], field=random.choice([*places.METRICS]))[:3])


ACTIONS: list[Callable[[Any, Random], None]] = [
    *(insert, ingest, update, update, edit, delete, replace, optimize, search)
]


def write(rows: Any, random: Random) -> None:
    """Some actions, each for itself or all in one transaction, which may be rolled back."""
    is_one = random.random() < 0.5
    with suppress(DatabaseError), _maybe(is_one, rows.db):
        for _ in range(random.randint(1, 4)):
            # A savepoint where there is a transaction.
            with suppress(RuntimeError), _maybe(is_one, rows.db):
                random.choice(ACTIONS)(rows.all(), random)
                if is_one and random.random() < 0.2:
                    raise RuntimeError
        if is_one and random.random() < 0.3:
            transaction.set_rollback(True, using=rows.db)


@contextmanager
def _maybe(is_atomic: bool, using: str) -> Iterator[None]:
    if is_atomic:
        with transaction.atomic(using=using):
            yield
    else:
        yield


def main(name: str, seed: int, dies_after: int | None = None, rounds: int = 1) -> None:
    """Write to a table. Dies after so many hundreds of instructions of SQLite, wherever that is.

    With None it ends by itself, and searches are right in it too.
    """
    for module, constant, value in places.SMALL:
        setattr(module, constant, value)
    [model] = [model for model in places.MODELS if model.__name__ == name]
    random, numbers = Random(seed), count(1)  # noqa: S311
    # What does not fit into memory is written before it is committed: a journal is left, hot.
    pages = random.choice([1, 2000])

    def prepared(sender: Any, connection: Any, **kwargs: Any) -> None:
        connection.connection.execute(f"PRAGMA cache_size = {pages}")
        connection.connection.set_progress_handler(lambda: live_on(next(numbers)), 100)

    def live_on(number: int) -> None:
        if number == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    connection_created.connect(prepared, weak=False)
    if dies_after is not None:
        connection.settings_dict["OPTIONS"]["timeout"] = 0
    for _ in range(rounds):
        write(model.objects.all(), random)
        if dies_after is None:
            # A transaction that takes no lock, and has its moment from the first statement on.
            with another_way("reader", {"transaction_mode": "DEFERRED"}):
                places.check_all(model, "reader")
