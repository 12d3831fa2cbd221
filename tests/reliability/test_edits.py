"""Rows edited, deleted and made again while their texts are being embedded."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections

from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Article, Author, Book, Essay
from tests.embedders.fake_openai import FakeOpenAI, Request
from tests.reliability.concurrently import concurrently
from tests.reliability.invariants import check_invariants, text_of
from tests.reliability.processes import Launcher, asking

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "old", "new"


@dataclass(frozen=True)
class Kind:
    """A kind of source: how a row is made to say a text, and made to say another."""

    model: Any
    make: Callable[[Any, str], Any]
    edit: Callable[[Any, str], Any]


def make_book(pk: Any, text: str) -> Any:
    return Book.objects.create(pk=pk, title=text)


def edit_book(pk: Any, text: str) -> None:
    Book.objects.filter(pk=pk).update(title=text)


def make_article(pk: Any, text: str) -> Any:
    return Article.objects.create(pk=pk, slug="s", author=Author.objects.create(name=text))


def edit_author(pk: Any, text: str) -> None:
    Author.objects.filter(article=pk).update(name=text)


def make_essay(pk: Any, text: str) -> Any:
    return Essay.objects.create(pk=pk, words=text)


def edit_essay(pk: Any, text: str) -> None:
    Essay.objects.filter(pk=pk).update(words=text)


KINDS = {
    "own columns": Kind(Book, make_book, edit_book),
    "columns of a related row": Kind(Article, make_article, edit_author),
    "a callable": Kind(Essay, make_essay, edit_essay),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


class InFlight:
    """Carries out an action, on another connection, before the first answer is given."""

    def __init__(self, server: FakeOpenAI, action: Callable[[], object]) -> None:
        self.action = action
        self.done = False
        server.before_answer = self.before_answer

    def before_answer(self, request: Request) -> None:
        if not self.done:
            self.done = True
            concurrently(self.action)


@pytest.mark.parametrize("workers", [1, 4])
def test_the_vector_of_an_edited_text_is_not_stored(
    asked: FakeOpenAI, kind: Kind, workers: int
) -> None:
    pk = kind.make(None, OLD).pk
    InFlight(asked, lambda: kind.edit(pk, NEW))
    report = generate(kind.model, workers=workers)
    assert (report.embedded, report.changed) == (0, 1)
    assert kind.model.objects.get(pk=pk).embedding is None
    assert check_invariants(kind.model).stale == {pk}
    assert generate(kind.model).embedded == 1
    assert check_invariants(kind.model).current == {pk}


def test_an_old_vector_stays_what_it_was_when_its_row_is_edited_again(
    asked: FakeOpenAI, kind: Kind
) -> None:
    pk = kind.make(None, OLD).pk
    generate(kind.model)
    earlier = [text_of(kind.model._meta.get_field("embedding"), kind.model.objects.get(pk=pk))]
    kind.edit(pk, "between")
    InFlight(asked, lambda: kind.edit(pk, NEW))
    assert generate(kind.model).changed == 1
    assert check_invariants(kind.model, earlier=earlier).stale == {pk}


def test_an_edit_that_is_undone_in_time_is_none(asked: FakeOpenAI, kind: Kind) -> None:
    pk = kind.make(None, OLD).pk
    InFlight(asked, lambda: (kind.edit(pk, NEW), kind.edit(pk, OLD)))
    assert generate(kind.model).embedded == 1
    assert check_invariants(kind.model).current == {pk}


def test_an_edit_undone_after_it_was_embedded_needs_its_old_vector_again(
    asked: FakeOpenAI, kind: Kind
) -> None:
    pk = kind.make(None, OLD).pk
    for text in (OLD, NEW, OLD):
        kind.edit(pk, text)
        assert generate(kind.model).embedded == 1
        assert check_invariants(kind.model).current == {pk}


@pytest.mark.parametrize("workers", [1, 4])
def test_a_row_deleted_in_flight_leaves_nothing(
    asked: FakeOpenAI, kind: Kind, workers: int
) -> None:
    kind.make(None, OLD)
    InFlight(asked, kind.model.objects.all().delete)
    assert generate(kind.model, workers=workers).changed == 1
    assert check_invariants(kind.model).all == set()


def test_a_row_made_blank_in_flight_gets_no_vector(asked: FakeOpenAI) -> None:
    pk = make_book(None, OLD).pk
    InFlight(asked, lambda: edit_book(pk, " "))
    assert generate(Book).changed == 1
    assert check_invariants(Book).blank == {pk}


def make_again(kind: Kind, pk: Any, text: str) -> None:
    kind.model.objects.get(pk=pk).delete()
    kind.make(pk, text)


def test_a_row_made_again_with_the_same_text_takes_the_vector(
    asked: FakeOpenAI, kind: Kind
) -> None:
    pk = kind.make(None, OLD).pk
    InFlight(asked, lambda: make_again(kind, pk, OLD))
    assert generate(kind.model).embedded == 1
    assert check_invariants(kind.model).current == {pk}


def test_a_row_made_again_with_another_text_does_not(asked: FakeOpenAI, kind: Kind) -> None:
    pk = kind.make(None, OLD).pk
    InFlight(asked, lambda: make_again(kind, pk, NEW))
    assert generate(kind.model).changed == 1
    assert check_invariants(kind.model).stale == {pk}
    assert generate(kind.model).embedded == 1
    assert check_invariants(kind.model).current == {pk}


def test_a_row_deleted_in_flight_whose_text_fails_leaves_no_record(asked: FakeOpenAI) -> None:
    make_book(None, "poison")
    asked.poison = {"poison"}
    InFlight(asked, Book.objects.all().delete)
    generate(Book)
    assert check_invariants(Book).all == set()


# All at once


class Editor(threading.Thread):
    """Edits, deletes and makes rows at random, on a connection of its own, until it is stopped."""

    TEXTS = tuple(f"text {n}" for n in range(30))

    def __init__(self, kind: Kind, keys: list[Any], seed: str) -> None:
        super().__init__()
        self.kind = kind
        self.keys = keys
        self.random = random.Random(seed)  # noqa: S311
        self.stopped = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self.stopped.wait(0.003):
                self.change(self.random.choice(self.keys), self.random.choice(self.TEXTS))
        except Exception as error:  # noqa: BLE001
            self.error = error
        finally:
            connections.close_all()

    def change(self, pk: Any, text: str) -> None:
        if self.random.random() < 0.8:
            self.kind.edit(pk, text)
        else:
            make_again(self.kind, pk, text)

    def stop(self) -> None:
        self.stopped.set()
        self.join()
        if self.error is not None:
            raise self.error


def edit_during_runs(
    launcher: Launcher, server: FakeOpenAI, kind: Kind, seed: int, runs: int
) -> None:
    keys = [kind.make(None, text).pk for text in Editor.TEXTS]
    editor = Editor(kind, keys, f"{seed}")
    editor.start()
    settings, label = asking(server), kind.model._meta.label
    for _ in range(runs):
        started = [
            launcher.generate(label, "--batch-size=3", f"--workers={workers}", settings=settings)
            for workers in (1, 3)
        ]
        for process in started:
            assert process.wait() == 0, process.output
    editor.stop()
    check_invariants(kind.model, earlier=every_text(kind))
    generate(kind.model)
    assert check_invariants(kind.model).current == set(keys)


def every_text(kind: Kind) -> set[str]:
    field = kind.model._meta.get_field("embedding")
    [some] = kind.model.objects.order_by("pk")[:1]
    said, found = text_of(field, some), set[str]()
    for now in Editor.TEXTS:
        kind.edit(some.pk, now)
        found.add(text_of(field, kind.model.objects.get(pk=some.pk)))
    kind.edit(some.pk, "another")
    return {said, *found}


def test_rows_are_edited_while_two_processes_embed_them(
    launcher: Launcher, asked: FakeOpenAI, kind: Kind, seed: int
) -> None:
    edit_during_runs(launcher, asked, kind, seed, runs=1)


@pytest.mark.long
def test_rows_are_edited_while_two_processes_embed_them_again_and_again(
    launcher: Launcher, asked: FakeOpenAI, kind: Kind, seed: int
) -> None:
    edit_during_runs(launcher, asked, kind, seed, runs=20)
