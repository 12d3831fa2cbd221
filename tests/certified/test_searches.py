"""Searches that codes answer, and what may happen to a database between two of them."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Count, Max, Window
from django.db.models.functions import RowNumber

from hybrid_store.backends import vector_ops
from hybrid_store.backends.sqlite.engine import cache, folding, store
from hybrid_store.backends.sqlite.engine.folding import fold
from hybrid_store.backends.sqlite.engine.search import MOST_CHANGED
from hybrid_store.backends.sqlite.engine.source import source_of
from hybrid_store.backends.sqlite.engine.state import State
from hybrid_store.models import Reason, unindexed
from hybrid_store.models.known_indexes import known_indexes
from hybrid_store.test.models import Point
from tests.certified.conftest import DIMENSIONS, fill, made, random_vectors
from tests.databases.other_ways import another_way

pytestmark = pytest.mark.django_db(transaction=True)

NEAR = random_vectors(1, seed=99)[0]
K = 10


def answered(ranked: Any, *, by_codes: bool = True) -> list[Any]:
    """The keys that a search gives, which must be those of brute force."""
    assert (ranked.explain_search().index is not None) == by_codes
    found = list(ranked.values_list("pk", flat=True))
    low, high = ranked.query.low_mark, ranked.query.high_mark
    rows = ranked.model.objects.exclude(vector=None).values_list("pk", "vector")
    unlimited = ranked._chain()
    unlimited.query.clear_limits()
    allowed = set(unlimited.order_by().values_list("pk", flat=True))
    scored = sorted((distance(vector), pk) for pk, vector in rows if pk in allowed)
    assert found == [pk for _, pk in scored[low:high]]
    return found


def distance(vector: Any) -> float:
    array = np.asarray(vector, np.float64)
    return float(1 - array @ NEAR / np.linalg.norm(array) / np.linalg.norm(NEAR))


def index_of(model: Any) -> Any:
    [index] = known_indexes(model._meta.get_field("vector"))
    return index


def known(model: Any) -> State:
    """What the process keeps of the index."""
    source = source_of(model, index_of(model))
    assert source is not None
    state = cache.files.state((Path(connection.settings_dict["NAME"]).resolve(), source))
    assert state is not None
    return state


def nearest(model: Any, **filters: Any) -> Any:
    return model.objects.filter(**filters).nearest(NEAR)


def test_every_shape_is_answered_in_one_statement(
    place: Any, django_assert_num_queries: Any
) -> None:
    keys = answered(nearest(place)[:K])
    ranked = nearest(place)
    shapes: dict[str, Callable[[], list[int]]] = {
        "objects": lambda: [row.pk for row in ranked[:K]],
        "values": lambda: [row["id"] for row in ranked.values("id", "name")[:K]],
        "values with the distance": lambda: [
            row["id"] for row in ranked.values("id", "distance")[:K]
        ],
        "lists": lambda: [pk for _, pk in ranked.values_list("name", "pk")[:K]],
        "flat lists": lambda: list(ranked.values_list("pk", flat=True)[:K]),
        "an iterator": lambda: [row.pk for row in ranked[:K].iterator(chunk_size=3)],
        "pages": lambda: [row.pk for start in (0, 5) for row in ranked[start : start + 5]],
        "single rows": lambda: [ranked[n].pk for n in range(K)],
    }
    for shape, find in shapes.items():
        statements = {"pages": 2, "single rows": K}.get(shape, 1)
        with django_assert_num_queries(statements):
            assert find() == keys, shape
    assert ranked.first().pk == keys[0]
    assert [row.name for row in ranked[:K]] == [place.objects.get(pk=pk).name for pk in keys]


@pytest.mark.parametrize(
    "filters",
    [
        {"number__lt": 300},
        {"number__gte": 560},
        {"number": 17},
        {"number__lt": 0},
        {"name__endswith": "7"},
        {"name__endswith": "77"},
    ],
)
def test_filters_lose_nothing(place: Any, filters: Any) -> None:
    answered(nearest(place, **filters)[:K], by_codes=filters != {"name__endswith": "77"})
    answered(nearest(place, **filters)[3:8], by_codes=filters != {"name__endswith": "77"})


def test_filters_that_no_row_can_pass_give_none(place: Any) -> None:
    for rows in (place.objects.filter(pk__in=[]), place.objects.none()):
        ranked = rows.nearest(NEAR)
        assert list(ranked[:K]) == []
        assert list(ranked.values_list("pk", flat=True)[:K]) == []
        assert list(ranked.values("name")[2:K]) == []


def test_limits_of_the_distance_need_no_further_rows(place: Any) -> None:
    limit = sorted(map(distance, random_vectors(600)))[4]
    ranked = place.objects.nearest(NEAR, max_distance=limit + 1e-6)[:K]
    explanation = ranked.explain_search()
    assert (explanation.returned, explanation.index) == (5, "certified_place_vec")
    assert explanation.compared < 200


def test_everything_else_is_compared_row_by_row(place: Any) -> None:
    def reason(ranked: Any) -> Any:
        explanation = ranked.explain_search()
        assert explanation.exact
        return explanation.reason

    assert reason(nearest(place)) is Reason.NO_SLICE
    assert reason(nearest(place).order_by("name")[:K]) is Reason.ORDER
    assert reason(nearest(place).distinct()[:K]) is Reason.GROUPED
    assert reason(place.objects.nearest(NEAR, metric="l2")[:K]) is Reason.METRIC
    assert reason(nearest(place)[:K]) is None


def test_windows_are_of_all_rows(place: Any) -> None:
    rows = place.objects.annotate(rows=Window(Count("*")), last=Window(Max("number")))
    ranked = rows.nearest(NEAR)[:K]
    assert {(row.rows, row.last) for row in ranked} == {(600, 599)}
    assert ranked.all().explain_search().reason is Reason.GROUPED
    numbered = place.objects.annotate(place=Window(RowNumber(), order_by="number"))
    late = numbered.filter(place__gt=300).nearest(NEAR)
    assert [row.pk for row in late[:K]] == answered(nearest(place, number__gte=300)[:K])


def test_rows_that_are_combined_with_others_are_not_lost(place: Any) -> None:
    """Not even those without a vector, and SQLite has NULL before all numbers."""
    none = place.objects.create(name="none", number=-1)
    for rows in (place.objects.filter(number=-1), place.objects.filter(number__lt=300)):
        for ranked in (nearest(place) | rows, (nearest(place) | rows).exclude(number=5)):
            whole = [row.pk for row in ranked.all()]
            assert [row.pk for row in ranked[:K]] == whole[:K]
    assert (nearest(place) | place.objects.filter(number=-1))[0].pk == none.pk
    answered((nearest(place) & place.objects.filter(number__lt=300))[:K])


# What happens to the database


def test_what_a_transaction_writes_is_seen_in_it_alone(place: Any) -> None:
    before = answered(nearest(place)[:K])
    with transaction.atomic():
        place.objects.filter(pk=before[0]).update(vector=-NEAR)
        place.objects.create(name="new", vector=NEAR)
        within = answered(nearest(place)[:K])
        assert before[0] not in within
        transaction.set_rollback(True)
    assert answered(nearest(place)[:K]) == before
    # Numbers of the log that the rollback has freed are used again.
    place.objects.create(name="another", vector=NEAR)
    assert answered(nearest(place)[:K])[1:] == before[:-1]


def test_a_transaction_that_changes_nearly_all_rows_is_searched(place: Any) -> None:
    answered(nearest(place)[:K])
    with transaction.atomic():
        fill(place, 500)
        answered(nearest(place)[:K], by_codes=False)
        transaction.set_rollback(True)
    answered(nearest(place)[:K])


def test_large_tables_are_told_of_that_could_have_an_index(place: Any, caplog: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unindexed, "LARGE_TABLE", 500)
        patch.setattr(unindexed, "_looked_at", set())
        list(place.objects.nearest(NEAR, metric="l1")[:K])
        list(place.objects.nearest(NEAR, metric="l2")[:K])
    [record] = caplog.records
    assert 'VectorIndex("vector", metric="l2"' in record.getMessage()


def test_many_changes_are_absorbed(place: Any) -> None:
    answered(nearest(place)[:K])
    for start in range(0, 600, 100):
        for row in place.objects.filter(number__gte=start, number__lt=start + 100):
            row.vector = np.roll(row.vector, start + 1)
            row.save()
        answered(nearest(place)[:K])
    state = known(place)
    assert state.position.number > 1200 - MOST_CHANGED
    assert len(state) == 600


def test_rows_that_are_replaced_are_seen(place: Any) -> None:
    first = answered(nearest(place)[:K])[0]
    with connection.cursor() as cursor:
        table = place._meta.db_table
        blob = (-NEAR).tobytes()
        sql = f"REPLACE INTO {table} (id, name, number, vector) VALUES (%s, 'x', 0, %s)"  # noqa: S608
        cursor.execute(sql, [first, blob])
    assert first not in answered(nearest(place)[:K])


def test_a_copy_that_is_restored_is_another_past(place: Any, tmp_path: Path) -> None:
    """The log of the copy has the same numbers for other changes."""
    answered(nearest(place)[:K])
    name = connection.settings_dict["NAME"]
    shutil.copyfile(name, tmp_path / "copy")
    place.objects.filter(pk=5).update(vector=NEAR)
    assert answered(nearest(place)[:1]) == [5]
    # 300 changes make the state new.
    place.objects.filter(number__gt=200, number__lt=500).update(vector=random_vectors(1, 5)[0])
    answered(nearest(place)[:K])
    connection.close()
    shutil.copyfile(tmp_path / "copy", name)
    place.objects.filter(pk=6).update(vector=NEAR)
    place.objects.filter(number__gt=200, number__lt=500).update(vector=random_vectors(1, 6)[0])
    assert answered(nearest(place)[:1]) == [6]


@pytest.mark.parametrize("loses", ["row", "vector"])
def test_a_row_that_is_gone_is_found_by_who_still_sees_it(
    place: Any, tmp_path: Path, loses: str
) -> None:
    """In a transaction that has begun before, and in a copy that is restored."""

    def lose(pk: int) -> None:
        rows = place.objects.filter(pk=pk)
        rows.delete() if loses == "row" else rows.update(vector=None)
        cache.files.clear()
        assert pk not in answered(nearest(place)[:K])

    first, second = answered(nearest(place)[:2])
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = wal")
    with another_way("before", {"transaction_mode": "DEFERRED"}), transaction.atomic("before"):
        before = nearest(place).using("before")
        assert before[0].pk == first
        lose(first)
        assert before[0].pk == first
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = delete")
    name = connection.settings_dict["NAME"]
    shutil.copyfile(name, tmp_path / "copy")
    lose(second)
    connection.close()
    shutil.copyfile(tmp_path / "copy", name)
    assert answered(nearest(place)[:K])[0] == second


def test_a_table_made_anew_keeps_its_log(place: Any) -> None:
    answered(nearest(place)[:K])
    old = place._meta.get_field("name")
    new = models.CharField(max_length=30, unique=True)
    new.set_attributes_from_name("name")
    new.model = place
    with connection.schema_editor() as editor:
        editor.alter_field(place, old, new)
    place.objects.filter(pk=7).update(vector=NEAR)
    assert answered(nearest(place)[:K])[0] == 7
    place.objects.filter(pk=7).update(vector=-NEAR)
    assert 7 not in answered(nearest(place)[:K])


def test_a_log_without_rows_is_none(place: Any) -> None:
    """As in a database that was made of another one's schema."""
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM "hybrid_store_index_certified_place_vec_log"')
    answered(nearest(place)[:K], by_codes=False)
    place.objects.filter(pk=4).update(vector=NEAR)
    cache.files.clear()
    assert answered(nearest(place)[:K])[0] == 4


