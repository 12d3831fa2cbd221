"""Faults of the approximate indexes of PostgreSQL, those of pgvector.django included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pgvector.django as pgvector
import pytest
from django.db import connection, models

from hybrid_store.backends import vector_ops
from hybrid_store.management.lint.engine import Outcome
from hybrid_store.management.lint.findings import Finding
from hybrid_store.models import HybridManager, VectorField
from tests.adoption.tables import Table
from tests.lint.looking import look_at, project

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not vector_ops(connection).index_may_lose_rows, reason="the database searches exactly"
    ),
]

DIMENSIONS = 16
CATEGORIES = 20
COSINE = project(views='rows.order_by(CosineDistance("embedding", vector))')


def hnsw(operators: str = "vector_cosine_ops", **options: Any) -> Any:
    return pgvector.HnswIndex(
        name="lint_hnsw", fields=["embedding"], opclasses=[operators], **options
    )


@contextmanager
def filled(index: Any, rows: int = 400, field: Any = None, **fields: Any) -> Iterator[Table]:
    """A table whose rows have categories in turn."""
    field = field or pgvector.VectorField(dimensions=DIMENSIONS, null=True)
    fields = {"category": models.IntegerField(), "embedding": field, **fields}
    with Table("Indexed").created(**fields, options={"indexes": [index]}) as table:
        vectors = np.random.default_rng(1).normal(size=(rows, DIMENSIONS))
        vectors[:, 0] += 3
        table.rows.bulk_create(
            [
                table.model(category=place % CATEGORIES, embedding=vector.tolist())
                for place, vector in enumerate(vectors)
            ]
        )
        yield table


@pytest.fixture
def by_index() -> Iterator[None]:
    """The planner goes by the index, as it does in large tables, and finds few rows by it."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 10")
        yield
        cursor.execute("RESET enable_seqscan; RESET enable_sort; RESET hnsw.ef_search")
        cursor.execute("RESET hnsw.iterative_scan")


def findings(table: Table, rule: str, code: Any = None) -> list[Finding]:
    outcome: Outcome = look_at(table.model, code=code)
    assert outcome.untold == []
    return [finding for finding in outcome.findings if finding.rule == rule]


@dataclass(frozen=True)
class Tag:
    """A key as Python has it; no driver knows it."""

    text: str


class OfTags(models.CharField[Any, Any]):
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Tag:
        return Tag(value)

    def get_prep_value(self, value: Any) -> Any:
        return value.text if isinstance(value, Tag) else value

    def to_python(self, value: Any) -> Any:
        return value


