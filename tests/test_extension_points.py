"""A database, a distance and a manager added from outside, as a stranger would write them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import NotSupportedError, connection
from django.test.utils import CaptureQueriesContext

from hybrid_store import backends
from hybrid_store.backends import BaseVectorOperations, register_backend, vector_ops
from hybrid_store.models import CosineDistance, Distance, L2Distance
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.sources import source_reader
from hybrid_store.sync.statements import GuardedUpdate
from hybrid_store.test.models import Book, Point, Tale
from hybrid_store.texts.query import parse
from hybrid_store.vectors import Codec, Vector


class TextOperations(BaseVectorOperations):
    """A database that keeps vectors as text and knows one distance."""

    display_name = "Exampledb"
    column_types = {"single": "text"}
    metrics = {"cosine": "EXAMPLE_COSINE"}

    def to_db(self, codec: Codec, value: Any) -> str:
        return str(value.to_text())

    def from_db(self, codec: Codec, value: Any, dimensions: int) -> Any:
        return codec.parse(value, dimensions)


@pytest.fixture
def exampledb(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection of Django's that says it is to another database."""
    monkeypatch.setattr(backends, "_registered", dict(backends._registered))
    foreign = connection.copy()
    monkeypatch.setattr(foreign, "vendor", "exampledb")
    monkeypatch.setattr(foreign, "display_name", "Exampledb")
    return foreign


def sql(expression: Any, on: Any) -> str:
    query = Point.objects.annotate(d=expression).values("d").query
    compiled: str = query.get_compiler(connection=on).as_sql()[0]
    return compiled


def test_one_call_registers_a_database(exampledb: Any) -> None:
    register_backend("exampledb", TextOperations)
    assert isinstance(vector_ops(exampledb), TextOperations)
    assert vector_ops(exampledb) is vector_ops(exampledb)
    assert Point._meta.get_field("vector").db_type(exampledb) == "text"
    assert "EXAMPLE_COSINE(" in sql(CosineDistance("vector", [1, 2, 3]), exampledb)


def test_a_database_without_words_says_so(exampledb: Any) -> None:
    register_backend("exampledb", TextOperations)
    texts = vector_ops(exampledb).texts
    spec = Tale._meta.indexes[1].spec(Tale)
    assert texts.creation(spec, "t") == texts.removal(spec) == []
    query = parse("crew")
    message = 'Exampledb does not support searches by words: use mode="vector".'
    for refused in (lambda: texts.ranked(spec, query), lambda: texts.matching(spec, query.clauses)):
        with pytest.raises(NotSupportedError, match=message):
            refused()


def test_a_database_can_be_registered_by_its_path(exampledb: Any) -> None:
    register_backend("exampledb", f"{__name__}.TextOperations")
    assert vector_ops(exampledb).display_name == "Exampledb"


@pytest.mark.django_db
def test_a_database_writes_batches_row_by_row_unless_it_knows_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ops = vector_ops(connection)
    row_by_row = partial(BaseVectorOperations.update_rows, ops)
    monkeypatch.setattr(ops, "update_rows", row_by_row)
    Book.objects.bulk_create([Book(title=title) for title in "abc"])
    field = embedding_field(Book)
    texts = source_reader(field, "default").read(Book.objects.order_by("pk"))
    Book.objects.filter(title="b").update(title="edited")
    rows = [(text.pk, text.content, Vector([1.0] * 384)) for text in texts]
    update = GuardedUpdate(field, "default")
    with CaptureQueriesContext(connection) as queries:
        assert update.store(rows) == [True, False, True]
    assert sum(query["sql"].startswith("UPDATE") for query in queries) == 3
    assert Book.objects.stale().get().title == "edited"
    assert update.clear([row[:2] for row in rows]) == [True, False, True]


def test_what_a_database_lacks_is_refused_in_one_sentence(exampledb: Any) -> None:
    register_backend("exampledb", TextOperations)
    with pytest.raises(NotSupportedError, match=r"^Exampledb does not support the l2 distance\.$"):
        sql(L2Distance("vector", [1, 2, 3]), exampledb)
    with pytest.raises(NotSupportedError, match="half-precision vector columns"):
        Point._meta.get_field("half").db_type(exampledb)


def test_a_database_nobody_registered_is_refused_in_one_sentence(exampledb: Any) -> None:
    with pytest.raises(NotSupportedError, match=r"^Exampledb does not support"):
        Point._meta.get_field("vector").db_type(exampledb)


def test_mariadb_is_told_from_mysql() -> None:
    class Connection:
        vendor = "mysql"
        mysql_is_mariadb = True

    assert backends.backend_name(Connection()) == "mariadb"  # type: ignore[arg-type]


def test_a_distance_is_a_class_of_three_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Canberra(Distance):
        metric = "canberra"

    name = vector_ops(connection).display_name
    with pytest.raises(NotSupportedError, match=f"{name} does not support the canberra distance"):
        sql(Canberra("vector", [1, 2, 3]), connection)
    ops = vector_ops(connection)
    monkeypatch.setattr(ops, "metrics", {**ops.metrics, "canberra": ops.metrics["l1"]})
    assert sql(Canberra("vector", [1, 2, 3]), connection)
