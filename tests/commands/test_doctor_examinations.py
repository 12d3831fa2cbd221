"""What the doctor finds in a database."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, connections
from django.db.models import Value
from django.utils import timezone

from hybrid_store.backends import vector_ops
from hybrid_store.backends.reports import Ailment
from hybrid_store.backends.sqlite.engine.cache import files
from hybrid_store.management.doctor import searches
from hybrid_store.management.doctor.case import Case
from hybrid_store.management.doctor.finding import Finding, Grade
from hybrid_store.models import EmbeddingRun, EmbeddingWork, explain_search, freshness, nearest
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.explanation import Reason
from hybrid_store.models.fingerprint import space_digest
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Album, Book, Code, Point
from tests.commands.examining import about, findings
from tests.durability.disturbing import own_session
from tests.durability.watching import before_statement

pytestmark = pytest.mark.django_db

BOOK = "hybrid_store_test.Book.embedding"
VECTOR = "search hybrid_store_test.Point.vector by cosine"
BOOKS = Book._meta.db_table
IS_SQLITE = connection.vendor == "sqlite"
LOCK = "BEGIN EXCLUSIVE" if IS_SQLITE else f"BEGIN; LOCK TABLE {BOOKS} IN ACCESS EXCLUSIVE MODE"


def execute(sql: str, using: Any = connection) -> None:
    with using.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def by_index(settings: Any) -> None:
    """Searches use indexes."""
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}


def make_points(count: int) -> None:
    vectors = np.random.default_rng(5).normal(size=(count, 3))
    Point.objects.bulk_create(Point(vector=vector) for vector in vectors)


def generate() -> None:
    Generation(embedding_field(Book), using="default").run()


# Nothing is written, and nothing waits


def everything() -> list[Finding]:
    sections = ["Database", "Indexes", "Tables", "Embeddings", "Generation", "Searches"]
    return [finding for section in sections for finding in findings(section)]


@pytest.mark.usefixtures("by_index")
def test_every_statement_is_sent_where_nothing_can_be_written(monkeypatch: Any) -> None:
    """Each question has a transaction of its own, which a probe within cannot write in."""
    Book.objects.create(title="apple")
    generate()
    make_points(20)
    ops, inside, outside = vector_ops(connection), [], []
    examining = type(ops).examining

    @contextmanager
    def watched(self: Any, seconds: float) -> Iterator[None]:
        with examining(self, seconds):
            execute("SAVEPOINT probe")
            with pytest.raises(DatabaseError) as raised:
                execute(f"UPDATE {BOOKS} SET year = 1")  # noqa: S608
            assert ops.is_read_only(raised.value)
            execute("ROLLBACK TO SAVEPOINT probe")
            inside.append(True)
            yield
            inside.pop()

    def note(number: int, sql: str) -> None:
        if not inside and not sql.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE", "UPDATE")):
            outside.append(sql)

    monkeypatch.setattr(type(ops), "examining", watched)
    with before_statement(note):
        found = everything()
    assert [finding for finding in found if not finding.ok] == []
    # What sets the limits up.
    assert {sql.split()[0] for sql in outside} <= {"SELECT"}
    assert all("set_config" in sql for sql in outside)


@pytest.mark.skipif(not IS_SQLITE, reason="a server writes for others, too")
@pytest.mark.django_db(transaction=True)
def test_the_file_of_a_database_stays_as_it_is_byte_by_byte() -> None:
    """The first search of so many rows would store their codes."""
    make_points(1100)
    file = Path(connection.settings_dict["NAME"])
    before = file.read_bytes()
    files.clear()
    assert about(VECTOR, everything()).detail.startswith("10 rows by index test_point_vec")
    assert file.read_bytes() == before
    files.clear()
    assert len(Point.objects.nearest([1, 2, 3], field="vector")[:10]) == 10
    assert file.read_bytes() != before


@pytest.mark.django_db(transaction=True)
def test_a_table_that_another_session_holds_is_told_in_time_and_the_others_all_the_same() -> None:
    with own_session() as other:
        execute(LOCK, other)
        try:
            started = time.monotonic()
            case = Case("default", 0.3)
            [first] = case.ask(BOOK, lambda: [counted(Book)])
            [second] = case.ask("next", lambda: [counted(Point)])
            assert time.monotonic() - started < 5
        finally:
            execute("ROLLBACK", other)
    assert not first.ok
    assert first.detail == "could not be told within 0.3 s"
    assert first.fix == "Repeat with --timeout 1.8, or when less is going on."
    # SQLite knows locks of the whole database alone.
    assert second.ok is not IS_SQLITE


def counted(model: Any) -> Finding:
    return Finding(True, model.__name__, str(model._base_manager.count()))


def test_an_error_of_the_database_is_a_finding_and_the_next_question_is_answered() -> None:
    case = Case("default", 10)
    [found] = case.ask("table", lambda: execute("SELECT 1 FROM nowhere") or [])  # type: ignore[func-returns-value]
    assert (found.ok, found.subject) == (False, "table")
    assert "nowhere" in found.detail
    assert "\n" not in found.detail
    assert "Run manage.py migrate" in found.fix
    [found] = case.ask("next", lambda: [counted(Book)])
    assert found.detail == "0"


@pytest.fixture
def _secret(monkeypatch: Any) -> None:
    """What is planted is the password of a database."""
    config = {**connections["default"].settings_dict, "PASSWORD": "planted_word"}
    monkeypatch.setattr(connections["default"], "settings_dict", config)


@pytest.mark.usefixtures("_secret")
def test_an_error_of_the_database_is_told_without_secrets() -> None:
    case = Case("default", 10)
    [found] = case.ask("table", lambda: execute("SELECT 1 FROM planted_word") or [])  # type: ignore[func-returns-value]
    assert "***" in found.detail
    assert "planted" not in found.detail


def test_errors_of_the_driver_itself_are_findings_too() -> None:
    case = Case("default", 10)

    def ask() -> list[Finding]:
        case.connection.connection.cursor().execute("SELECT 1 FROM nowhere")
        return []

    [found] = case.ask("table", ask)
    assert (found.ok, found.subject) == (False, "table")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_breaks_is_made_again() -> None:
    case = Case("default", 10)

    def ask() -> list[Finding]:
        case.connection.connection.close()
        return [counted(Book)]

    [found] = case.ask("table", ask)
    assert not found.ok
    assert case.ask("next", lambda: [counted(Book)])[0].ok


# Embeddings


def test_other_spaces_are_named_where_they_are_known(settings: Any) -> None:
    second = f"{space_digest('hashing-two@384')}:{'0' * 32}"
    Book.objects.create(title="apple", embedding=np.ones(384))
    Book.objects.update(embedding_fingerprint=second)
    Book.objects.create(title="pear", embedding=np.ones(384))
    found = about(BOOK, findings("Embeddings"))
    assert "1 in other spaces: 'hashing-two@384', 1 of unknown origin" in found.detail


# Generation


def failed(book: Book, reason: str) -> None:
    field = embedding_field(Book)

    fingerprint = freshness.Joined(Value(field.space_prefix), freshness.content(field))
    found = Book.objects.filter(pk=book.pk).annotate(f=fingerprint).values_list("f", flat=True)[0]
    EmbeddingWork.objects.create(
        model="hybrid_store_test.Book",
        column="embedding",
        key=str(book.pk),
        fingerprint=found,
        failed_at=timezone.now(),
        reason=reason,
    )


@pytest.mark.usefixtures("_secret")
def test_failed_rows_are_told_by_reason_with_some_of_their_keys() -> None:
    books = [Book.objects.create(title=f"book {n}") for n in range(6)]
    for book in books[:5]:
        failed(book, "too long")
    failed(books[5], "refused: planted_word")
    edited = Book.objects.create(title="edited since")
    failed(edited, "too long")
    Book.objects.filter(pk=edited.pk).update(title="other text")
    first, second = findings("Generation")
    keys = ", ".join(str(book.pk) for book in books[:3])
    assert first.detail == f"5 rows ({keys}, ...) could not be embedded: too long"
    assert not first.ok
    assert first.fix.endswith(f"run manage.py generate_embeddings {BOOK} --retry-failed.")
    assert second.detail == f"1 row ({books[5].pk}) could not be embedded: refused: ***"
    again = f"Run manage.py generate_embeddings {BOOK} --retry-failed."
    assert about(BOOK, findings("Embeddings")).fix == again


def run(outcome: str, **given: Any) -> EmbeddingRun:
    found: EmbeddingRun = EmbeddingRun.objects.create(
        model="hybrid_store_test.Book",
        field="embedding",
        space="hashing@384",
        token=given.pop("token", outcome),
        started_at=given.pop("started_at", timezone.now()),
        outcome=outcome,
        **given,
    )
    return found


def last_run() -> Finding:
    return about(f"last run of {BOOK}", findings("Generation"))


def test_a_run_that_has_finished_is_told() -> None:
    Book.objects.create(title="apple")
    run("stopped", started_at=timezone.now() - timedelta(hours=1))
    run("finished", rows=3, failed=1)
    found = last_run()
    assert found.grade is Grade.WELL
    assert found.detail.endswith(", finished: 3 rows embedded, 1 failed")


@pytest.mark.usefixtures("_secret")
def test_a_run_that_did_not_end_well_is_to_be_repeated_while_rows_are_stale() -> None:
    Book.objects.create(title="apple")
    run("stopped", rows=1, reason="wrong: planted_word")
    found = last_run()
    assert found.detail.endswith(", stopped by an error: 1 row embedded; wrong: ***")
    assert found.grade is Grade.BETTER
    assert f"Run manage.py generate_embeddings {BOOK}" in found.fix
    generate()
    EmbeddingRun.objects.exclude(outcome="stopped").delete()
    assert last_run().grade is Grade.WELL


def test_a_run_whose_leases_have_ended_was_killed() -> None:
    book = Book.objects.create(title="apple")
    run("running", token="abc")
    work = EmbeddingWork.objects.create(
        model="hybrid_store_test.Book",
        column="embedding",
        key=str(book.pk),
        token="abc",
        lease_until=timezone.now() + timedelta(minutes=1),
    )
    assert "going on" in last_run().detail
    assert last_run().grade is Grade.WELL
    work.lease_until = timezone.now() - timedelta(minutes=1)
    work.save()
    assert "killed" in last_run().detail
    assert last_run().grade is Grade.BETTER


# Searches


@pytest.mark.usefixtures("by_index")
@pytest.mark.django_db(transaction=True)
def test_a_sample_search_tells_its_index_recall_and_time() -> None:
    make_points(2000)
    execute("ANALYZE")
    found = about(VECTOR, findings("Searches"))
    assert found.grade is Grade.WELL
    assert "10 rows by index test_point_vec" in found.detail
    assert ", recall 1.00, in " in found.detail


@pytest.mark.usefixtures("by_index")
def test_a_search_without_an_index_says_why() -> None:
    make_points(20)
    execute("ANALYZE")
    found = about("search hybrid_store_test.Point.other by cosine", findings("Searches"))
    assert found.minor
    Point.objects.update(other=[1, 2, 3])
    found = about("search hybrid_store_test.Point.other by cosine", findings("Searches"))
    assert found.detail.startswith("10 rows without an index (there is no index over this field")
    # So few are read sooner than an index.
    assert found.grade is Grade.WELL


@pytest.mark.parametrize("vector", [[0, 0, 0], None])
def test_nothing_is_searched_for_by_a_vector_that_is_no_target(vector: Any) -> None:
    Point.objects.bulk_create(Point(vector=each) for each in ([1, 2, 3], vector, [3, 2, 1]))
    found = about(VECTOR, findings("Searches"))
    assert found.minor is (vector == [0, 0, 0])


@pytest.mark.usefixtures("by_index")
def test_a_large_table_without_an_index_is_to_get_one(monkeypatch: Any) -> None:
    make_points(20)
    Point.objects.update(other=[1, 2, 3])
    monkeypatch.setattr(type(vector_ops(connection)), "table_rows", lambda self, model: 50_000)
    found = about("search hybrid_store_test.Point.other by cosine", findings("Searches"))
    assert found.grade is Grade.BETTER
    assert found.fix == 'Add VectorIndex("other", metric="cosine", name=...) to the model.'


def without_index(
    monkeypatch: Any, reason: Reason, field: str = "Point.vector", metric: str = "cosine"
) -> Finding:
    """What is found where a search in a large table uses no index for some reason."""

    def unindexed(ranked: Any, prove: bool) -> Any:
        return replace(explain_search(ranked, prove=prove), index=None, reason=reason)

    monkeypatch.setattr(searches, "explain_search", unindexed)
    monkeypatch.setattr(type(vector_ops(connection)), "table_rows", lambda self, model: 50_000)
    return about(f"search hybrid_store_test.{field} by {metric}", findings("Searches"))


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        (Reason.METRIC, 'Add VectorIndex("vector", metric="cosine", name=...) to the model.'),
        (Reason.INVALID, "Drop the index and build it again."),
        (Reason.TOO_FEW, f'Run VACUUM (ANALYZE) "{Point._meta.db_table}"; few rows'),
        (Reason.PLANNER, 'Give HYBRID_STORE["INDEX_MEMORY"] more' if IS_SQLITE else "Run ANALYZE"),
        (Reason.TUNED, ""),
    ],
)
def test_why_no_index_is_used_decides_about_the_fix(
    reason: Reason, fix: str, monkeypatch: Any
) -> None:
    make_points(3)
    found = without_index(monkeypatch, reason)
    assert f"without an index ({reason})" in found.detail
    assert found.fix.startswith(fix)
    assert found.grade is (Grade.BETTER if fix else Grade.WELL)


def test_no_index_is_advised_that_the_database_would_not_make(monkeypatch: Any) -> None:
    Code.objects.bulk_create(Code(bits="1" * 12) for _ in range(3))
    found = without_index(monkeypatch, Reason.NO_INDEX, "Code.bits", "hamming")
    assert bool(found.fix) is not IS_SQLITE


@pytest.mark.usefixtures("by_index")
def test_a_search_that_finds_too_few_of_the_true_rows_is_to_be_measured(monkeypatch: Any) -> None:
    make_points(20)

    def blurred(ranked: Any, prove: bool) -> Any:
        return replace(explain_search(ranked, prove=prove), index="some", recall=0.7)

    monkeypatch.setattr(searches, "explain_search", blurred)
    found = about(VECTOR, findings("Searches"))
    assert "recall 0.70" in found.detail
    assert "manage.py measure_recall hybrid_store_test.Point.vector" in found.fix


def test_names_of_columns_are_no_trouble() -> None:
    """This model has a column that is called distance."""
    Album.objects.bulk_create(Album(title=title) for title in ("one", "two"))
    Generation(embedding_field(Album, "title_embedding"), using="default").run()
    found = about("search hybrid_store_test.Album.title_embedding by cosine", findings("Searches"))
    assert "1 row without an index" in found.detail


def test_the_same_row_is_searched_for_every_time() -> None:
    make_points(9)
    middle = Point.objects.order_by("pk")[4]
    sought: list[Any] = []

    def noted(rows: Any, to: Any, **options: Any) -> Any:
        sought.append(to)
        return nearest(rows, to, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searches, "nearest", noted)
        for _ in range(2):
            findings("Searches")
    assert sought == [middle, middle]


# Indexes and tables


def test_indexes_and_tables_are_told_with_their_sizes() -> None:
    make_points(20)
    execute("ANALYZE")
    index = about("index test_point_vec", findings("Indexes"))
    assert index.minor
    assert index.ok
    assert " over vector by cosine, " in index.detail
    words = about("index tale_text", findings("Indexes"))
    assert words.minor
    assert re.fullmatch(r"of words of hybrid_store_test_tale, [\d.]+ (KB|MB)", words.detail)
    table = about(f"table {Point._meta.db_table}", findings("Tables"))
    assert table.minor
    assert table.detail.startswith("about 20 rows")


def test_what_is_slow_could_be_better_and_what_fails_is_wrong(monkeypatch: Any) -> None:
    found = [Ailment("slow", "is so", "Do this.", slow=True), Ailment("shut", "is so", "Do that.")]
    monkeypatch.setattr(type(vector_ops(connection)), "ailments", lambda self, model: found)
    grades = {each.subject: each.grade for each in findings("Tables")}
    assert (grades["slow"], grades["shut"]) == (Grade.BETTER, Grade.WRONG)


def test_a_table_that_is_not_migrated_yet_is_told_once(monkeypatch: Any) -> None:
    tables = {name for name in connection.introspection.table_names() if name != BOOKS}
    monkeypatch.setattr(type(connection.introspection), "table_names", lambda self: tables)
    for section in ("Indexes", "Tables", "Generation", "Searches"):
        assert not any("Book." in finding.subject for finding in findings(section))
    assert about(BOOK, findings("Embeddings"))
