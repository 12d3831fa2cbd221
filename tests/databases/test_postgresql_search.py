"""Searches over approximate indexes: no rows are lost, whatever the filter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Count, F, Func, Q
from django.test.utils import CaptureQueriesContext, isolate_apps

from hybrid_store.exceptions import SearchError
from hybrid_store.models import (
    BitField,
    HalfVectorField,
    HybridManager,
    Reason,
    SparseVectorField,
    VectorField,
    VectorIndex,
    unindexed,
)
from hybrid_store.models.functions import metrics_of
from hybrid_store.models.recall import measure
from hybrid_store.vectors import SINGLE
from tests.databases.drivers import needs_psycopg3
from tests.databases.other_ways import another_way

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the run is on another database"),
    pytest.mark.django_db(transaction=True),
]

ROWS, DIMENSIONS, CLUSTERS = 6000, 32, 40
INDEXES: dict[str, Any] = {
    "hnsw": {},
    "hnsw-half": {"precision": "half"},
    "hnsw-bit": {"precision": "bit"},
    "ivfflat": {"method": "ivfflat", "lists": 50},
    "ivfflat-half": {"method": "ivfflat", "lists": 50, "precision": "half"},
}
K = 10


@pytest.fixture(autouse=True)
def _indexes_may_be_used(settings: Any) -> None:
    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {}}


def clustered(rng: Any, rows: int) -> Any:
    centers = rng.normal(size=(CLUSTERS, DIMENSIONS))
    vectors = centers[rng.integers(CLUSTERS, size=rows)] + 0.6 * rng.normal(size=(rows, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class Places:
    """A table of vectors, and what the nearest ones truly are."""

    def __init__(self, model: Any) -> None:
        rng = np.random.default_rng(7)
        self.model = model
        self.index_name = f"{model._meta.db_table}_vec"
        self.vectors = clustered(rng, ROWS + 20)
        self.queries, self.vectors = self.vectors[ROWS:], self.vectors[:ROWS]
        # Rows with a high number are far from the first query: a filter against its direction.
        order = np.argsort(self.vectors @ self.queries[0])
        self.ranks = np.empty(ROWS, int)
        self.ranks[order] = np.arange(ROWS)[::-1]
        model.objects.bulk_create(
            model(number=n, rank=int(rank), vector=vector)
            for n, (rank, vector) in enumerate(zip(self.ranks, self.vectors, strict=True))
        )

    def build(self, **options: Any) -> VectorIndex:
        index = VectorIndex("vector", name=self.index_name, **options)
        self.model._meta.indexes = [index]
        with connection.schema_editor() as editor:
            editor.add_index(self.model, index)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {self.model._meta.db_table}")
        return index

    def drop(self) -> None:
        for index in self.model._meta.indexes:
            with connection.schema_editor() as editor:
                editor.remove_index(self.model, index)
        self.model._meta.indexes = []

    def recall(self, queryset: Any, query: Any, limit: int = K) -> float:
        """Of one search; fails where there are fewer rows than there might be."""
        true = {row.number for row in queryset.nearest(query).tuned(exact=True)[:limit]}
        found = [row.number for row in queryset.nearest(query)[:limit]]
        assert len(found) == len(set(found)) == len(true)
        return len(true & set(found)) / len(true)


@contextmanager
def loaded(prefix: str) -> Iterator[Places]:
    """A table with rows and without an index."""
    with isolate_apps("hybrid_store.test"):

        class Area(models.Model):
            name = models.CharField(max_length=20)
            objects: Any = models.Manager()

            class Meta:
                app_label = "hybrid_store_test"
                db_table = f"{prefix}_area"

        class Place(models.Model):
            number = models.IntegerField(db_index=True)
            rank = models.IntegerField()
            area = models.ForeignKey(Area, models.CASCADE, null=True)
            vector = VectorField(dimensions=DIMENSIONS, null=True)
            objects: Any = HybridManager()

            class Meta:
                app_label = "hybrid_store_test"
                db_table = f"{prefix}_place"

        with connection.schema_editor() as editor:
            editor.create_model(Area)
            editor.create_model(Place)
        try:
            places = Places(Place)
            areas = [Area.objects.create(name=f"area {n}") for n in range(10)]
            for area in areas:
                Place.objects.filter(number__in=range(area.pk % 10, ROWS, 10)).update(area=area)
            yield places
        finally:
            with connection.schema_editor() as editor:
                editor.delete_model(Place)
                editor.delete_model(Area)


@contextmanager
def indexes_preferred() -> Iterator[None]:
    """The planner uses an index where it can."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    yield
    connection.close()


