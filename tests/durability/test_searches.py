"""Any number of searches leaves no connection, no open file and no memory behind."""

from __future__ import annotations

import gc
import os
import random
import resource
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from films.models import Film
from hybrid_store.exceptions import SearchError
from hybrid_store.models.embedding import embedding_field
from hybrid_store.sync.generation import Generation
from hybrid_store.test.models import Book
from tests.durability.disturbing import own_session

pytestmark = pytest.mark.django_db(transaction=True)

COUNTS = [200, pytest.param(10_000, marks=pytest.mark.long)]
WORDS = ["crew", "lost", "space", "friends", "bank", "dog", "home", "continent", "river", "song"]
MOST_BYTES = 2 << 20
"""Drivers keep the last statements, and Django's test client leaves about 700 bytes of its signals
behind each request. What each search leaves behind would be more."""
MOST_RESIDENT = 16 << 20
"""The same for the whole process, libraries in C among it, which do not give all back at once."""


def list_them(books: Any, text: str) -> None:
    list(books.nearest(text)[:5])


def count_them(books: Any, text: str) -> None:
    books.nearest(text).count()


def take_one_and_leave(books: Any, text: str) -> None:
    next(iter(books.nearest(text).iterator(chunk_size=2)))


def find_similar_ones(books: Any, text: str) -> None:
    list(books.nearest(books.first()).values_list("title", "distance")[:3])


def recommend(books: Any, text: str) -> None:
    list(books.recommend(like=[text, books.first()], unlike=["bank"])[:3])


def filter_them(books: Any, text: str) -> None:
    list(books.filter(title__startswith=text[:1]).nearest(text, max_distance=1.0))


def ask_for_nonsense(books: Any, text: str) -> None:
    with pytest.raises(SearchError):
        list(books.nearest(""))


def find_by_words(books: Any, text: str) -> None:
    list(Film.objects.search(text, mode="text")[:5])


def find_by_both(books: Any, text: str) -> None:
    list(Film.objects.search(text).highlight("title")[:5])


def find_them_on_a_page(books: Any, text: str) -> None:
    assert Client().get("/", {"q": text}).status_code == 200


WAYS: list[Callable[[Any, str], None]] = [
    list_them,
    count_them,
    take_one_and_leave,
    find_similar_ones,
    recommend,
    filter_them,
    ask_for_nonsense,
    find_by_words,
    find_by_both,
    find_them_on_a_page,
]


@pytest.fixture(autouse=True)
def _books() -> None:
    Book.objects.bulk_create([Book(title=f"{a} {b}") for a in WORDS for b in WORDS[:3]])
    Film.objects.bulk_create([Film(title=f"{word} crew", year=2000) for word in WORDS[:4]])
    for model in (Book, Film):
        Generation(embedding_field(model)).run()


def search(count: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    for number in range(count):
        WAYS[number % len(WAYS)](Book.objects.all(), " ".join(chance.sample(WORDS, 3)))


def search_in_threads(count: int, seed: int) -> None:
    """Ten threads, one after the other and two at a time; each ends as a request does."""

    def go(number: int) -> None:
        search(count // 10, seed + number)
        connections.close_all()

    for number in range(0, 10, 2):
        threads = [threading.Thread(target=go, args=[number + place]) for place in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def sessions() -> int:
    """Connections to the database that are open, by the server's own count."""
    with own_session() as other, other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def open_files() -> int:
    return len(os.listdir("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"))


def resident() -> int:
    """Bytes of memory that this process has; 0 where that is not told."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * resource.getpagesize() if told.exists() else 0


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """What is made once should have been made before."""
    gc.collect()
    files = open_files()
    opened = sessions() if connection.vendor == "postgresql" else 0
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    had = resident()
    yield
    gc.collect()
    gained = resident() - had
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert open_files() == files
    if opened:
        assert sessions() == opened
    assert after - before < MOST_BYTES
    assert gained < MOST_RESIDENT


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("do", [search, search_in_threads])
def test_searches_leave_nothing_behind(
    do: Callable[[int, int], None], count: int, seed: int
) -> None:
    do(10 * len(WAYS), seed)
    with nothing_left_behind():
        do(count, seed + 100)