def test_without_triggers_rows_are_compared_one_by_one(place: Any) -> None:
    answered(nearest(place)[:K])
    with connection.cursor() as cursor:
        cursor.execute('DROP TRIGGER "hybrid_store_index_certified_place_vec_update"')
    place.objects.filter(pk=8).update(vector=NEAR)
    for _ in range(2):
        assert answered(nearest(place)[:K], by_codes=False)[0] == 8
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.add_index(place, place._meta.indexes[0])
    assert answered(nearest(place)[:K])[0] == 8


def test_rows_without_an_integer_key_are_found_after_a_vacuum() -> None:
    """It may number the rows anew of a table that has no INTEGER PRIMARY KEY."""
    with made(models.UUIDField) as model:
        vectors = random_vectors(300)
        model.objects.bulk_create(
            model(id=uuid.UUID(int=n), name=n, vector=vector) for n, vector in enumerate(vectors)
        )
        model.objects.filter(id__lt=uuid.UUID(int=100)).delete()
        answered(nearest(model)[:K])
        connection.cursor().execute("VACUUM")
        answered(nearest(model)[:K])
        assert vector_ops(connection).optimize(model, index_of(model)) is None


def test_threads_share_a_state(place: Any) -> None:
    keys = answered(nearest(place)[:K])

    def find(number: int) -> list[int]:
        try:
            return list(nearest(place).values_list("pk", flat=True)[:K])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(find, range(40))) == [keys] * 40


