"""Searches of an index of words that is too large to be counted for every search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction

from hybrid_store.backends.postgresql.text import statistics
from hybrid_store.texts.query import parse
from tests.databases.words import NAME, fetch, found, index_of, matching, ops, run, tales

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

ROWS = 8_000
SIDE = f"hybrid_store_text_{NAME}"
# The first are in most texts, the last in a few; some stand together more often than by chance.
COMMON, MEDIUM, RARE = range(12), range(12, 100), range(100, 4000)


@pytest.fixture(scope="module")
def model(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """Rows that were written one by one, after an index was made without any."""
    if connection.vendor != "postgresql":
        return
    rng = np.random.default_rng(1)
    with django_db_blocker.unblock(), tales(language=None) as made:
        made.objects.bulk_create(
            [made(pk=n + 1, title="", body=text(rng), year=n % 10) for n in range(ROWS)]
        )
        run(f"ANALYZE {SIDE}")
        yield made


def text(rng: Any) -> str:
    words = np.minimum(rng.zipf(1.25, size=rng.integers(5, 60)), 4000) - 1
    pair = ["w50", "w51"] if rng.random() < 0.02 else []
    return " ".join([*(f"w{word}" for word in words), *pair])


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    statistics.forget()
    yield
    statistics.forget()


def queries(rng: Any, count: int) -> list[str]:
    kinds = [[COMMON], [MEDIUM], [COMMON] * 2, [COMMON] * 4, [MEDIUM] * 3, [RARE, COMMON, COMMON]]
    kinds += [[RARE] * 3, [COMMON] * 4 + [MEDIUM] * 4 + [RARE] * 2]
    return [
        " ".join(f"w{rng.choice(list(words))}" for words in kinds[place % len(kinds)])
        for place in range(count)
    ] + ["w50 w51 w0", '"w50 w51" or w7', '"w0 w1"', "none w0", "w60 or w61 w1"]


def best(scores: dict[Any, tuple[int, float]], count: int) -> list[Any]:
    return sorted(scores, key=lambda key: (-scores[key][0], -scores[key][1], key))[:count]


def test_the_best_are_among_the_few_that_are_looked_at(model: Any, seed: int) -> None:
    spec, alike, looked_at = index_of(model), [], 0
    for query in queries(np.random.default_rng(seed), 40):
        exact, few = found(spec, query), found(spec, query, wanted=10)
        assert {key: exact[key] for key in few} == few
        same = {exact[key] for key in best(exact, 10)} & {few[key] for key in best(few, 10)}
        alike.append(len(same) / len({exact[key] for key in best(exact, 10)} or [1]))
        looked_at += len(few) < len(exact)
    assert looked_at > 20
    assert np.mean(alike) > 0.97


def test_fewer_are_said_to_be_fewer(model: Any) -> None:
    spec = index_of(model)
    asked = parse("w0 w1")
    assert not ops().ranked(spec, asked, wanted=10).is_complete
    for options in ({}, {"wanted": 10, "share": 0.001}, {"wanted": 10_000}):
        assert ops().ranked(spec, asked, **options).is_complete, options
    assert found(spec, "w2000")
    assert ops().ranked(spec, parse("w2000"), wanted=10).is_complete


def test_a_smaller_share_of_the_rows_has_more_given(model: Any) -> None:
    spec = index_of(model)
    few, more = (found(spec, "w0 w1", wanted=50, share=share) for share in (1.0, 0.1))
    assert len(few) == 150
    assert len(more) == 1500
    assert {key: more[key] for key in few} == few


def test_what_has_all_words_comes_first_however_rare_that_is(model: Any) -> None:
    spec = index_of(model)
    for query in ("w50 w51 w3000", '"w50 w51"', "w2000 w0 w1 w2"):
        clauses = parse(query).clauses
        strict = {key for key, (holds, _) in found(spec, query, wanted=10).items() if holds}
        assert strict == matching(spec, *clauses) or len(strict) >= 10


def test_frequencies_are_those_of_the_database(model: Any) -> None:
    terms = [term for (term,) in fetch(f"SELECT DISTINCT unnest(terms[:2]) FROM {SIDE} LIMIT 200")]  # noqa: S608
    known = statistics.read(connection, NAME, terms)
    assert known.is_large
    assert known.documents == pytest.approx(ROWS)
    [(average,)] = fetch(f"SELECT avg(len)::float8 FROM {SIDE}")  # noqa: S608
    assert known.average == pytest.approx(average, rel=0.05)
    for term in terms:
        [(count,)] = fetch(f"SELECT count(*) FROM {SIDE} WHERE terms @> ARRAY[%s]", [term])  # noqa: S608
        assert known.frequency(term) == pytest.approx(count, abs=1)


def test_a_table_that_was_emptied_is_counted_again(model: Any) -> None:
    spec = index_of(model)
    with transaction.atomic():
        assert statistics.read(connection, NAME, [1]).is_large
        run(f"TRUNCATE {spec.table}")
        model.objects.create(pk=1, title="w0", body="")
        known = statistics.read(connection, NAME, [1])
        assert (known.documents, known.is_large) == (1, False)
        transaction.set_rollback(True)


def test_a_table_that_was_never_analyzed_is_counted(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "DOCUMENTS_A_PAGE", 20)
    spec = index_of(model)
    before = found(spec, "w0 w40 w2000", wanted=10)
    with transaction.atomic():
        run(f"CREATE TABLE copied (LIKE {SIDE} INCLUDING ALL)")
        run(f"INSERT INTO copied SELECT * FROM {SIDE}", f"DROP TABLE {SIDE}")  # noqa: S608
        run(f"ALTER TABLE copied RENAME TO {SIDE}")
        assert statistics.read(connection, NAME, [1]).is_large
        assert not statistics.read(connection, NAME, [1]).shares
        after = found(spec, "w0 w40 w2000", wanted=10)
        assert best(after, 10) == best(before, 10)
        transaction.set_rollback(True)


def test_scores_are_those_of_the_average_of_today(model: Any) -> None:
    spec, query = index_of(model), "w0 w30 w700"
    assert fetch(f"SELECT DISTINCT average FROM {SIDE}") == [(50.0,)]  # noqa: S608
    [(average,)] = fetch(f"SELECT avg(len)::float8 FROM {SIDE}")  # noqa: S608
    assert abs(average / 50 - 1) > 0.2
    before = found(spec, query)
    with transaction.atomic():
        assert ops().optimize(spec) == ROWS
        assert fetch(f"SELECT DISTINCT average FROM {SIDE}") == [(pytest.approx(average),)]  # noqa: S608
        after = found(spec, query)
        assert {*after} == {*before}
        for key, (strict, score) in after.items():
            assert strict == before[key][0]
            assert score == pytest.approx(before[key][1], rel=0.02, abs=1e-4)
        made = fetch(f"SELECT '{SIDE}'::regclass::oid")
        assert ops().optimize(spec) == ROWS
        assert fetch(f"SELECT '{SIDE}'::regclass::oid") == made
        model.objects.create(pk=ROWS + 1, title="w30", body="")
        assert len(fetch(f"SELECT DISTINCT average FROM {SIDE}")) == 1  # noqa: S608
        transaction.set_rollback(True)


def test_an_index_is_read_and_rows_are_written_while_it_is_made_anew(model: Any) -> None:
    spec, done = index_of(model), Event()
    seen: list[set[Any]] = []
    written: list[int] = []
    errors: list[DatabaseError] = []

    def read() -> None:
        seen.append({*found(spec, "w2000")})

    def write() -> None:
        pk = len(written) % ROWS + 1
        model.objects.filter(pk=pk).update(body=f"{model.objects.get(pk=pk).body} written")
        written.append(pk)

    def repeat(step: Callable[[], None]) -> None:
        try:
            while not done.is_set():
                step()
        except DatabaseError as error:
            errors.append(error)
        finally:
            connection.close()

    expected = {*found(spec, "w2000")}
    threads = [Thread(target=repeat, args=[step]) for step in (read, write)]
    for thread in threads:
        thread.start()
    try:
        run(*ops().creation(spec, f'"{spec.table}"'))
        reads = len(seen)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not errors
    assert reads > 10
    assert all(keys == expected for keys in seen)
    assert {*found(spec, "written")} == {*written}
