"""Query vectors in Django's cache: which are kept, where, and that nothing depends on it.

To be mixed into `TransactionTestCase`: a cache may be a table of the very database.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any, ClassVar

import numpy as np
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import connection, transaction

from hybrid_store.embedders import embedders
from hybrid_store.models import query_cache
from hybrid_store.test.conformance.base import ConformanceBase, generate
from hybrid_store.test.models import Author, Book, Review
from hybrid_store.test.watching import count_queries_embedded

__all__ = ["QueryCacheConformance"]

TITLES = ["red apple pie", "green apple tart", "old stone bridge", "stone wall"]
TABLE = "hybrid_store_test_cache"


class RecordingCache(LocMemCache):
    """A cache in memory that tells how it was used, and in the middle of what."""

    calls: ClassVar[list[tuple[Any, ...]]] = []
    executing: ClassVar[bool] = False

    def get(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(("get", key, self.executing))
        return super().get(key, *args, **kwargs)

    def set(self, key: Any, value: Any, timeout: Any = None, *args: Any, **kwargs: Any) -> None:
        self.calls.append(("set", key, value, timeout, self.executing))
        super().set(key, value, timeout, *args, **kwargs)

    @classmethod
    def while_executing(cls, execute: Any, *arguments: Any) -> Any:
        cls.executing = True
        try:
            return execute(*arguments)
        finally:
            cls.executing = False


class FailingCache(LocMemCache):
    """A cache that is down."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("no cache")

    set = get


CACHES = {
    "default": {"BACKEND": f"{__name__}.RecordingCache", "LOCATION": "hybrid_store_test"},
    "table": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": TABLE},
    "missing": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "nowhere"},
    "failing": {"BACKEND": f"{__name__}.FailingCache"},
}
BAD_VALUES = [
    b"",
    b"short",
    bytes(384 * 4),
    np.ones(383, dtype="<f4").tobytes(),
    np.ones(384, dtype="<f8").tobytes(),
    np.full(384, np.nan, dtype="<f4").tobytes(),
    np.full(384, np.inf, dtype="<f4").tobytes(),
    [1.0] * 384,
    str([1.0] * 384),
    {"vector": [1.0]},
]


def search(text: str) -> list[str]:
    return [book.title for book in Book.objects.nearest(text)[:2]]


def nested(text: str) -> list[int]:
    found = Book.objects.nearest(text)[:2].values("pk")
    return list(Review.objects.filter(book__in=found).order_by("pk").values_list("pk", flat=True))