def test_a_child_process_searches_too(place: Any) -> None:
    keys = answered(nearest(place)[:K])
    connection.close()
    pid = os.fork()
    if pid == 0:
        found = list(nearest(place).values_list("pk", flat=True)[:K])
        os._exit(0 if found == keys else 1)
    assert os.waitpid(pid, 0)[1] == 0


# Codes in the database


def test_a_new_process_reads_the_codes_that_were_stored(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = answered(nearest(place)[:K])
    vector_ops(connection).optimize(place, index_of(place))
    cache.files.clear()
    with monkeypatch.context() as patch:
        patch.setattr(cache, "read_segments", None)
        assert list(nearest(place).values_list("pk", flat=True)[:K]) == keys
    place.objects.filter(pk=9).update(vector=NEAR)
    cache.files.clear()
    assert answered(nearest(place)[:K])[0] == 9


def stored_rows(model: Any) -> int:
    """Rows of which there are codes in the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(length(keys)) / 8 FROM hybrid_store_index_certified_place_vec_codes"
        )
        return cursor.fetchone()[0] or 0


def test_searches_store_the_codes_of_many_rows(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(nearest(place)[:K])
    assert stored_rows(place) == 0
    monkeypatch.setattr(folding, "LEAST", 300)
    cache.files.clear()
    with transaction.atomic():
        list(nearest(place)[:K])
    assert stored_rows(place) == 0
    cache.files.clear()
    answered(nearest(place)[:K])
    assert stored_rows(place) == 600


def test_an_edition_that_lacks_a_part_is_not_read(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has taken it for one that was given up."""

    def interfere(seconds: float) -> None:
        monkeypatch.undo()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM hybrid_store_index_certified_place_vec_codes")

    keys = answered(nearest(place)[:K])
    monkeypatch.setattr(folding, "SEGMENT", 100)
    monkeypatch.setattr(folding, "STEP", 1)
    monkeypatch.setattr("time.sleep", interfere)
    with pytest.raises(DatabaseError, match="by another process, too"):
        vector_ops(connection).optimize(place, index_of(place))
    cache.files.clear()
    assert answered(nearest(place)[:K]) == keys


def test_codes_of_rows_that_are_all_deleted_are_of_no_harm(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "LEAST", 100)
    answered(nearest(place)[:K])
    place.objects.update(vector=NEAR)
    place.objects.all().delete()
    assert answered(nearest(place)[:K]) == []
    assert len(known(place)) == 0
    fill(place, 90)
    for _ in range(2):
        answered(nearest(place)[:K])
        cache.files.clear()


def test_indexes_that_do_not_fit_together_make_room_for_each_other(
    settings: Any, caplog: Any
) -> None:
    size = 700 * (DIMENSIONS + 16)
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "INDEX_MEMORY": size}
    with made() as model:
        fill(model)
        answered(nearest(model)[:K])
        Point.objects.bulk_create(Point(vector=[1, n, 2]) for n in range(500))
        list(Point.objects.nearest([1, 2, 3], field="vector")[:K])
        assert "made room" in caplog.text
        answered(nearest(model)[:K])


