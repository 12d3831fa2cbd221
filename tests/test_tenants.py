"""Two tenants in one table: what a queryset of one gives does not depend on the rows of the other.

Every method that a `HybridQuerySet` has beyond Django's is called without and with the rows of
another tenant, whose texts are the same and whose vectors are nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Model
from django.test import override_settings

from hybrid_store.exceptions import HybridStoreError, InvalidTargetError
from hybrid_store.models import CosineDistance, HybridQuerySet, coverage
from hybrid_store.models.query import HybridQuerySetMixin
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Manual, ManualPassage, Tale
from hybrid_store.test.watching import count_queries_embedded

ME, YOU = 1, 2
SECRET = "zebra"
TEXTS = {
    ME: ["red apples, and many words besides", "green apples, and pears", "stone bridges"],
    YOU: ["red apples", "apples", f"red apples {SECRET}"],
}
COPIES = 30
"""Of another tenant's texts: more than are looked at for a short answer."""


def mine() -> Any:
    return Tale.objects.filter(year=ME)


def manuals() -> Any:
    return Manual.objects.filter(year=ME)


def fill() -> None:
    """Tales and manuals of both, of which one has a vector of an older text."""
    for owner in (ME, YOU):
        texts = TEXTS[owner] * (COPIES if owner == YOU else 1)
        Tale.objects.bulk_create(Tale(title=text, year=owner) for text in [*texts, "old"])
        Manual.objects.bulk_create(Manual(title=text, year=owner) for text in TEXTS[owner])
    generate(Tale)
    generate(ManualPassage)
    Tale.objects.filter(title="old").update(title="changed since")


def first(**options: Any) -> Any:
    return Tale.objects.filter(year=ME, **options).order_by("pk").first()


def renamed(rows: Any) -> int:
    """All tales of everybody, as a queryset of one is told to."""
    tales = [*Tale.objects.order_by("pk")]
    for tale in tales:
        tale.title = "renamed"
    return int(rows.bulk_update(tales, ["title"]))


def seen_by_a_reranker(rows: Any) -> list[str]:
    seen: list[str] = []

    def score(query: str, texts: list[str]) -> list[float]:
        seen.extend(texts)
        return [0.0] * len(texts)

    assert len(rows.search("apples").rerank(score)[:2])
    return seen


def ordered(rows: Any) -> Any:
    distance = CosineDistance("embedding", first(title__startswith="red").embedding)
    return rows.annotate(d=distance).order_by("d")[:2]


CALLS: dict[str, Callable[[Any], Any]] = {
    "nearest": lambda rows: rows.nearest("red apples")[:2],
    "nearest to a row": lambda rows: rows.nearest(first())[:2],
    "nearest within a distance": lambda rows: rows.nearest("apples", max_distance=0.9),
    "nearest in order": ordered,
    "nearest_by_passage": lambda rows: manuals().nearest_by_passage("red apples")[:2],
    "search_by_passage": lambda rows: manuals().search_by_passage("apples bridges")[:9],
    "search": lambda rows: rows.search("apples bridges")[:9],
    "search by words": lambda rows: rows.search("apples bridges", mode="text")[:9],
    "search by meaning": lambda rows: rows.search("red apples", mode="vector")[:2],
    "search for what another has": lambda rows: rows.search(SECRET, mode="text"),
    "recommend": lambda rows: rows.recommend(like=[first()], unlike=["bridges"])[:2],
    "recommend by the best match": lambda rows: rows.recommend(
        like=[first(), "apples"], strategy="best"
    )[:2],
    "diversify": lambda rows: rows.nearest("red apples").diversify(lambda_=0.3)[:2],
    "rerank": seen_by_a_reranker,
    "highlight": lambda rows: [
        repr(row.highlights) for row in rows.search("apples").highlight("title")[:9]
    ],
    "tuned": lambda rows: rows.nearest("red apples").tuned(exact=True)[:2],
    "explain_search": lambda rows: rows.nearest("red apples")[:2].explain_search().returned,
    "stale": lambda rows: rows.stale(),
    "coverage": lambda rows: (rows.coverage(), coverage(rows)),
    "failed": lambda rows: rows.failed(),
    "bulk_ingest": lambda rows: rows.bulk_ingest([Tale(title="new", year=ME)]),
    "embed_query": lambda rows: rows.nearest("red apples")[:2].embed_query(),
    "aembed_query": lambda rows: async_to_sync(rows.nearest("red apples")[:2].aembed_query)(),
    "update": lambda rows: rows.update(title="changed"),
    "bulk_update": renamed,
    "count": lambda rows: (rows.nearest("apples").count(), rows.search("apples").count()),
    "a page": lambda rows: rows.search("apples bridges")[1:3].count(),
    "a subquery": lambda rows: Tale.objects.filter(pk__in=rows.nearest("apples")[:2].values("pk")),
}


def shown(value: Any) -> Any:
    """What a caller learns, but for the order of what is equal."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return sorted(map(repr, map(shown, value)))
    return repr(value)


def done(call: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """The answer of a call, and the rows of both after it; then it is taken back."""
    with transaction.atomic():
        try:
            answer = shown(call(mine()))
        except HybridStoreError as error:
            answer = repr(error)
        titles = [rows_of(ME), rows_of(YOU)]
        transaction.set_rollback(True)
    return answer, *titles


def rows_of(owner: int) -> list[Any]:
    rows = Tale.objects.filter(year=owner).order_by("pk")
    return [*rows.values_list("title", "embedding", "embedding_fingerprint")]


def test_every_method_is_called() -> None:
    methods = {name for name in vars(HybridQuerySetMixin) if not name.startswith("_")}
    assert methods <= {name.partition(" ")[0] for name in CALLS}
    assert methods >= {"nearest", "search"}
    assert issubclass(HybridQuerySet, HybridQuerySetMixin)


@pytest.mark.django_db
def test_answers_do_not_depend_on_another_tenant() -> None:
    fill()
    theirs = rows_of(YOU)
    together = {name: done(call) for name, call in CALLS.items()}
    for kind in (Tale, Manual):
        kind.objects.filter(year=YOU).delete()
    for name, call in CALLS.items():
        assert together[name] == (*done(call)[:2], theirs), name


@pytest.mark.django_db
def test_a_row_of_another_leads_to_own_rows() -> None:
    fill()
    row, without = Tale.objects.filter(year=YOU).order_by("pk")[:2]
    for found in (
        mine().nearest(row)[:9],
        mine().recommend(like=[row], unlike=[without])[:9],
        mine().search("apples", near=row)[:9],
        mine().nearest(row).diversify()[:9],
    ):
        assert len(found)
        assert {tale.year for tale in found} == {ME}
    changed = Tale.objects.get(year=YOU, title="changed since")
    Tale.objects.filter(pk=changed.pk).update(embedding=None)
    changed.refresh_from_db()
    with pytest.raises(InvalidTargetError) as refused:
        [*mine().nearest(changed)]
    assert "changed since" not in str(refused.value)


@pytest.mark.django_db(transaction=True)
def test_committed_rows_and_kept_vectors_are_of_one_tenant() -> None:
    """With an index in memory, a cache of query vectors, and statements that are repeated."""
    fill()
    cache = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    with override_settings(CACHES=cache), count_queries_embedded() as texts:
        for _ in range(6):
            for owner in (ME, YOU):
                rows = Tale.objects.filter(year=owner)
                for found in (
                    rows.nearest("red apples, and many words")[:3],
                    rows.search("red apples, and many words")[:3],
                ):
                    assert [tale.year for tale in found] == [owner] * 3
    assert len(texts) == 1