@pytest.fixture(scope="module")
def table(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Places]:
    with django_db_blocker.unblock(), loaded("bare") as places:
        yield places


@pytest.fixture(scope="module", params=INDEXES)
def indexed(request: Any, django_db_setup: Any, django_db_blocker: Any) -> Iterator[Places]:
    with django_db_blocker.unblock(), loaded("indexed") as places:
        places.build(**INDEXES[request.param])
        yield places


@pytest.fixture
def places(indexed: Places) -> Iterator[Places]:
    """With each kind of index."""
    with indexes_preferred():
        yield indexed


@pytest.fixture
def hnsw(table: Places) -> Iterator[Places]:
    table.build()
    with indexes_preferred():
        yield table
    table.drop()


FILTERS = {
    "none": Q(),
    "half": Q(number__lt=ROWS // 2),
    "tenth": Q(number__lt=ROWS // 10),
    "hundredth": Q(number__lt=ROWS // 100),
    "thousandth": Q(number__lt=ROWS // 1000),
    "join": Q(area__name="area 3"),
    "far": Q(rank__gt=ROWS * 0.95),
    "rather far": Q(rank__gt=ROWS * 0.8),
    "near": Q(rank__lt=ROWS * 0.05),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_lose_no_rows_and_little_recall(places: Places, name: str) -> None:
    rows = places.model.objects.filter(FILTERS[name])
    queries = places.queries if "far" not in name and name != "near" else places.queries[:1]
    recalls = [places.recall(rows, query) for query in queries]
    assert np.mean(recalls) >= 0.95


def test_the_index_is_used(places: Places) -> None:
    ranked = places.model.objects.nearest(places.queries[0])
    for rows in (ranked[:K], ranked.filter(rank__lt=ROWS // 2)[:K]):
        assert places.index_name in rows.explain(), rows.explain()
        list(rows)
        assert not rows.query.outcome.exact


def candidates(rows: Any, query: Any, enough: float) -> Any:
    """A hundred of the nearest, or fewer of them."""
    ranked = rows.nearest(query)[:100]
    ranked.query.enough = enough
    return ranked


def test_candidates_may_end_where_an_index_finds_no_more(hnsw: Places) -> None:
    tenth = hnsw.model.objects.alias(digit=F("number") % 10).filter(digit=3)
    true = [row.pk for row in tenth.nearest(hnsw.queries[5]).tuned(exact=True)[:50]]
    all_of_them = candidates(tenth, hnsw.queries[5], 1.0)
    assert len(all_of_them) == 100
    assert all_of_them.query.outcome.exact
    enough = candidates(tenth, hnsw.queries[5], 0.5)
    assert 50 <= len(enough) <= 100
    assert not enough.query.outcome.exact
    assert len({row.pk for row in enough} & {*true}) >= 0.95 * len(true)


@pytest.mark.parametrize("name", ["far", "rather far", "thousandth"])
def test_where_an_index_finds_too_few_candidates_none_is_missing(places: Places, name: str) -> None:
    rows = places.model.objects.filter(FILTERS[name])
    assert len(candidates(rows, places.queries[0], 0.5)) == min(rows.count(), 100)


SLICES = [
    (0, 1),
    (0, 100),
    (35, 45),
    (95, 105),
    (495, 505),
    (990, 1000),
    (1000, 1010),
    (5990, 6010),
]


@pytest.mark.parametrize(("start", "stop"), SLICES)
def test_every_page_is_whole(places: Places, start: int, stop: int) -> None:
    ranked = places.model.objects.nearest(places.queries[1])
    true = [row.pk for row in ranked.tuned(exact=True)[start:stop]]
    found = [row.pk for row in ranked[start:stop]]
    assert len(found) == len(true) == min(stop, ROWS) - start
    assert len(set(found) & set(true)) >= 0.8 * len(true)


def test_rows_come_nearest_first(places: Places) -> None:
    for query in places.queries:
        ranked = places.model.objects.filter(number__lt=ROWS // 2).nearest(query)[:50]
        distances = [row.distance for row in ranked]
        assert distances == sorted(distances)


def test_shapes_of_querysets_lose_no_rows(places: Places) -> None:
    tenth = places.model.objects.filter(area__name="area 3")
    ranked = tenth.nearest(places.queries[2])
    assert len(ranked.values("number")[:K]) == K
    assert len(ranked.values_list("number", flat=True)[:K]) == K
    assert len(ranked.only("number")[:K]) == K
    assert len(ranked.select_related("area")[:K]) == K
    assert len(ranked.distinct()[:K]) == K
    assert len(ranked.annotate(n=Count("area__place"))[:K]) == K
    assert len(ranked.order_by("distance", "number")[:K]) == K
    assert len(ranked.order_by(F("distance").asc(nulls_last=True))[:K]) == K
    assert len(ranked.reverse().reverse()[:K]) == K
    assert len(list(ranked[:K].iterator())) == K
    assert len(ranked.exclude(number__lt=ROWS // 2)[:K]) == K
    assert places.model.objects.filter(pk__in=ranked[:K].values("pk")).count() == K
    assert ranked[:K].count() == K
    assert ranked[:K].union(ranked[:1]).count() == K
    assert len(ranked[:K].union(ranked[:1])) == K
    first = ranked.first()
    assert first == ranked[0] == ranked.tuned(exact=True)[0]
    with transaction.atomic():
        assert len(ranked.select_for_update(of=("self",))[:K]) == K


def test_rows_within_a_distance_are_all_found(places: Places) -> None:
    ranked = places.model.objects.nearest(places.queries[3])
    limit = ranked.tuned(exact=True)[25].distance
    for limited in (
        places.model.objects.nearest(places.queries[3], max_distance=limit),
        ranked.filter(distance__lt=limit + 1e-9),
        ranked.filter(distance__lte=limit, number__gte=0),
    ):
        assert len(limited[:20]) == 20
        assert len(limited[:50]) == 26
        assert len(limited) == limited.count() == 26


def test_distances_that_differ_from_row_to_row_are_conditions_like_others(hnsw: Places) -> None:
    ranked = hnsw.model.objects.nearest(hnsw.queries[0])
    # The first holds for the higher ranks alone: half of all distances are about 1 or less.
    by_row = ranked.filter(distance__lt=F("rank") / (ROWS * 0.5))
    either = ranked.filter(Q(distance__lt=0.001) | Q(rank__gt=ROWS * 0.9))
    for rows in (by_row, either):
        true = {row.pk for row in rows.tuned(exact=True)[:K]}
        assert len(true) == len(rows[:K]) == K
        assert len({row.pk for row in rows[:K]} & true) >= 0.9 * K


def test_rows_found_by_joins_come_as_often_as_they_are_joined(hnsw: Places) -> None:
    twice = hnsw.model.objects.filter(area__place__number__lt=20).nearest(hnsw.queries[0])
    found = [row.number for row in twice[:K]]
    assert found == [row.number for row in twice.tuned(exact=True)[:K]]
    assert len(set(found)) < K


def setting(name: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return cursor.fetchone()[0]


def test_no_setting_outlives_a_search(places: Places) -> None:
    names = ("hnsw.ef_search", "hnsw.iterative_scan", "ivfflat.probes")
    ranked = places.model.objects.filter(rank__gt=ROWS * 0.8).nearest(places.queries[0])
    list(ranked[:K])
    before = [setting(name) for name in names]
    assert before == ["40", "off", "1"]
    with transaction.atomic():
        list(ranked[:K])
        assert [setting(name) for name in names] == before
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL hnsw.ef_search = 77")
            list(ranked[:K])
            assert setting("hnsw.ef_search") == "77"
        with pytest.raises(DatabaseError), transaction.atomic():
            list(ranked.filter(number=F("rank") / (F("rank") - F("rank")))[:K])
        assert setting("ivfflat.probes") == "1"
    assert [setting(name) for name in names] == before


@needs_psycopg3
@pytest.mark.parametrize("prepared", [False, True])
def test_server_side_binding_finds_the_same(hnsw: Places, prepared: bool) -> None:
    ranked = hnsw.model.objects.filter(number__lt=ROWS // 2).nearest(hnsw.queries[4])
    expected = [row.pk for row in ranked[:K]]
    options = {"server_side_binding": True, "prepare_threshold": 1 if prepared else None}
    with another_way("bound", options) as bound:
        with bound.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
        for _ in range(4):
            assert [row.pk for row in ranked.using("bound")[:K]] == expected


def test_a_search_without_a_filter_is_one_statement(places: Places) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert len(places.model.objects.nearest(places.queries[0])[:K]) == K
    assert len(queries) == 1


def test_searches_are_tuned_one_by_one(hnsw: Places) -> None:
    ranked = hnsw.model.objects.nearest(hnsw.queries[0])

    def effort(queryset: Any) -> Any:
        list(queryset)
        return [scan.effort for scan in queryset.query.outcome.scans]

    assert effort(ranked[:K]) == [100]
    assert effort(ranked.tuned(ef_search=17)[:K]) == [17]
    assert effort(ranked.tuned(ef_search=5)[:K]) == [10]
    assert effort(ranked.tuned(recall=0.98)[:K]) == [200]
    assert effort(ranked.tuned(ef_search=17).tuned(recall=0.98)[:K]) == [200]
    assert effort(ranked.tuned(recall=1)[:K]) == []
    assert effort(ranked.tuned(exact=True)[:K]) == []
    assert effort(ranked[:300]) == [600]
    assert effort(ranked[:2000]) == []


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"ef_search": 0}, "ef_search is 0"),
        ({"ef_search": 1001}, "from 1 to 1000"),
        ({"recall": 2}, "recall is 2"),
        ({"exact": 1}, "True or False"),
        ({"speed": 1}, "unknown option 'speed'"),
    ],
)
def test_bad_tuning_is_refused(options: Any, fault: str) -> None:
    from hybrid_store.test.models import Point

    with pytest.raises(SearchError, match=fault):
        Point.objects.nearest([1, 2, 3], field="vector").tuned(**options)
    with pytest.raises(SearchError, match="follows nearest"):
        Point.objects.all().tuned(exact=True)


def test_settings_that_the_checks_refuse_are_refused_by_searches(settings: Any) -> None:
    from hybrid_store.test.models import Point

    settings.HYBRID_STORE = {**settings.HYBRID_STORE, "SEARCH": {"RECALL": 2}}
    with pytest.raises(ImproperlyConfigured, match="recall is 2"):
        list(Point.objects.nearest([1, 2, 3], field="vector")[:1])


def test_a_search_in_a_broken_transaction_is_refused_as_by_django(hnsw: Places) -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")
        with pytest.raises(DatabaseError):
            list(hnsw.model.objects.nearest(hnsw.queries[0])[:K])
        transaction.set_rollback(True)


def test_a_search_that_would_compare_too_many_rows_says_that_it_is_approximate(
    hnsw: Places, caplog: Any
) -> None:
    # Two near rows, too few to be worth a wider pass, and many that are far.
    some = hnsw.model.objects.filter(Q(rank__in=[3, 5]) | Q(rank__gt=ROWS * 0.7))
    exact = some.nearest(hnsw.queries[0])[:K]
    assert len(exact) == K
    assert exact.query.outcome.exact
    assert not caplog.records
    rough = some.nearest(hnsw.queries[0]).tuned(exact_rows=100)[:K]
    assert [row.rank for row in rough][:2] == [3, 5]
    assert len(rough) == K
    assert rough.query.outcome.scans[-1].resumes
    assert not rough.query.outcome.exact
    assert "may not be the nearest" in caplog.text


@pytest.mark.parametrize("metric", metrics_of(SINGLE))
@pytest.mark.parametrize("precision", ["single", "half", "bit"])
def test_every_metric_is_answered(table: Places, metric: str, precision: str) -> None:
    table.build(metric=metric, precision=precision)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
        ranked = table.model.objects.nearest(table.queries[5])
        assert table.index_name in ranked[:K].explain()
        true = [row.pk for row in ranked.tuned(exact=True)[:K]]
        assert len({row.pk for row in ranked[:K]} & {*true}) >= 0.9 * K
    finally:
        connection.close()
        table.drop()


FIELDS: dict[str, tuple[Any, list[str]]] = {
    "half": (HalfVectorField(dimensions=DIMENSIONS), ["cosine", "l2"]),
    "bits": (BitField(length=DIMENSIONS), ["hamming", "jaccard"]),
    "sparse": (SparseVectorField(dimensions=DIMENSIONS), ["cosine", "inner_product"]),
}


@pytest.mark.parametrize(
    ("kind", "metric"), [(kind, metric) for kind in FIELDS for metric in FIELDS[kind][1]]
)
def test_every_kind_of_vector_is_found_by_its_index(kind: str, metric: str) -> None:
    rng = np.random.default_rng(5)
    vectors = clustered(rng, 800)
    vectors = vectors > 0 if kind == "bits" else np.where(np.abs(vectors) > 0.1, vectors, 0)
    with isolate_apps("hybrid_store.test"):
        index = VectorIndex("vector", metric=metric, name="kinds_vec")
        meta = type("Meta", (), {"app_label": "hybrid_store_test", "indexes": [index]})
        members = {"__module__": __name__, "Meta": meta, "vector": FIELDS[kind][0].clone()}
        members |= {"rank": models.IntegerField(), "objects": HybridManager()}
        model: Any = type("Kinds", (models.Model,), members)
    with connection.schema_editor() as editor:
        editor.create_model(model)
    try:
        model.objects.bulk_create(model(rank=n, vector=v) for n, v in enumerate(vectors))
        with indexes_preferred():
            for rows in (model.objects.all(), model.objects.filter(rank__lt=200)):
                ranked = rows.nearest(vectors[7], metric=metric)
                assert "kinds_vec" in ranked[:K].explain()
                distances = [row.distance for row in ranked[:K]]
                exact = [row.distance for row in ranked.tuned(exact=True)[:K]]
                assert len(distances) == K
                assert np.isclose(distances, exact, atol=1e-6).mean() >= 0.9
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(model)


def test_vectors_that_are_stored_out_of_line_are_found_by_their_index() -> None:
    """Their table looks small, so a plan that reads it all looks cheap."""
    with isolate_apps("hybrid_store.test"):

        class Wide(models.Model):
            vector = VectorField(dimensions=768)
            objects = HybridManager()

            class Meta:
                app_label = "hybrid_store_test"
                indexes = [VectorIndex("vector", name="wide_vec", m=4, ef_construction=8)]

    with connection.schema_editor() as editor:
        editor.create_model(Wide)
    try:
        vectors = np.random.default_rng(4).normal(size=(2000, 768)).astype(np.float32)
        Wide.objects.bulk_ingest({"vector": vectors})
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {Wide._meta.db_table}")
        assert Wide.objects.nearest(vectors[5])[:30].explain_search().index == "wide_vec"
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Wide)


def test_an_index_of_some_rows_is_used_by_searches_of_those(table: Places) -> None:
    table.build(condition=Q(number__lt=ROWS // 3))
    try:
        ranked = table.model.objects.nearest(table.queries[0])
        fitting = ranked.filter(number__lt=ROWS // 3)
        assert table.index_name in fitting[:K].explain()
        assert table.index_name not in ranked[:K].explain()
        assert len(fitting[:K]) == len(ranked[:K]) == K
    finally:
        table.drop()


def test_indexes_of_pgvectors_own_are_used_as_they_are(table: Places) -> None:
    from django.contrib.postgres.indexes import OpClass
    from django.db.models.expressions import OrderBy
    from django.db.models.functions import Cast, Collate
    from django.db.models.indexes import IndexExpression
    from pgvector.django import BitField, HalfVectorField, HnswIndex, IvfflatIndex

    # As the app django.contrib.postgres does, which the tests do without.
    IndexExpression.register_wrappers(OrderBy, OpClass, Collate)
    half = OpClass(
        Cast("vector", HalfVectorField(dimensions=DIMENSIONS)), name="halfvec_cosine_ops"
    )
    bits = OpClass(
        Cast(Func("vector", function="binary_quantize"), BitField(length=DIMENSIONS)),
        name="bit_hamming_ops",
    )
    name = table.index_name
    for index in (
        HnswIndex(fields=["vector"], opclasses=["vector_cosine_ops"], name=name, m=8),
        IvfflatIndex(fields=["vector"], opclasses=["vector_cosine_ops"], name=name, lists=20),
        HnswIndex(half, name=name),
        HnswIndex(bits, name=name),
    ):
        table.model._meta.indexes = [index]
        with connection.schema_editor() as editor:
            editor.add_index(table.model, index)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET enable_seqscan = off")
            rows = table.model.objects.filter(rank__gt=10)
            ranked = table.model.objects.nearest(table.queries[0])
            assert name in ranked[:K].explain(), (index.expressions, ranked[:K].explain())
            assert table.recall(rows, table.queries[0]) >= 0.9
        finally:
            connection.close()
            table.drop()


def test_searches_of_many_kinds_agree_with_each_other(hnsw: Places) -> None:
    for start, width in itertools.product((0, 7), (1, 30)):
        ranked = hnsw.model.objects.nearest(hnsw.queries[6])
        pages = list(ranked[start : start + width])
        assert pages == list(ranked[: start + width])[start:]


class TestExplanations:
    def explained(self, queryset: Any) -> Any:
        explanation = queryset.explain_search()
        assert str(explanation.reason or explanation.index) in str(explanation)
        return explanation

    def test_the_index_that_gave_the_rows_is_named(self, places: Places) -> None:
        ranked = places.model.objects.nearest(places.queries[0])[:K]
        explanation = ranked.explain_search(prove=True)
        assert (explanation.index, explanation.reason) == (places.index_name, None)
        assert (explanation.exact, explanation.asked, explanation.returned) == (False, K, K)
        assert explanation.recall > 0.9
        assert places.index_name in explanation.plan
        assert len(explanation.scans) == 1

    def test_every_other_case_has_its_reason(self, hnsw: Places) -> None:
        rows = hnsw.model.objects
        ranked = rows.nearest(hnsw.queries[0])
        cases = [
            (ranked.order_by("-distance")[:K], Reason.ORDER),
            (ranked, Reason.NO_SLICE),
            (ranked[:2000], Reason.DEPTH),
            (ranked.tuned(exact=True)[:K], Reason.TUNED),
            (rows.nearest(hnsw.queries[0], metric="l1")[:K], Reason.METRIC),
            (rows.filter(rank__gt=ROWS * 0.9).nearest(hnsw.queries[0])[:K], Reason.TOO_FEW),
            (rows.filter(number=7).nearest(hnsw.queries[0])[:1], Reason.PLANNER),
        ]
        for queryset, reason in cases:
            explanation = self.explained(queryset)
            assert (explanation.index, explanation.reason) == (None, reason)
            assert explanation.exact
        with transaction.atomic():
            assert self.explained(ranked.select_for_update()[:K]).reason is Reason.LOCKING

    def test_missing_and_invalid_indexes_are_told(self, table: Places) -> None:
        ranked = table.model.objects.nearest(table.queries[0])[:K]
        assert self.explained(ranked).reason is Reason.NO_INDEX
        table.build()
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)",
                    [table.index_name],
                )
            assert self.explained(ranked).reason is Reason.INVALID
        finally:
            table.drop()

    def test_only_a_search_can_be_explained(self, table: Places) -> None:
        with pytest.raises(SearchError, match="follows nearest"):
            table.model.objects.all().explain_search()


def test_a_large_table_without_an_index_is_told_of_once(table: Places, caplog: Any) -> None:
    with (
        mock.patch.object(unindexed, "LARGE_TABLE", ROWS // 2),
        mock.patch.object(unindexed, "_looked_at", set()),
    ):
        for metric in ("cosine", "cosine", "l2"):
            list(table.model.objects.nearest(table.queries[0], metric=metric)[:K])
    assert [record.message.count("VectorIndex") for record in caplog.records] == [1, 1]
    assert 'metric="l2"' in caplog.text


def test_recall_is_measured(hnsw: Places) -> None:
    measured = list(
        measure(hnsw.model.objects.all(), hnsw.queries, [10, 400], field="vector", metric="cosine")
    )
    assert [each.ef_search for each in measured] == [None, 10, 400]
    assert measured[0].recall == measured[0].least == 1
    assert measured[1].least <= measured[1].recall <= measured[2].recall
    assert measured[2].recall > 0.98
