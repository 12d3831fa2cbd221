"""The database goes away, is locked, full or read-only while rows are embedded."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from hybrid_store.management.commands import generate_embeddings
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.report import Report
from hybrid_store.test.models import Article, Book, Essay
from hybrid_store.test.watching import before_each_answer
from tests import servers
from tests.durability.conftest import Manage
from tests.durability.disturbing import (
    BrokenError,
    Killed,
    broken_at_statement,
    changed_settings,
    disturb,
    disturb_now_and_then,
    impatient,
    killed_at_statement,
    out_of_reach,
    own_session,
    with_options,
)
from tests.durability.watching import before_statement, paid_texts, statements
from tests.reliability.invariants import check_invariants, check_paid, text_of
from tests.reliability.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LABEL = "hybrid_store_test.Book"
MODELS: list[Any] = [Book, Essay, Article]


def make_rows(model: Any, count: int = 5) -> None:
    """Rows whose texts differ, one more with the last text, and a blank one."""
    model.objects.all().delete()
    words = [*(f"word {number}" for number in range(count)), f"word {count - 1}", ""]
    model.objects.bulk_create([make_row(model, word) for word in words])


def make_row(model: Any, word: str) -> Any:
    if model is Book:
        return Book(title=word)
    return Essay(words=word) if model is Essay else Article(slug=word)


def generate(model: Any = Book, **options: Any) -> Report:
    return Generation(embedding_field(model), batch_size=2, **options).run()


def needed(model: Any) -> set[str]:
    texts = {text_of(embedding_field(model), row) for row in model.objects.all()}
    return {text for text in texts if text.strip()}


def expect_all_embedded(model: Any, paid: list[str]) -> None:
    """Everything is embedded, nothing was paid twice, and nothing is left behind."""
    rows = check_invariants(model)
    assert (rows.stale, len(rows.blank)) == (set(), 1)
    check_paid(paid, needed(model))


# A failure that passes


@pytest.mark.parametrize("model", MODELS)
def test_a_failure_before_any_statement_is_survived(model: Any, seed: int, full_size: bool) -> None:
    make_rows(model)
    with statements() as sent:
        generate(model)
    numbers = range(len(sent))
    some = random.Random(seed).sample(numbers, 5)  # noqa: S311
    for number in numbers if full_size else some:
        make_rows(model)
        with impatient(), paid_texts() as paid, before_statement(at(number, disturb)):
            report = generate(model)
        assert (report.embedded, report.lost) == (6, 0), sent[number]
        expect_all_embedded(model, paid)


def at(number: int, action: Callable[[], object]) -> Callable[[int, str], None]:
    def act(now: int, sql: str) -> None:
        if now == number:
            action()

    return act


@pytest.mark.parametrize(
    ("count", "workers"), [(30, 1), (30, 3), pytest.param(5000, 3, marks=pytest.mark.long)]
)
def test_failures_at_any_time_are_survived(count: int, workers: int, seed: int) -> None:
    make_rows(Book, count)
    with impatient(), paid_texts() as paid, disturb_now_and_then(seed, pause=0.5):
        report = generate(workers=workers)
    assert (report.embedded, report.lost) == (count + 1, 0)
    expect_all_embedded(Book, paid)


def test_a_failure_while_the_embedder_works_is_survived() -> None:
    make_rows(Book)
    with impatient(), paid_texts() as paid, before_each_answer(lambda texts: disturb()):
        generate()
    expect_all_embedded(Book, paid)


def test_a_command_that_lists_its_rows_survives_as_well(manage: Manage) -> None:
    make_rows(Book)
    with statements() as sent:
        manage("generate_embeddings", LABEL, "--batch-size=2")
    listing = [number for number, sql in enumerate(sent) if '"title"' in sql and "IN (" in sql]
    make_rows(Book)
    with impatient(), before_statement(at(listing[0], disturb)):
        ended = manage("generate_embeddings", LABEL, "--batch-size=2")
    assert (ended.status, ended.output.count("Embedding stored for")) == (0, 6)


@pytest.mark.usefixtures("only_our_postgresql")
@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
def test_a_restart_of_the_server_is_survived(crash: bool) -> None:
    make_rows(Book, 20)
    # The server of the tests may lose what it said to have stored, but not this time.
    with with_options(options="-c synchronous_commit=on"):
        embed_while_the_server_restarts(crash)


def embed_while_the_server_restarts(crash: bool) -> None:
    restart = partial(servers.restart_postgresql, connection.settings_dict["HOST"], crash=crash)
    restarting = threading.Thread(target=restart)

    def start_after_a_while(texts: Any) -> None:
        if "word 6\n" in texts:
            restarting.start()

    with paid_texts() as paid, before_each_answer(start_after_a_while):
        generate()
    restarting.join()
    expect_all_embedded(Book, paid)


# A failure that lasts


@pytest.mark.parametrize(
    "model", [Book, *(pytest.param(model, marks=pytest.mark.long) for model in MODELS[1:])]
)
def test_a_run_that_dies_at_any_statement_has_written_down_what_it_stored(
    model: Any, full_size: bool
) -> None:
    """Vectors, leases and the record of the run are written together or not at all."""
    make_rows(model)
    with statements() as sent:
        generate(model)
    # The first batch and all that belongs to it, or every batch.
    for number in range(len(sent) if full_size else len(sent) // 2):
        make_rows(model)
        EmbeddingRun.objects.all().delete()
        EmbeddingWork.objects.all().delete()
        with killed_at_statement(number), suppress(Killed):
            generate(model)
        done = check_invariants(model, running=True).current
        assert sum(EmbeddingRun.objects.values_list("rows", flat=True)) == len(done), sent[number]
        assert not EmbeddingWork.objects.filter(key__in=[str(pk) for pk in done]).exists()


def test_a_run_that_breaks_at_any_statement_gives_back_its_leases() -> None:
    make_rows(Book)
    with statements() as sent:
        generate()
    for number in range(len(sent) // 2):
        make_rows(Book)
        with broken_at_statement(number), pytest.raises(BrokenError):
            generate()
        check_invariants(Book)
        assert not EmbeddingWork.objects.exists(), sent[number]


def test_a_lasting_failure_ends_a_run_with_a_sentence(manage: Manage) -> None:
    make_rows(Book)
    stack = ExitStack()
    with (
        impatient(),
        paid_texts() as paid,
        before_each_answer(on("word 2", lambda: stack.push(out_of_reach()))),
    ):
        expect_sentence(
            manage, "locked" if connection.vendor == "sqlite" else "failed: No such file"
        )
        stack.close()
    expect_the_rest(manage, paid)


def test_a_database_that_became_read_only_ends_a_run_with_a_sentence(manage: Manage) -> None:
    make_rows(Book)
    with paid_texts() as paid, before_each_answer(on("word 2", make_read_only)):
        expect_sentence(manage, "read-?only")
    connection.close()
    expect_the_rest(manage, paid)


def test_a_database_that_is_read_only_is_searched_all_the_same(manage: Manage) -> None:
    make_rows(Book)
    generate()
    Book.objects.create(title="new")
    with read_only():
        assert Book.objects.nearest("word 3")[0].title == "word 3"
        assert manage("semantic_search", LABEL, "word 3").status == 0
        assert "1 stale" in manage("vector_doctor").output
        expect_sentence(manage, "read-?only")
    assert len(check_invariants(Book).current) == 6


@pytest.mark.usefixtures("only_sqlite")
def test_a_full_disk_ends_a_run_with_a_sentence(manage: Manage) -> None:
    make_rows(Book, 100)
    with connection.cursor() as cursor:
        # Earlier tests leave free pages, into which all of it may fit.
        cursor.execute("VACUUM")
    with paid_texts() as paid, before_each_answer(on("word 2", allow_no_growth)):
        expect_sentence(manage, "database or disk is full")
    connection.close()
    expect_the_rest(manage, paid)


def on(word: str, action: Callable[[], object]) -> Callable[[Sequence[str]], None]:
    """Act when the texts that begin with this one are embedded."""

    def act(texts: Sequence[str]) -> None:
        if texts[0] == f"{word}\n":
            action()

    return act


def read_only() -> AbstractContextManager[None]:
    if connection.vendor == "sqlite":
        return changed_settings(NAME=f"file:{connection.settings_dict['NAME']}?mode=ro")
    return with_options(options="-c default_transaction_read_only=on")


def make_read_only() -> None:
    sql = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    }
    with connection.cursor() as cursor:
        cursor.execute(sql[connection.vendor])


def allow_no_growth() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        [pages] = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")


def hurried() -> Any:
    """The command waits neither for the database nor for others as long as it does otherwise."""
    return mock.patch.object(
        generate_embeddings,
        "Generation",
        partial(Generation, database_patience=0.3, lease_seconds=1.0),
    )


def expect_sentence(manage: Manage, reason: str) -> None:
    with hurried():
        ended = manage("generate_embeddings", LABEL, "--batch-size=2")
    assert ended.status == 1
    assert re.search(
        f"^CommandError: The database refused: .*{reason}.* Run manage.py vector_doctor",
        ended.output,
        re.MULTILINE,
    )
    assert "Traceback" not in ended.output


def expect_the_rest(manage: Manage, paid: list[str]) -> None:
    """What was stored is still there, and the next run does the rest, at once or almost."""
    assert check_invariants(Book, running=True).current
    with hurried(), paid_texts() as paid_later:
        ended = manage("generate_embeddings", LABEL, "--batch-size=2")
    assert ended == (0, ended.output)
    assert not check_invariants(Book).stale
    # The batch whose vectors could not be stored.
    check_paid([*paid, *paid_later], needed(Book), lost=2)


# Transactions that get into each other's way


@pytest.mark.usefixtures("only_postgresql")
def test_a_deadlock_is_survived() -> None:
    """Another session holds a row that the run wants, and wants the leases that the run holds."""
    make_rows(Book)
    [first, *_] = Book.objects.values_list("pk", flat=True).order_by("pk")
    seen: list[str] = []

    def hold_row_and_want_leases() -> None:
        with own_session() as other, other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"UPDATE {BOOKS} SET year = 1 WHERE id = %s", [first])  # noqa: S608
            holding.set()
            wait_until(lambda: is_waiting(cursor))
            cursor.execute(f"UPDATE {WORK} SET attempts = attempts")  # noqa: S608
            cursor.execute("COMMIT")

    holding, thread = threading.Event(), threading.Thread(target=hold_row_and_want_leases)

    def meddle(number: int, sql: str) -> None:
        if sql.startswith(f"UPDATE {BOOKS}"):
            seen.append(sql)
            if len(seen) == 1:
                thread.start()
                holding.wait()

    # Whoever waits the longest is the one that is ended.
    with (
        with_options(options="-c deadlock_timeout=200ms"),
        paid_texts() as paid,
        before_statement(meddle),
    ):
        generate()
    thread.join()
    assert len(seen) == 4, "there was no deadlock"
    expect_all_embedded(Book, paid)


BOOKS = f'"{Book._meta.db_table}"'
WORK = f'"{EmbeddingWork._meta.db_table}"'
LOCK = f"DELETE FROM {WORK}"  # noqa: S608


def is_waiting(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("only_postgresql")
@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE"])
@pytest.mark.parametrize("model", MODELS)
def test_a_serialization_failure_is_survived(level: str, model: Any) -> None:
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    make_rows(model)
    with (
        with_options(isolation_level=IsolationLevel[level]),
        paid_texts() as paid,
        once_leases_are_locked(partial(write_all, model, "{column}")),
    ):
        report = generate(model)
    assert (report.embedded, report.changed) == (6, 0)
    expect_all_embedded(model, paid)


@pytest.mark.usefixtures("only_postgresql")
@pytest.mark.parametrize("level", ["READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"])
@pytest.mark.parametrize("model", MODELS)
def test_an_edit_in_the_middle_of_a_write_is_noticed_at_every_isolation_level(
    level: str, model: Any
) -> None:
    from django.db.backends.postgresql.psycopg_any import IsolationLevel

    make_rows(model)
    earlier = needed(model)
    with with_options(isolation_level=IsolationLevel[level]):
        with once_leases_are_locked(partial(write_all, model, "'edited'")):
            report = generate(model, workers=3)
        assert report.changed == 6
        assert not check_invariants(model, earlier=earlier).current
        generate(model)
    assert not check_invariants(model).stale


@contextmanager
def once_leases_are_locked(action: Callable[[], object]) -> Iterator[None]:
    """Act once, behind the first statement of the first transaction that writes vectors."""
    locked_at: list[int] = []
    acted: list[object] = []

    def act(number: int, sql: str) -> None:
        if locked_at == [number - 1]:
            acted.append(action())
        if not locked_at and sql.lstrip().startswith(LOCK):
            locked_at.append(number)

    with before_statement(act):
        yield
    assert len(acted) == 1


def write_all(model: Any, value: str) -> None:
    """Another session writes the rows' texts: to what they are, or to something else."""
    column = {Book: "title", Essay: "words", Article: "slug"}[model]
    table = model._meta.db_table
    with own_session() as other, other.cursor() as cursor:
        new = value.format(column=column)
        cursor.execute(f"UPDATE {table} SET {column} = {new} WHERE {column} <> ''")  # noqa: S608


@pytest.mark.usefixtures("only_sqlite")
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_busy_writer_is_survived_with_djangos_own_transactions(journal: str) -> None:
    """By default Django begins transactions on SQLite that fail when they come to write."""
    make_rows(Book, 30)
    ended, done = threading.Event(), []

    def write() -> None:
        with own_session() as other, other.cursor() as cursor:
            while not ended.is_set():
                cursor.execute(f"UPDATE {BOOKS} SET year = 1 WHERE title = 'word 3'")  # noqa: S608
                done.append(1)

    thread = threading.Thread(target=write)
    options = {"transaction_mode": None, "init_command": f"PRAGMA journal_mode={journal}"}
    with with_options(**options), paid_texts() as paid:
        Book.objects.count()
        thread.start()
        report = generate()
        ended.set()
        thread.join()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = delete")
    assert report.embedded == 31
    assert done
    expect_all_embedded(Book, paid)
