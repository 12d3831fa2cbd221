"""A search that is made again finds what a new one does, whatever has happened since."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from hybrid_store.contrib.retrieval.collection import Collection, Question, collection
from hybrid_store.contrib.retrieval.filters import Condition, Operator
from hybrid_store.contrib.retrieval.layout import Record
from hybrid_store.exceptions import InvalidTargetError, SpaceMismatchError
from tests.contrib.models import Paper

ROWS, DIMENSIONS, COUNT = 40, 384, 5

pytestmark = pytest.mark.django_db
keeps = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only searches by one pass over an index are kept"
)


@pytest.fixture(autouse=True)
def _indexes_may_be_used(settings: Any) -> None:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}


def vectors(count: int, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)


def papers(owner: str = "me") -> Collection:
    return collection(
        Paper.objects.filter(owner=owner), defaults={"owner": owner}, embedded_by="default"
    )


def found(store: Collection, vector: Any, count: int = COUNT, **options: Any) -> Any:
    hits = store.search(Question(count, vector=vector, **options))
    return [(hit.record.key, pytest.approx(hit.score)) for hit in hits]


@pytest.fixture
def mine() -> Collection:
    """Forty documents of mine, and as many of somebody else's, some of which are nearer."""
    for owner, seed in (("me", 1), ("you", 2)):
        records = [
            Record(f"{owner}-{number}", "a text", {"number": number}, vector.tolist())
            for number, vector in enumerate(vectors(ROWS, seed))
        ]
        papers(owner).write(records)
    store = papers()
    found(store, vectors(1, 3)[0])
    return store


def kept(store: Collection) -> list[Any]:
    return [*store._searching.kept.values()]


@keeps
def test_the_statement_of_a_search_is_kept(mine: Collection) -> None:
    [first] = kept(mine)
    found(mine, vectors(1, 4)[0])
    assert kept(mine) == [first]
    found(mine, vectors(1, 4)[0], count=2)
    assert len(kept(mine)) == 2


def test_any_vector_finds_what_a_new_search_finds(mine: Collection, seed: int) -> None:
    for vector in vectors(20, seed):
        assert found(mine, vector) == found(papers(), vector)
        assert found(mine, vector.tolist()) == found(papers(), vector)


def test_a_text_finds_what_a_new_search_finds(mine: Collection) -> None:
    assert found(mine, "a crew lost in space") == found(papers(), "a crew lost in space")


def test_records_are_whole(mine: Collection) -> None:
    for with_embeddings in (False, True, True):
        question = Question(COUNT, vector=vectors(1, 5)[0])
        again, new = (
            store.search(question, with_embeddings=with_embeddings) for store in (mine, papers())
        )
        assert again == new
        assert all((hit.record.embedding is not None) == with_embeddings for hit in again)


def test_a_search_is_one_statement(mine: Collection) -> None:
    with CaptureQueriesContext(connection) as queries:
        found(mine, vectors(1, 6)[0])
    assert len(queries) == 1


def test_what_is_written_since_is_found(mine: Collection) -> None:
    [vector] = vectors(1, 7)
    mine.write([Record("new", "a text", {}, vector.tolist())])
    assert found(mine, vector)[0][0] == "new"
    mine.delete(mine.rows_by_key(["new"]))
    assert found(mine, vector) == found(papers(), vector)


def test_fewer_documents_than_asked_for_are_all_found(mine: Collection) -> None:
    mine.delete(mine.rows_by_key([f"me-{number}" for number in range(3, ROWS)]))
    assert {key for key, _ in found(mine, vectors(1, 8)[0])} == {"me-0", "me-1", "me-2"}
    mine.delete(mine.rows())
    assert found(mine, vectors(1, 8)[0]) == []


def test_filters_hold_for_the_search_that_has_them(mine: Collection) -> None:
    [vector] = vectors(1, 9)
    one = Condition(("number",), Operator.EQ, 7)
    assert [key for key, _ in found(mine, vector, filter=one)] == ["me-7"]
    assert len(found(mine, vector)) == COUNT
    assert [key for key, _ in found(mine.within(["me-3"]), vector)] == ["me-3"]


def test_settings_hold_from_when_they_are_set(mine: Collection, settings: Any) -> None:
    [vector] = vectors(1, 10)
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {"EXACT": True}}
    with CaptureQueriesContext(connection) as queries:
        found(mine, vector)
    assert not any("set_config" in query["sql"] for query in queries)


def test_vectors_of_an_older_space_are_no_longer_found(mine: Collection, settings: Any) -> None:
    configured = settings.HYBRID_STORE["EMBEDDERS"]
    other = {**configured["default"], "SPACE": "another"}
    embedders_now = {**configured, "default": other}
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "EMBEDDERS": embedders_now}
    with pytest.raises(SpaceMismatchError, match="another"):
        found(mine, vectors(1, 11)[0])


@pytest.mark.parametrize(
    "vector", [[0.0] * DIMENSIONS, [1.0], [float("nan")] * DIMENSIONS, ["x"] * DIMENSIONS]
)
def test_bad_vectors_are_refused(mine: Collection, vector: Any) -> None:
    with pytest.raises(InvalidTargetError):
        found(mine, vector)


def test_settings_of_a_transaction_are_given_back(mine: Collection) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("settings of PostgreSQL")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.ef_search = 77")
        found(mine, vectors(1, 12)[0])
        cursor.execute("SHOW hnsw.ef_search")
        assert cursor.fetchone() == ("77",)


@pytest.mark.django_db(transaction=True)
def test_threads_use_connections_of_their_own(mine: Collection) -> None:
    [vector] = vectors(1, 13)
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append((connections["default"], found(mine, vector)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer for _, answer in answers] == [found(papers(), vector)] * 3
    assert len({id(used) for used, _ in answers} | {id(connection)}) == 4


def test_an_order_of_the_queryset_does_not_count(mine: Collection) -> None:
    ordered = collection(Paper.objects.filter(owner="me").order_by("text"))
    for vector in vectors(3, 14):
        assert found(ordered, vector) == found(papers(), vector)