class TestLostRows:
    filtered = project(views="Movie.objects.filter(category=5)")

    def test_they_are_counted(self, by_index: None) -> None:
        with filled(hnsw()) as table:
            # A value of one row is none that queries ask for often.
            table.rows.create(category=99, embedding=[1.0] * DIMENSIONS)
            assert findings(table, "L109") == []
            [first, second] = findings(table, "L109", self.filtered)
        assert first.place == "adoption_tests_indexed.embedding"
        before, _, after = first.detail.partition(" came on average of 5 searches (recall 0.")
        asked, _, came = before.partition(" rows asked for ")
        assert asked == "by lint_hnsw, of 10"
        assert 0 <= float(came) < 3
        assert after.endswith(") with category = 0, which 5.0% of rows have")
        assert "hnsw.iterative_scan=relaxed_order" in first.fix
        assert "category = 19" in second.detail

    def test_choices_booleans_and_relations_are_tried_unasked(self, by_index: None) -> None:
        public = models.BooleanField(default=False)
        with filled(hnsw(), public=public) as table:
            rows = table.rows.filter(category=0)
            rows.update(public=True)
            [finding] = findings(table, "L109")
        assert "with public = True, which 5.0% of rows have" in finding.detail

    def test_what_the_code_names_is_tried_first_and_texts_are_not_shown(
        self, by_index: None
    ) -> None:
        flags: dict[str, Any] = {f"flag{n}": models.BooleanField(default=False) for n in range(4)}
        owner = models.CharField(max_length=50, default="")
        with filled(hnsw(), **flags, owner=owner) as table:
            rows = table.rows.filter(category=0)
            rows.update(owner="ann@example.com", **dict.fromkeys(flags, True))
            asked = project(views="Movie.objects.filter(owner__iexact=owner)")
            details = [finding.detail for finding in findings(table, "L109", asked)]
        assert " with one owner, which 5.0% of rows have" in details[0]
        assert len(details) == 4
        assert "example.com" not in str(details)

    def test_keys_may_be_of_any_type(self, by_index: None) -> None:
        keys = map("k{:03}".format, count())
        key = OfTags(max_length=9, primary_key=True, default=lambda: Tag(next(keys)))
        with filled(hnsw(), code=key) as table:
            [first, _] = findings(table, "L109", self.filtered)
        assert first.detail.startswith("by lint_hnsw, of 10 rows asked for ")

    def test_few_rows_that_match_are_all_that_can_come(self, by_index: None) -> None:
        with filled(hnsw(), rows=120) as table:
            [first, _] = findings(table, "L109", self.filtered)
        assert first.detail.startswith("by lint_hnsw, of 6 rows that match ")

    def test_a_scan_that_resumes_loses_none(self, by_index: None) -> None:
        with filled(hnsw()) as table, connection.cursor() as cursor:
            cursor.execute("SET hnsw.iterative_scan = strict_order")
            assert findings(table, "L109", self.filtered) == []

    def test_an_exact_plan_loses_none(self) -> None:
        with filled(hnsw()) as table:
            assert findings(table, "L109", self.filtered) == []

    def test_indexes_over_casts_and_of_some_rows(self, by_index: None) -> None:
        with filled(models.Index(fields=["category"], name="lint_category")) as table:
            with connection.cursor() as cursor:
                cursor.execute(
                    "CREATE INDEX lint_half ON adoption_tests_indexed USING hnsw "
                    f"((embedding::halfvec({DIMENSIONS})) halfvec_cosine_ops) "
                    "WHERE category % 20 < 10"
                )
                cursor.execute("DROP INDEX lint_category")
            details = [finding.detail for finding in findings(table, "L109", self.filtered)]
        assert [detail.rpartition(" with ")[2] for detail in details] == [
            "category = 0, which 5.0% of rows have"
        ]
        assert details[0].startswith("by lint_half, of 10 rows asked for ")

    def test_lists_of_ivfflat(self, by_index: None) -> None:
        index = pgvector.IvfflatIndex(
            name="lint_ivf", fields=["embedding"], opclasses=["vector_l2_ops"], lists=40
        )
        with filled(index) as table:
            [first, _] = findings(table, "L109", self.filtered)
        assert first.detail.startswith("by lint_ivf, of 10 rows asked for ")
        assert "-c ivfflat.iterative_scan=relaxed_order" in first.fix

    def test_as_many_rows_as_are_asked_for_may_be_the_wrong_ones(self, by_index: None) -> None:
        index = pgvector.IvfflatIndex(
            name="lint_ivf", fields=["embedding"], opclasses=["vector_l2_ops"], lists=8
        )
        with filled(index, public=models.BooleanField(default=False)) as table:
            table.rows.filter(category__lt=9).update(public=True)
            [finding] = findings(table, "L109")
        assert finding.detail.startswith("by lint_ivf, of 10 rows asked for 10.0 came ")
        assert " (recall 0." in finding.detail

    def test_searches_of_a_hybrid_queryset_lose_none(self, by_index: None) -> None:
        class Hybrid(models.Model):
            category = models.IntegerField()
            embedding = VectorField(dimensions=DIMENSIONS)
            objects = HybridManager()

            class Meta:
                app_label = "lint_tests"
                db_table = "adoption_tests_indexed"

        with filled(hnsw()):
            assert look_at(Hybrid, code=self.filtered).findings == []


class TestOtherMetrics:
    @pytest.mark.parametrize(
        ("operators", "used", "count"),
        [
            ("vector_l2_ops", 'CosineDistance("embedding", v)', 1),
            ("vector_cosine_ops", 'CosineDistance("embedding", v)', 0),
            ("vector_cosine_ops", 'CosineDistance(F("embedding"), v)', 0),
            ("vector_cosine_ops", 'CosineDistance(Cast("embedding", half), v)', 1),
            ("vector_cosine_ops", 'CosineDistance("other", v)', 0),
            ("vector_ip_ops", 'MaxInnerProduct("movie__embedding", v)', 0),
        ],
    )
    def test_an_index_serves_one_distance(self, operators: str, used: str, count: int) -> None:
        with filled(hnsw(operators), rows=1) as table:
            found = findings(table, "L110", project(views=used))
        assert len(found) == count

    @pytest.mark.parametrize(("model", "count"), [("Song", 0), ("Indexed", 1), ("Other", 1)])
    def test_what_is_compared_of_another_table_is_no_use(self, model: str, count: int) -> None:
        code = project(views=f'{model}.objects.order_by(CosineDistance("embedding", v))')
        field = pgvector.VectorField(dimensions=DIMENSIONS)
        with (
            filled(hnsw("vector_l2_ops"), rows=1) as table,
            Table("Song").created(embedding=field) as other,
        ):
            outcome = look_at(table.model, other.model, code=code)
        assert [finding.rule for finding in outcome.findings] == ["L110"] * count

    def test_both_are_named(self) -> None:
        with filled(hnsw("vector_l2_ops"), rows=1) as table:
            [finding] = findings(table, "L110", COSINE)
        assert finding.detail == (
            "lint_hnsw is for l2, and the code compares it by cosine at views.py:1: "
            "the index is never used"
        )


