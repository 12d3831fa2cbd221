"""What is peculiar to PostgreSQL in conditions on JSON: indexes that find values."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.indexes import GinIndex
from django.db import connection

from hybrid_store.contrib.retrieval.collection import Collection
from hybrid_store.contrib.retrieval.filters import Condition, Group, Operator
from hybrid_store.contrib.retrieval.layout import layout
from tests.contrib.models import Paper

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db,
]
NAME = "tests_paper_metadata"


@pytest.fixture
def indexed() -> Collection:
    """Papers whose planner has to use an index where one serves."""
    Paper.objects.bulk_create(Paper(pk=str(n), metadata={"n": n}) for n in range(3))
    index = GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name=NAME)
    with connection.schema_editor() as editor:
        editor.add_index(Paper, index)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return Collection(Paper.objects.all(), layout(Paper))


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        (Operator.EQ, "text"),
        (Operator.EQ, 1),
        (Operator.EQ, True),
        (Operator.IN, [1, "text"]),
        (Operator.CONTAINS, 1),
    ],
)
def test_an_index_finds_one_value(indexed: Collection, operator: Operator, value: Any) -> None:
    asked = Condition(("a", "b"), operator, value)
    assert NAME in indexed.rows(asked).explain()
    assert NAME in indexed.rows(Group("and", [asked, asked])).explain()