def test_the_command_tells_what_it_does() -> None:
    with connection.cursor() as cursor:
        # Other tests have left codes of keys that rows no longer have.
        cursor.execute("DELETE FROM hybrid_store_index_test_point_vec_codes")
    out = StringIO()
    call_command("optimize_vectors", "hybrid_store_test.Point.vector", stdout=out)
    assert out.getvalue() == "test_point_vec: codes of 0 rows stored.\n"
    call_command("optimize_vectors", "hybrid_store_test.Code.bits", stdout=out)
    assert out.getvalue().endswith("nothing to do.\n")


def test_the_command_does_what_it_can(place: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER hybrid_store_index_test_point_half_update")
    out, errors = StringIO(), StringIO()
    try:
        with pytest.raises(CommandError, match="1 failed"):
            call_command("optimize_vectors", stdout=out, stderr=errors)
    finally:
        call_command("migrate", verbosity=0)
    assert errors.getvalue() == (
        "test_point_half: hybrid_store_test_point: triggers are missing: run manage.py migrate.\n"
    )
    assert "test_book_vec: codes of" in out.getvalue()


def test_codes_that_cannot_be_stored_now_are_an_error_of_django(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    for lock, end in (("BEGIN IMMEDIATE", "ROLLBACK"), ("BEGIN EXCLUSIVE", "ROLLBACK")):
        other.execute(lock)
        with pytest.raises(DatabaseError):
            vector_ops(connection).optimize(place, index_of(place))
        other.execute(end)
    # What is read by others cannot be written to.
    reading = other.execute(f"SELECT * FROM {place._meta.db_table}")  # noqa: S608
    assert reading.fetchone()
    with pytest.raises(DatabaseError, match="locked"):
        vector_ops(connection).optimize(place, index_of(place))
    reading.close()
    other.close()
    assert vector_ops(connection).optimize(place, index_of(place)) == 600


def test_codes_of_another_past_are_not_stored(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is one where a copy was restored, and nothing could be read since."""
    vector_ops(connection).optimize(place, index_of(place))
    place.objects.filter(number__lt=300).update(vector=NEAR)
    answered(nearest(place)[:K])
    source, state = source_of(place, index_of(place)), known(place)
    assert source is not None
    with connection.cursor() as cursor:
        log, number = source.log, state.position.number
        cursor.execute(f'UPDATE "{log}" SET stamp = 0 WHERE number = {number}')  # noqa: S608
        cursor.execute(f"UPDATE {place._meta.db_table} SET vector = %s", [(-NEAR).tobytes()])  # noqa: S608
    stored = store.edition(connection.connection, source)
    monkeypatch.setattr(folding, "LEAST", 1)
    monkeypatch.setattr(folding, "SEGMENT", 100)
    fold(connection.connection, source, state, lasts=True)
    assert store.edition(connection.connection, source) == stored
    cache.files.clear()
    answered(nearest(place)[:K])


# Memory


def test_an_index_that_needs_too_much_memory_is_not_used(
    place: Any, settings: Any, caplog: Any
) -> None:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "INDEX_MEMORY": 600 * DIMENSIONS}
    with caplog.at_level(logging.WARNING, "hybrid_store"):
        answered(nearest(place)[:K], by_codes=False)
        answered(nearest(place)[:K], by_codes=False)
    [record] = caplog.records
    assert "certified_place_vec needs more memory than the 9600 bytes" in record.getMessage()


def test_an_index_that_grows_too_large_is_given_up(place: Any, settings: Any, caplog: Any) -> None:
    size = 600 * (DIMENSIONS + 16)
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "INDEX_MEMORY": size}
    answered(nearest(place)[:K])
    fill(place, 600)
    with caplog.at_level(logging.WARNING, "hybrid_store"):
        answered(nearest(place)[:K])
        fill(place, 300)
        answered(nearest(place)[:K], by_codes=False)
    assert "needs more memory" in caplog.text


def test_vectors_of_another_length_are_compared_by_none(place: Any, caplog: Any) -> None:
    """A table that has no CHECK may hold them; the search says so, as it does without an index."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = 1")
        cursor.execute(f"UPDATE {place._meta.db_table} SET vector = x'00' WHERE id = 3")  # noqa: S608
        cursor.execute("PRAGMA ignore_check_constraints = 0")
    for _ in range(2):
        with pytest.raises(DatabaseError):
            list(nearest(place)[:K])
    assert caplog.text.count("holds vectors of several lengths") == 1


def test_codes_that_are_no_codes_are_made_anew(place: Any) -> None:
    keys = answered(nearest(place)[:K])
    vector_ops(connection).optimize(place, index_of(place))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hybrid_store_index_certified_place_vec_codes SET codes = x'00'")
    cache.files.clear()
    assert answered(nearest(place)[:K]) == keys


def test_numbers_that_are_none_are_compared_as_without_an_index() -> None:
    """Other programs may write them; SQLite has NULL for the distance, before all numbers."""
    Point.objects.bulk_create(Point(half=[n, 1, 1]) for n in range(400))
    blob = np.array([np.nan, 1, 1], np.float16).tobytes()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Point._meta.db_table} SET half = %s WHERE id %% 7 = 5", [blob])  # noqa: S608
    ranked = Point.objects.nearest([1, 2, 3], field="half")
    whole = [point.pk for point in ranked.all()]
    for count in (1, 5, 60, 100):
        assert [point.pk for point in ranked[:count]] == whole[:count]
