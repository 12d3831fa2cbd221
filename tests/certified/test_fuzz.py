"""Whatever is written, by whomever, however it ends: a search gives what brute force gives."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, suppress
from functools import partial
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    models,
    transaction,
)
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
from hybrid_store.backends.sqlite.engine import cache, search
from hybrid_store.backends.sqlite.engine.kernels import NumPyKernel
from tests.certified.conftest import on_sqlite
from tests.certified.places import (
    FILTERS,
    METRICS,
    MODELS,
    SHAPES,
    SMALL,
    Named,
    Region,
    check,
    in_database,
)
from tests.certified.writers import optimize, replace, write
from tests.databases.other_ways import another_way
from tests.reliability.processes import Launcher

pytestmark = on_sqlite

# Few different numbers, so that there are ties; and zeros.
numbers = st.integers(-2, 2).map(float)
vectors = st.none() | st.lists(numbers, min_size=3, max_size=3)
nears = st.lists(numbers, min_size=3, max_size=3).filter(any)
places = st.integers(0, 99)
groups = st.integers(0, 3)
fields = st.sampled_from([*METRICS])
seeds = st.integers(0, 999)
some_rows = st.lists(st.tuples(vectors, vectors, vectors, groups), max_size=6)
at_rest = precondition(lambda self: not self.open)


class Table(RuleBasedStateMachine):
    """The rows of one table, two connections, another program, and processes that come and go.

    One of the tables is searched as where numkong is not installed.
    """

    model: ClassVar[Any]
    launcher: ClassVar[Launcher]
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module, name, value in SMALL:
            patch.setattr(module, name, value)
        if self.model is Named:
            patch.setattr(search, "kernel", NumPyKernel)
        self.stack.enter_context(in_database(self.model))
        self.other = self.stack.enter_context(another_way("another"))
        self.other.settings_dict["OPTIONS"] = {"timeout": 0}
        self.before = self.stack.enter_context(
            another_way("before", {"transaction_mode": "DEFERRED"})
        )
        self.open: list[Any] = []
        self.made = 0
        cache.files.clear()

    def teardown(self) -> None:
        self.before.close()
        while self.open:
            self.ends(rolls_back=True)
        self.stack.close()

    @property
    def rows(self) -> Any:
        return self.model.objects

    @property
    def table(self) -> str:
        return str(self.model._meta.db_table)

    def execute(self, sql: str, *params: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql.format(table=self.table), params)

    def new_rows(self, given: list[Any]) -> list[Any]:
        regions = [None, *Region.objects.all()]
        found = []
        for cosine, l2, inner_product, group in given:
            self.made += 1
            row = self.model(cosine=cosine, l2=l2, inner_product=inner_product, group=group)
            row.code, row.region = self.made, regions[self.made % 3]
            if isinstance(self.model._meta.pk, models.CharField):
                row.pk = str(self.made)
            found.append(row)
        return found

    # Writes

    @initialize(given=st.lists(st.tuples(vectors, vectors, vectors, groups), max_size=40))
    def begins(self, given: list[Any]) -> None:
        self.rows.bulk_create(self.new_rows(given))

    @rule(given=some_rows)
    def inserts(self, given: list[Any]) -> None:
        self.rows.bulk_create(self.new_rows(given))

    @rule(given=some_rows)
    def ingests(self, given: list[Any]) -> None:
        self.rows.bulk_ingest(self.new_rows(given))

    @rule(seed=seeds)
    def replaces_by_code(self, seed: int) -> None:
        with suppress(IntegrityError), transaction.atomic():
            replace(self.rows.all(), Random(seed))  # noqa: S311

    @rule(place=places, field=fields, vector=vectors)
    def updates(self, place: int, field: str, vector: Any) -> None:
        if keys := self.keys("pk"):
            self.rows.filter(pk=keys[place % len(keys)]).update(**{field: vector})

    @rule(group=groups, to=groups, field=fields, vector=vectors)
    def updates_many(self, group: int, to: int, field: str, vector: Any) -> None:
        self.rows.filter(group=group).update(group=to, **{field: vector})

    @rule(place=places)
    def deletes(self, place: int) -> None:
        if keys := self.keys("pk"):
            self.rows.filter(pk=keys[place % len(keys)]).delete()

    @rule()
    def deletes_all(self) -> None:
        self.execute("DELETE FROM {table}")

    @rule(place=places, to=places, verb=st.sampled_from(["UPDATE", "UPDATE OR REPLACE"]))
    def changes_key(self, place: int, to: int, verb: str) -> None:
        """Also to one that another row has had, or has."""
        if keys := self.keys("rowid"):
            sql = f"{verb} {{table}} SET rowid = %s WHERE rowid = %s"
            with suppress(IntegrityError), transaction.atomic():
                self.execute(sql, keys[to % len(keys)] + to % 2, keys[place % len(keys)])

    @rule(place=places)
    def another_row_takes_a_code(self, place: int) -> None:
        """A row that is replaced is deleted, and no trigger tells; see the limits in the docs."""
        self.before.close()
        if keys := self.keys("rowid"):
            taken = "(SELECT max(code) FROM {table})"
            sql = f"UPDATE OR REPLACE {{table}} SET code = {taken} WHERE rowid = %s"  # noqa: S608
            self.execute(sql, keys[place % len(keys)])

    def keys(self, name: str) -> list[Any]:
        with connection.cursor() as cursor:
            column = "id" if name == "pk" else name
            cursor.execute(f"SELECT {column} FROM {self.table} ORDER BY {column}")  # noqa: S608
            return [key for (key,) in cursor.fetchall()]

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

    @rule(seed=seeds)
    def another_connection_writes(self, seed: int) -> None:
        with suppress(DatabaseError):
            write(self.rows.using("another"), Random(seed))  # noqa: S311

    @rule(vector=vectors, group=groups, commits=st.booleans())
    def another_program_writes(self, vector: Any, group: int, commits: bool) -> None:
        """It knows nothing of Django."""
        blob = None if vector is None else np.array(vector, np.float32).tobytes()
        program = sqlite3.connect(connection.settings_dict["NAME"], timeout=0)
        with suppress(sqlite3.OperationalError):
            sql = f'UPDATE {self.table} SET cosine = ?, inner_product = ? WHERE "group" = ?'  # noqa: S608
            program.execute(sql, (blob, blob, group))
            if commits:
                program.commit()
        program.close()

    @rule(seed=seeds, dies_after=st.none() | st.integers(1, 60))
    def another_process_writes(self, seed: int, dies_after: int | None) -> None:
        """And may be killed, in the middle of a statement."""
        given = (self.model.__name__, seed, dies_after or 10**9)
        code = f"from tests.certified.writers import main; main(*{given})"
        process = self.launcher.start("shell", "-c", code, settings={})
        assert process.wait() in (0, -9), process.output

    @rule()
    def a_new_process_comes(self) -> None:
        cache.files.clear()

    @at_rest
    @rule()
    def codes_are_written(self) -> None:
        optimize(self.rows.all())

    @rule()
    def a_moment_is_kept(self) -> None:
        """In WAL mode, by a transaction that reads; otherwise it would lock all others out."""
        self.before.close()
        with self.before.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            if cursor.fetchone() == ("wal",):
                cursor.execute("BEGIN")
                cursor.execute(f"SELECT count(*) FROM {self.table}")  # noqa: S608

    @at_rest
    @rule()
    def vacuums(self) -> None:
        self.other.close()
        with suppress(OperationalError):
            self.execute("VACUUM")

    @at_rest
    @rule()
    def the_table_is_made_anew(self) -> None:
        """As Django does in order to alter it."""
        self.other.close()
        old, new = (models.IntegerField(default=0, db_index=is_old) for is_old in (True, False))
        for field in (old, new):
            field.set_attributes_from_name("group")
            field.model = self.model
        with connection.schema_editor() as editor:
            editor.alter_field(self.model, old, new)
            editor.alter_field(self.model, new, old)

    @at_rest
    @rule(field=fields, given=some_rows)
    def an_index_goes_and_comes(self, field: str, given: list[Any]) -> None:
        self.other.close()
        [index] = [index for index in self.model._meta.indexes if index.fields == [field]]
        with connection.schema_editor() as editor:
            editor.remove_index(self.model, index)
        self.inserts(given)
        self.search(field, [1.0, 2.0, -1.0], "default")
        with connection.schema_editor() as editor:
            editor.add_index(self.model, index)

    # Searches

    @rule(
        field=fields,
        near=nears,
        rows=st.sampled_from([*FILTERS]),
        start=st.integers(0, 9),
        count=st.integers(1, 6),
        limit=st.none() | st.floats(-3, 3),
        using=st.sampled_from(["default", "another"]),
        shape=st.sampled_from([*SHAPES]),
    )
    def searches_in_any_way(self, **options: Any) -> None:
        self.search(**options)

    @rule(field=fields, near=nears, is_held=st.booleans(), nulls_last=st.sampled_from([None, True]))
    def orders_by_an_expression(
        self, field: str, near: Any, is_held: bool, nulls_last: bool | None
    ) -> None:
        """A slice is one of the whole list, which SQLite compares row by row."""
        rows = self.rows.exclude(**{field: None}) if is_held else self.rows.filter(group__lt=3)
        distance = METRICS[field](field, near).asc(nulls_last=nulls_last)
        ranked = rows.order_by(distance, "pk").values_list("pk", flat=True)
        assert list(ranked[1:6]) == list(ranked)[1:6]

    @rule(near=nears)
    def takes_the_farthest(self, near: Any) -> None:
        ranked = self.rows.nearest(near, field="l2")
        whole = [row.pk for row in ranked]
        assert [row.pk for row in ranked.reverse()[:4]] == whole[::-1][:4]

    def search(self, field: str, near: Any, using: str, rows: str = "all", **options: Any) -> None:
        with suppress(OperationalError):  # locked by the other connection
            check(FILTERS[rows](self.rows.using(using)), field, near, **options)

    @invariant()
    def searches_are_right(self) -> None:
        """After every step, on both connections, of all rows and of some."""
        type(self).steps += 1
        search = partial(self.search, near=[1.0, 2.0, -1.0])
        for using, field, other in (
            ("default", "cosine", "inner_product"),
            ("another", "l2", "cosine"),
            ("before", "cosine", "l2"),
        ):
            search(field, using=using)
            search(other, using=using, rows="some", start=1, count=1, shape="objects")

    @invariant()
    def the_log_is_kept(self) -> None:
        """No write has failed because of a trigger, and no trigger is lost."""
        names = {index.name for index in vector_ops(connection).stored_indexes(self.model)}
        assert names == {index.name for index in self.model._meta.indexes}


def run(model: Any, launcher: Launcher, examples: int, steps: int) -> int:
    """Gives how many steps were done."""
    machine: Any = type("Table", (Table,), {"model": model, "launcher": launcher})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps)
    )
    return int(machine.steps)


both_keys = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@both_keys
@pytest.mark.usefixtures("journal")
def test_searches_give_what_brute_force_gives(model: Any, launcher: Launcher) -> None:
    run(model, launcher, examples=4, steps=30)


@both_keys
@pytest.mark.long
@pytest.mark.usefixtures("journal")
def test_searches_give_what_brute_force_gives_in_ten_thousand_steps(
    model: Any, launcher: Launcher
) -> None:
    """In each mode of the journal, half of them for each kind of key."""
    assert run(model, launcher, examples=130, steps=50) >= 5000