OWN_CLASS = """
CREATE OPERATOR CLASS {name} FOR TYPE vector USING hnsw AS
OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
FUNCTION 1 vector_l2_squared_distance(vector, vector);
CREATE INDEX of_others ON adoption_tests_indexed USING hnsw (embedding {name})
"""


@pytest.mark.parametrize("name", ["own", "own_l2", "an_own_class_of_ops"])
def test_operators_of_others_are_of_no_known_distance(name: str) -> None:
    with filled(hnsw(), rows=1) as table, connection.cursor() as cursor:
        cursor.execute(OWN_CLASS.format(name=name))
        stored = vector_ops(connection).stored_indexes(table.model)
        assert findings(table, "L110", COSINE) == []
    known = {index.name: index.metric for index in stored}
    assert known == {"lint_hnsw": "cosine", "of_others": "l2" if name == "own_l2" else None}


@pytest.mark.parametrize(
    "indexed",
    ["embedding vector_l2_ops", f"(embedding::halfvec({DIMENSIONS})) halfvec_l2_ops"],
)
def test_an_index_is_that_of_what_it_orders_not_of_what_its_condition_names(indexed: str) -> None:
    other = pgvector.VectorField(dimensions=DIMENSIONS, null=True)
    plain = models.Index(fields=["category"], name="lint_category")
    with filled(plain, rows=1, other=other) as table, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX lint_some ON adoption_tests_indexed USING hnsw ({indexed}) "
            "WHERE other IS NOT NULL AND embedding IS NOT NULL AND category > 1"
        )
        stored = vector_ops(connection).stored_indexes(table.model)
    assert [(index.name, index.column) for index in stored] == [("lint_some", "embedding")]


def test_invalid_indexes_are_told_with_the_command_that_mends_them() -> None:
    with filled(hnsw(), rows=1) as table, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'lint_hnsw'::regclass"
        )
        [finding] = findings(table, "L111")
    assert finding.fix == 'Run REINDEX INDEX CONCURRENTLY "lint_hnsw";'


CONVERTING = (
    "Say them in the field, and migrate by "
    'ConvertVectorColumn("Indexed", "embedding", VectorField(dimensions=9)).'
)


@pytest.mark.parametrize(("dimensions", "count"), [(None, 1), (9, 0)])
def test_columns_without_dimensions_are_told(dimensions: int | None, count: int) -> None:
    field = pgvector.VectorField(dimensions=dimensions)
    with Table("Indexed").created(embedding=field) as table:
        assert len(findings(table, "L112")) == count
        table.rows.create(embedding=[0.5] * 9)
        fixes = [finding.fix for finding in findings(table, "L112")]
        assert fixes == [CONVERTING] * count


@pytest.mark.django_db(transaction=True)
def test_updates_that_write_vectors_into_an_index_again_are_counted() -> None:
    index = models.Index(fields=["category"], name="lint_category")
    with filled(hnsw(), rows=300) as table:
        with table.connection.schema_editor() as editor:
            editor.add_index(table.model, index)
        for _ in range(4):
            table.rows.update(category=models.F("category") + 1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
        [finding] = findings(table, "L113")
    assert "of 1200 updates of adoption_tests_indexed were HOT" in finding.detail
    assert "fillfactor" in finding.fix


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_is_told() -> None:
    with (
        filled(hnsw(), rows=1) as table,
        closing(connection.copy()) as other,
        other.cursor() as cursor,
    ):
        cursor.execute("BEGIN; LOCK TABLE adoption_tests_indexed")
        outcome = look_at(table.model, seconds=0.05)
    assert outcome.untold == [
        "adoption_tests_indexed.embedding could not be told within 0.05 s: try --timeout"
    ]