class QueryCacheConformance(ConformanceBase):
    def setUp(self) -> None:
        super().setUp()
        author = Author.objects.create(name="Kim")
        for title in TITLES:
            Review.objects.create(book=Book.objects.create(title=title, author=author), stars=1)
        generate(Book)
        self.enterContext(self.settings(CACHES=CACHES))
        caches["default"].clear()
        RecordingCache.calls.clear()

    def use(self, **embedder: Any) -> None:
        """Change settings of the embedder "default"."""
        changed: dict[str, Any] = deepcopy(settings.HYBRID_STORE)
        changed["EMBEDDERS"]["default"].update(embedder)
        self.enterContext(self.settings(HYBRID_STORE=changed))

    def use_cache(self, value: Any) -> None:
        self.enterContext(
            self.settings(HYBRID_STORE={**settings.HYBRID_STORE, "QUERY_CACHE": value})
        )

    def use_table(self) -> None:
        """Keep vectors in a table of the database that is searched."""
        call_command("createcachetable", TABLE, verbosity=0)
        self.addCleanup(self._drop_table)
        self.use_cache({"ALIAS": "table"})

    def _drop_table(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {TABLE}")

    # Which searches are served

    def test_a_text_is_embedded_once_for_all_searches(self) -> None:
        with count_queries_embedded() as texts:
            first = [(book.title, book.distance) for book in Book.objects.nearest("apple pie")]
            again = [(book.title, book.distance) for book in Book.objects.nearest("apple pie")]
            assert again == first
            search("stone")
            search("apple pie")
        assert texts == ["apple pie", "stone"]

    def test_every_way_of_searching_is_served(self) -> None:
        search("apple pie")
        ways: list[Callable[[], Any]] = [
            lambda: Book.objects.nearest("apple pie").embed_query(),
            lambda: Book.objects.nearest("apple pie", max_distance=0.9).count(),
            lambda: list(Book.objects.nearest("apple pie").iterator(chunk_size=2)),
            lambda: list(Book.objects.recommend(["apple pie"])),
            lambda: nested("apple pie"),
            lambda: async_to_sync(Book.objects.nearest("apple pie").aembed_query)(),
            lambda: async_to_sync(Book.objects.nearest("apple pie").afirst)(),
        ]
        with count_queries_embedded() as texts:
            for way in ways:
                way()
        assert texts == []

    def test_the_texts_of_a_recommendation_are_kept_one_by_one(self) -> None:
        with count_queries_embedded() as texts:
            found = list(Book.objects.recommend(["stone", "bridge"], ["pie"]))
            assert texts == ["stone", "bridge", "pie"]
            assert list(Book.objects.recommend(["stone", "bridge"], ["pie"])) == found
            list(Book.objects.recommend(["pie", "wall"]))
            search("bridge")
        assert texts == ["stone", "bridge", "pie", "wall"]

    def test_another_space_model_prefix_or_dimension_is_never_served(self) -> None:
        with count_queries_embedded() as texts:
            search("apple pie")
            for changed in (
                {"MODEL": "other", "SPACE": embedders["default"].space},
                {"SPACE": "other"},
                {"QUERY_PREFIX": "query: "},
                {"DIMENSIONS": 383},
                {"DIMENSIONS": 383, "SPACE": embedders["default"].space},
            ):
                with self.subTest(**changed):
                    self.use(**changed)
                    Book.objects.nearest("apple pie").embed_query()
        assert texts == ["apple pie"] * 6

    # What is kept, and when

    def test_bytes_are_kept_under_a_key_that_does_not_tell_the_text(self) -> None:
        search("apple pie")
        vector = embedders["default"].embed_query("apple pie")
        [got, kept] = RecordingCache.calls
        assert got == ("get", kept[1], False)
        assert kept == ("set", kept[1], vector.astype("<f4").tobytes(), 86400, False)
        assert type(kept[2]) is bytes
        assert re.fullmatch(r"hybrid_store:query:[0-9a-f]{64}", kept[1])

    def test_alias_and_timeout_are_settings(self) -> None:
        self.use_cache({"TIMEOUT": None})
        search("apple pie")
        assert RecordingCache.calls[-1][3] is None
        self.use_cache({"ALIAS": "failing", "TIMEOUT": 60})
        RecordingCache.calls.clear()
        with self.assertLogs("hybrid_store", "WARNING"):
            search("apple pie")
        assert RecordingCache.calls == []

    def test_the_cache_can_be_turned_off(self) -> None:
        self.use_cache(None)
        with count_queries_embedded() as texts:
            search("apple pie")
            search("apple pie")
        assert texts == ["apple pie", "apple pie"]
        assert RecordingCache.calls == []

    def test_a_search_asks_once_and_prints_without_embedding(self) -> None:
        with count_queries_embedded() as texts:
            ranked = Book.objects.nearest("apple pie")
            str(ranked.query), str(Review.objects.filter(book__in=ranked).query)
            assert texts == []
            list(ranked[:2]), list(ranked.all()), ranked.first(), ranked.count()
        assert texts == ["apple pie"]
        assert [call[0] for call in RecordingCache.calls] == ["get", "set"]

    def test_the_cache_is_never_used_while_the_driver_works(self) -> None:
        with connection.execute_wrapper(RecordingCache.while_executing):
            expected = nested("apple pie")
            assert [call[0] for call in RecordingCache.calls] == ["get"]
            search("apple pie")
            assert nested("apple pie") == expected
        assert [call[0] for call in RecordingCache.calls] == ["get", "get", "set", "get"]
        assert not any(call[-1] for call in RecordingCache.calls)

    # A cache that does not do its work

    def test_a_bad_value_is_passed_over_and_replaced(self) -> None:
        expected = search("apple pie")
        key = RecordingCache.calls[-1][1]
        good = caches["default"].get(key)
        for value in BAD_VALUES:
            with self.subTest(value=value), count_queries_embedded() as texts:
                caches["default"].set(key, value)
                assert search("apple pie") == expected
                assert texts == ["apple pie"]
                assert caches["default"].get(key) == good

    def test_a_failing_cache_is_told_once_and_breaks_no_search(self) -> None:
        expected = search("apple pie"), nested("apple pie")
        for value in ({"ALIAS": "failing"}, {"ALIAS": "unknown"}, {"ALIAS": "missing"}, "default"):
            with self.subTest(value=value), self.assertLogs("hybrid_store", "WARNING") as logs:
                self.use_cache(value)
                assert (search("apple pie"), nested("apple pie")) == expected
                assert search("stone")
            assert len(logs.output) == 1
            assert "The query cache fails" in logs.output[0]
            assert "apple" not in logs.output[0]
            self.use_cache({})
            search("apple pie")

    def test_a_failing_cache_does_not_break_the_transaction(self) -> None:
        expected = search("apple pie"), nested("apple pie")
        self.use_cache({"ALIAS": "missing"})
        with self.assertLogs("hybrid_store", "WARNING"), transaction.atomic():
            assert (nested("apple pie"), search("apple pie")) == expected[::-1]
            assert Book.objects.count() == len(TITLES)
        self.use_cache({})
        search("apple pie")

    # A cache that is a table of the database

    def test_a_table_of_the_same_database_serves_every_search(self) -> None:
        self.use_table()
        with count_queries_embedded() as texts:
            expected = nested("apple pie")
            assert texts == ["apple pie"]
            found = search("apple pie")
            assert texts == ["apple pie"] * 2
            assert nested("apple pie") == expected
            async_to_sync(Book.objects.nearest("apple pie").aembed_query)()
            with transaction.atomic():
                assert search("apple pie") == found
                assert nested("apple pie") == expected
            list(Book.objects.recommend(["apple pie", "stone"]))
            list(Book.objects.recommend(["stone"], ["apple pie"]))
            async_to_sync(Book.objects.nearest("wall").aembed_query)()
            search("wall")
        assert texts == ["apple pie", "apple pie", "stone", "wall"]

    def test_a_search_writes_nothing_into_its_transaction(self) -> None:
        self.use_table()
        with count_queries_embedded() as texts:
            with transaction.atomic():
                search("apple pie")
                assert self._kept() == 0
                search("stone")
                transaction.set_rollback(True)
            assert self._kept() == 0
            with transaction.atomic():
                search("apple pie")
            assert self._kept() == 1
            search("apple pie")
        assert texts == ["apple pie", "stone", "apple pie"]

    def _kept(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {TABLE}")  # noqa: S608
            [count] = cursor.fetchone()
            return int(count)

    def test_a_vector_kept_by_hand_is_found(self) -> None:
        """As by a task that warms the cache."""
        from hybrid_store.vectors import Vector

        embedder = embedders["default"]
        assert query_cache.recall(embedder, "wall") is None
        query_cache.keep(embedder, "wall", Vector(embedder.embed_query("wall")))
        with count_queries_embedded() as texts:
            assert search("wall")[0] == "stone wall"
        assert texts == []
