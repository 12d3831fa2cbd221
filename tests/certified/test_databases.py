"""Databases of other kinds, and what may happen to the file of one."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from hybrid_store.backends.sqlite.engine import cache
from tests.certified.conftest import on_sqlite
from tests.certified.places import Numbered, check_all, in_database
from tests.certified.writers import insert, optimize, write
from tests.databases.other_ways import another_way

pytestmark = on_sqlite


@contextmanager
def database(alias: str, name: str, seed: int = 1) -> Iterator[Any]:
    """The rows of a table in a database of its own."""
    with another_way(alias, NAME=name), in_database(Numbered, alias):
        rows = Numbered.objects.using(alias)
        random = Random(seed)  # noqa: S311
        for _ in range(4):
            insert(rows, random)
        yield rows


def names_of(rows: Any) -> list[int]:
    return list(rows.nearest([1, 2, 3], field="l2").values_list("pk", flat=True)[:5])


def test_databases_in_memory_are_apart(seed: int) -> None:
    with database("one", ":memory:", seed) as one, database("two", ":memory:", seed + 1) as two:
        random = Random(seed)  # noqa: S311
        for rows in (one, two) * 5:
            check_all(Numbered, rows.db)
            write(rows.all(), random)
            check_all(Numbered, rows.db)
            assert rows.nearest([1, 2, 3], field="l2")[:2].explain_search().index


def test_a_connection_to_memory_goes_from_thread_to_thread(seed: int) -> None:
    with database("one", ":memory:") as rows:
        memory, random, found = connections["one"], Random(seed), []  # noqa: S311
        memory.inc_thread_sharing()

        def work() -> None:
            connections["one"] = memory
            write(rows.all(), random)
            check_all(Numbered, "one")
            found.append(names_of(rows))

        for _ in range(5):
            thread = Thread(target=work)
            thread.start()
            thread.join()
            assert found[-1] == names_of(rows)
            check_all(Numbered, "one")
        memory.dec_thread_sharing()


def test_connections_share_a_database_in_memory(seed: int) -> None:
    """What one of them has written, and not committed, locks the table for the other."""
    name, random = "file:certified?mode=memory&cache=shared", Random(seed)  # noqa: S311
    with database("one", name) as rows, another_way("two", NAME=name):
        for using in ("one", "two") * 5:
            write(rows.using(using), random)
            with transaction.atomic("one"):
                rows.update(group=1)
                with pytest.raises(OperationalError, match="locked"):
                    names_of(rows.using("two"))
            for each in ("one", "two"):
                check_all(Numbered, each)


def test_tables_of_the_same_name_are_apart(tmp_path: Path, seed: int) -> None:
    with (
        database("one", str(tmp_path / "one"), seed) as one,
        database("two", str(tmp_path / "two"), seed + 1) as two,
    ):
        random = Random(seed)  # noqa: S311
        for rows in (one, two) * 5:
            check_all(Numbered, rows.db)
            write(rows.all(), random)
            check_all(Numbered, rows.db)


def test_a_file_is_replaced(tmp_path: Path, seed: int) -> None:
    """The open connection still sees the old one, other connections see the new one."""
    random, name = Random(seed), tmp_path / "one"  # noqa: S311
    with database("one", str(name)) as rows:
        for _ in range(4):
            optimize(rows)
            check_all(Numbered, "one")
            shutil.copyfile(name, tmp_path / "copy")
            for using in ("copy", "one"):
                with another_way("copy", NAME=str(tmp_path / "copy")):
                    write(rows.using(using), random)
                    check_all(Numbered, "copy")
            os.replace(tmp_path / "copy", name)
            with another_way("two", NAME=str(name)):
                for using in ("one", "two", "one", "two"):
                    check_all(Numbered, using)
            connections["one"].close()
            check_all(Numbered, "one")


def test_a_file_is_removed(tmp_path: Path) -> None:
    """Who has it open goes on, and it does not come back as an empty one."""
    file = tmp_path / "file?.sqlite3"
    with database("one", str(file)) as rows:
        names_of(rows)
        cache.files.clear()
        os.rename(file, tmp_path / "elsewhere")
        assert len(names_of(rows)) == 5
        assert not file.exists()
        os.rename(tmp_path / "elsewhere", file)
        check_all(Numbered, "one")


def test_a_database_is_read_only(tmp_path: Path, seed: int) -> None:
    name = tmp_path / "one"
    with database("one", str(name)) as rows:
        optimize(rows)
        with another_way(
            "two", {"uri": True, "transaction_mode": None}, NAME=f"file:{name}?mode=ro"
        ):
            for _ in range(6):
                write(rows.all(), Random(seed))  # noqa: S311
                check_all(Numbered, "two")
                names = names_of(rows.using("two"))
                cache.files.clear()
                assert names_of(rows.using("two")) == names
            with pytest.raises(DatabaseError, match="readonly"):
                optimize(rows.using("two"))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_database_is_locked(journal: str, is_known: bool) -> None:
    """By another program, which is not waited for here; who writes in WAL mode locks nobody out."""
    with in_database(Numbered), another_way("two", {"timeout": 0, "transaction_mode": None}):
        rows = Numbered.objects.using("two")
        insert(Numbered.objects.all(), Random(1))  # noqa: S311
        if is_known:
            names_of(rows)
        program = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        program.execute("BEGIN EXCLUSIVE")
        program.execute(f"DELETE FROM {Numbered._meta.db_table}")  # noqa: S608
        if journal == "wal":
            check_all(Numbered, "two")
        else:
            with pytest.raises(OperationalError, match="locked"):
                names_of(rows)
        program.execute("ROLLBACK")
        program.close()
        check_all(Numbered, "two")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_transaction_locks_out_what_connections_begin_with() -> None:
    """It has written more than fits into memory, and so to the file."""
    options = {"init_command": "PRAGMA cache_size = 1"}
    with in_database(Numbered), another_way("two", {**options, "timeout": 300}):
        rows, random = Numbered.objects.using("two"), Random(1)  # noqa: S311
        insert(rows, random)
        check_all(Numbered, "two")
        with transaction.atomic("two"):
            for _ in range(20):
                insert(rows, random)
            rows.update(code=None)
            check_all(Numbered, "two")
    # Django forgets connections that it cannot prepare.
    gc.collect()
