"""Vectors of different models are never compared, and never vanish silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from hybrid_store.exceptions import SpaceMismatchError
from hybrid_store.models import spaces
from hybrid_store.models.fingerprint import fingerprint
from hybrid_store.sync.generation import Generation
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import Book
from hybrid_store.vectors import Vector

__all__ = ["SpaceConformance"]

BACKEND = "hybrid_store.embedders.hashing.HashingEmbedder"


def model_named(name: str, **options: Any) -> Any:
    default = {"BACKEND": BACKEND, "MODEL": name, "DIMENSIONS": 384, **options}
    return override_settings(
        HYBRID_STORE={**settings.HYBRID_STORE, "EMBEDDERS": {"default": default}}
    )


class SpaceConformance(ConformanceBase):
    def setUp(self) -> None:
        super().setUp()
        spaces._looked_at.clear()
        Book.objects.bulk_create([Book(title=f"title {n}") for n in range(4)])
        with model_named("old"):
            generate(Book)

    def test_a_search_in_a_table_of_another_space_raises_with_the_fix(self) -> None:
        with model_named("new"), self.assertRaises(SpaceMismatchError) as caught:
            list(Book.objects.nearest("title"))
        for part in ("hybrid_store_test.Book.embedding", "'new@384'", "--replace-spaces", "adopt"):
            assert part in str(caught.exception)

    def test_every_way_of_fetching_raises(self) -> None:
        with model_named("new"):
            ranked = Book.objects.nearest([1.0] * 384)
            for fetch in (
                list,
                lambda r: r.first(),
                lambda r: list(r.iterator()),
                lambda r: r[:2][0],
            ):
                with self.assertRaises(SpaceMismatchError):
                    fetch(ranked.all())

    def test_nothing_found_for_another_reason_is_no_error(self) -> None:
        with model_named("old"):
            assert list(Book.objects.filter(title="none").nearest("title")) == []
            Book.objects.all().delete()
            spaces._looked_at.clear()
            assert list(Book.objects.nearest("title")) == []

    def test_a_search_among_no_rows_finds_none(self) -> None:
        ways: list[Callable[[Any], Any]] = [
            lambda ranked: list(ranked.filter(pk__in=[])),
            lambda ranked: list(ranked.filter(pk__in=[]).values_list("pk", "distance")),
            lambda ranked: list(ranked.none()),
            lambda ranked: list(ranked[:0]),
        ]
        with model_named("old"):
            for way in ways:
                spaces._looked_at.clear()
                for _ in range(2):
                    assert way(Book.objects.nearest("title")) == []

    def test_a_half_filled_table_is_searched_in_todays_space_and_warns_once(self) -> None:
        with model_named("new"):
            generate(Book, limit=2, replace_spaces=True)
            with self.assertLogs("hybrid_store", "WARNING") as logs:
                assert len(Book.objects.nearest("title")) == 2
                assert len(Book.objects.nearest("title")) == 2
        assert len(logs.output) == 1
        assert "no search finds them" in logs.output[0]

    def test_looking_for_other_spaces_costs_no_query_and_changes_no_row(self) -> None:
        ways: list[Callable[[Any], Any]] = [
            lambda ranked: [(row.title, row.distance, row.year) for row in ranked],
            lambda ranked: list(ranked.values("title", "similarity")),
            lambda ranked: list(ranked.values_list("title", flat=True)[:3]),
            lambda ranked: [row.author for row in ranked.select_related("author")[1:]],
            lambda ranked: list(ranked.annotate(n=Count("reviews")).values_list("n", "title")),
            lambda ranked: list(ranked.distinct()),
            lambda ranked: list(ranked.iterator()),
            lambda ranked: ranked.first(),
        ]
        with model_named("old"):
            for way in ways:
                answers = []
                spaces._looked_at.clear()
                for _ in range(2):
                    with CaptureQueriesContext(connection) as queries:
                        answer = way(Book.objects.nearest("title 1"))
                    answers.append((answer, len(queries)))
                assert answers[0] == answers[1]

    def test_a_row_of_another_space_is_no_target(self) -> None:
        with model_named("new"):
            generate(Book, limit=1, replace_spaces=True)
            new, old = Book.objects.order_by("pk")[:2]
            assert list(Book.objects.nearest(new)) == []
            for target in (old, Book.objects.defer("embedding").get(pk=old.pk)):
                with self.assertRaisesMessage(SpaceMismatchError, "another space than 'new@384'"):
                    list(Book.objects.nearest(target))
            with self.assertRaises(SpaceMismatchError):
                list(Book.objects.recommend(like=[new, old]))

    def test_generation_leaves_another_space_alone_unless_told(self) -> None:
        before = list(Book.objects.order_by("pk").values_list("embedding", flat=True))
        with model_named("new"):
            generation = Generation(embedding_field(Book))
            assert generation.run().embedded == 0
            assert generation.left_alone() == (4, 0)
            assert list(Book.objects.order_by("pk").values_list("embedding", flat=True)) == before
            assert generate(Book, replace_spaces=True).embedded == 4
            assert len(Book.objects.nearest("title")) == 4

    def test_generation_leaves_vectors_of_unknown_origin_alone_unless_told(self) -> None:
        Book.objects.update(embedding=np.ones(384))
        with model_named("old"):
            generation = Generation(embedding_field(Book))
            assert generation.left_alone() == (0, 4)
            assert generation.run().embedded == 0
            assert set(Book.objects.values_list("embedding", flat=True)) == {Vector([1.0] * 384)}
            assert generate(Book, replace_spaces=True).embedded == 4

    def test_vectors_of_unknown_origin_are_no_hits(self) -> None:
        Book.objects.update(embedding=np.ones(384))
        with model_named("old"), self.assertRaisesMessage(SpaceMismatchError, "unknown"):
            list(Book.objects.nearest("title"))

    def test_the_space_is_a_name_and_not_the_provider(self) -> None:
        with model_named("renamed", SPACE="old@384"):
            assert len(Book.objects.nearest("title")) == 4
            assert not Book.objects.stale().exists()
        with model_named("old", DOCUMENT_PREFIX="passage: "):
            assert Book.objects.stale().count() == 4

    def test_a_fingerprint_is_made_of_space_and_content(self) -> None:
        stored = Book.objects.order_by("pk").first().embedding_fingerprint
        assert stored == fingerprint("old@384", "title 0\n")
        assert fingerprint("new@384", "title 0\n") != stored
