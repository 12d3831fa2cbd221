"""Anything may happen to a table in any order, and dictionaries tell what should come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hybrid_store.embedders.hashing import HashingEmbedder
from hybrid_store.exceptions import (
    EmbedderRefusedError,
    EmbedderUnavailableError,
    SpaceMismatchError,
    TextRefusedError,
)
from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.states import database_now
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.report import Report
from hybrid_store.test.models import Article, Author
from hybrid_store.test.watching import before_each_answer
from tests.durability.disturbing import (
    BrokenError,
    Killed,
    broken_at_statement,
    killed_at_statement,
)
from tests.durability.oracle import DIMENSIONS, Oracle
from tests.durability.watching import before_statement, paid_texts
from tests.reliability.invariants import check_invariants

MODELS = ["hashing", "hashing-two"]
POISON = "poison"
TOLERANCE = 1e-5
FAR_PAST = timedelta(days=30)
LONG = 3600.0

slugs = st.sampled_from(["", " ", "one", "two", "three", "four five", POISON])
names = st.sampled_from(["", "Ann", "Bob"])
places = st.integers(0, 99)


class Table(RuleBasedStateMachine):
    """Rows of `Article`, whose text is the slug and the author's name."""

    def __init__(self) -> None:
        super().__init__()
        for model in (Article, Author, EmbeddingWork, EmbeddingRun):
            model._base_manager.all().delete()
        self.field = embedding_field(Article)
        self.oracle = Oracle(MODELS[0], POISON)
        self.known: set[str] = set()
        self.before: dict[int, str] = {}
        self.deleted: list[int] = []
        self.keys = 0
        self.stack = ExitStack()
        self.use(MODELS[0])

    def use(self, model: str) -> None:
        """Have the embedder use another model, of which nothing can be compared."""
        self.stack.close()
        params = {
            "BACKEND": "hybrid_store.embedders.hashing.HashingEmbedder",
            "MODEL": model,
            "DIMENSIONS": DIMENSIONS,
        }
        self.stack.enter_context(override_settings(HYBRID_STORE={"EMBEDDERS": {"default": params}}))
        self.oracle.model = model

    def teardown(self) -> None:
        try:
            self.everything_is_as_expected()
        finally:
            self.stack.close()

    def row(self, place: int) -> int:
        return sorted(self.oracle.slugs)[place % len(self.oracle.slugs)]

    def note(self) -> None:
        self.known |= {self.oracle.text(pk) for pk in self.oracle.slugs}

    # Rows

    @initialize(name=names)
    def create_authors(self, name: str) -> None:
        self.oracle.authors = dict(enumerate(["Ann", name], 1))
        Author.objects.bulk_create([Author(pk=pk, name=n) for pk, n in self.oracle.authors.items()])

    @rule(slug=slugs, link=st.sampled_from([None, 1, 2]), count=st.integers(1, 3))
    def create(self, slug: str, link: int | None, count: int) -> None:
        for _ in range(count):
            self.keys += 1
            self.put(self.keys, slug, link)

    @precondition(lambda self: self.deleted)
    @rule(slug=slugs)
    def create_again(self, slug: str) -> None:
        self.put(self.deleted.pop(), slug, None)

    def put(self, pk: int, slug: str, link: int | None) -> None:
        Article.objects.create(pk=pk, slug=slug, author_id=link)
        self.oracle.slugs[pk], self.oracle.links[pk] = slug, link
        self.note()

    @precondition(lambda self: self.oracle.slugs)
    @rule(place=places)
    def delete(self, place: int) -> None:
        pk = self.row(place)
        Article.objects.filter(pk=pk).delete()
        self.oracle.delete(pk)
        self.deleted.append(pk)

    @precondition(lambda self: self.oracle.slugs)
    @rule(place=places, slug=slugs)
    def edit(self, place: int, slug: str) -> None:
        pk = self.row(place)
        self.before[pk] = self.oracle.slugs[pk]
        Article.objects.filter(pk=pk).update(slug=slug)
        self.oracle.slugs[pk] = slug
        self.note()

    @precondition(lambda self: self.before.keys() & self.oracle.slugs.keys())
    @rule()
    def edit_back(self) -> None:
        pk = min(self.before.keys() & self.oracle.slugs.keys())
        article = Article.objects.get(pk=pk)
        self.oracle.slugs[pk] = article.slug = self.before.pop(pk)
        article.save()
        self.note()

    @rule(author=st.sampled_from([1, 2]), name=names)
    def rename_author(self, author: int, name: str) -> None:
        Author.objects.filter(pk=author).update(name=name)
        self.oracle.authors[author] = name
        self.note()

    @precondition(lambda self: self.oracle.slugs)
    @rule(place=places, link=st.sampled_from([None, 1, 2]))
    def link(self, place: int, link: int | None) -> None:
        pk = self.row(place)
        Article.objects.filter(pk=pk).update(author=link)
        self.oracle.links[pk] = link
        self.note()

    # Embedders

    @rule(model=st.sampled_from(MODELS))
    def change_model(self, model: str) -> None:
        self.use(model)

    # Runs

    def run(self, *during: Any, **options: Any) -> tuple[Report | None, list[str]]:
        """The report, None if the run failed, and what was paid."""
        report = None
        generation = Generation(self.field, lease_seconds=LONG, patience=0, **options)
        with ExitStack() as stack:
            paid = stack.enter_context(paid_texts())
            for context in (before_each_answer(refuse_poison), *during):
                stack.enter_context(context)
            with suppress(Killed, BrokenError, EmbedderRefusedError, EmbedderUnavailableError):
                report = generation.run()
        assert len(paid) == len(set(paid)), "a text was paid twice"
        return report, paid

    @rule(
        replace=st.booleans(),
        retry=st.booleans(),
        workers=st.sampled_from([1, 1, 3]),
        batch_size=st.sampled_from([1, 2, 100]),
    )
    def generate(self, replace: bool, retry: bool, workers: int, batch_size: int) -> None:
        options: dict[str, Any] = {"replace_spaces": replace, "retry_failed": retry}
        todo = self.oracle.todo(replace=replace, retry=retry)
        assert Generation(self.field, **options).left() == len(todo)
        report, paid = self.run(workers=workers, batch_size=batch_size, **options)
        assert report is not None
        assert set(paid) == self.oracle.texts_of(todo)
        assert report.done == len(todo)
        assert report.elsewhere == len(self.oracle.held)
        self.oracle.generate(todo)
        self.check(running=bool(self.oracle.held))

    @rule(
        error=st.sampled_from([EmbedderRefusedError, EmbedderUnavailableError, BrokenError]),
        number=st.integers(0, 3),
        replace=st.booleans(),
    )
    def generate_with_a_failing_provider(self, error: Any, number: int, replace: bool) -> None:
        self.interrupted_run(failing_call(number, error), replace)
        assert not EmbeddingWork.objects.filter(lease_until__isnull=False).exclude(
            key__in=map(str, self.oracle.held)
        )

    @rule(number=st.integers(0, 40), replace=st.booleans())
    def crash_at_a_statement(self, number: int, replace: bool) -> None:
        self.interrupted_run(broken_at_statement(number), replace)

    @rule(number=st.integers(0, 40), replace=st.booleans())
    def be_killed_at_a_statement(self, number: int, replace: bool) -> None:
        self.interrupted_run(killed_at_statement(number), replace)

    @rule(number=st.integers(0, 3), replace=st.booleans())
    def be_killed_while_the_embedder_works(self, number: int, replace: bool) -> None:
        self.interrupted_run(killed_at_call(number), replace)

    def interrupted_run(self, during: Any, replace: bool) -> None:
        """Whatever comes of every row, it is nothing or what should come of it."""
        todo = self.oracle.todo(replace=replace)
        EmbeddingRun.objects.all().delete()
        _, paid = self.run(during, batch_size=2, replace_spaces=replace)
        assert set(paid) <= self.oracle.texts_of(todo)
        done = self.adopt(todo)
        assert sum(EmbeddingRun.objects.values_list("rows", flat=True)) == done

    def adopt(self, todo: list[int]) -> int:
        """Learn how far a run came: how many of the rows that it had to work on are done."""
        marks = dict(Article.objects.values_list("pk", "embedding_fingerprint"))
        for pk in todo:
            if self.oracle.is_blank(pk) and marks[pk] is None:
                del self.oracle.stored[pk]
            elif marks[pk] == self.oracle.due(pk).mark:
                self.oracle.stored[pk] = self.oracle.due(pk)
        records = EmbeddingWork.objects.all()
        self.oracle.failed = {int(r.key): r.fingerprint for r in records if r.failed_at}
        now = database_now("default")
        self.oracle.held = {int(r.key) for r in records if r.lease_until and r.lease_until > now}
        return sum(not self.oracle.is_stale(pk) for pk in todo)

    @precondition(lambda self: self.oracle.held)
    @rule()
    def leases_end(self) -> None:
        ended = database_now("default") - FAR_PAST
        EmbeddingWork.objects.filter(lease_until__isnull=False).update(lease_until=ended)
        self.oracle.held = set()

    # What must hold

    @invariant()
    def every_vector_is_as_expected(self) -> None:
        marks = dict(Article.objects.values_list("pk", "embedding_fingerprint"))
        stored = self.oracle.stored
        assert marks == {pk: stored[pk].mark if pk in stored else None for pk in self.oracle.slugs}

    @rule()
    def everything_is_as_expected(self) -> None:
        self.check(running=True)

    def check(self, running: bool) -> None:
        """Leases may be left while others are `running`, or after one was killed."""
        used = [HashingEmbedder("other", {"MODEL": model}) for model in MODELS]
        rows = check_invariants(Article, earlier=self.known, embedders=used, running=running)
        found = {name: getattr(rows, name) for name in ("current", "stale", "failed", "blank")}
        assert found == self.oracle.states

    @rule(text=st.sampled_from(["one", "four", "Ann", "two Bob"]), most=st.integers(1, 5))
    def search(self, text: str, most: int) -> None:
        distances = self.oracle.distances(text)
        if not distances and self.oracle.stored:
            with pytest.raises(SpaceMismatchError):
                list(Article.objects.nearest(text))
            return
        expected = sorted(distances.values())[:most]
        found = list(Article.objects.nearest(text).values_list("pk", "distance")[:most])
        assert [distance for _, distance in found] == pytest.approx(expected, abs=TOLERANCE)
        assert len({pk for pk, _ in found}) == len(found)
        for pk, distance in found:
            assert distance == pytest.approx(distances[pk], abs=TOLERANCE)
        even = Article.objects.filter(number=None, pk__in=[pk for pk in distances if pk % 2 == 0])
        assert {row.pk for row in even.nearest(text)} == {pk for pk in distances if pk % 2 == 0}


# Ways to fail


def refuse_poison(texts: Sequence[str]) -> None:
    if any(POISON in text for text in texts):
        raise TextRefusedError("the embedder does not like poison")


@contextmanager
def at_call(number: int, action: Callable[[], object]) -> Iterator[None]:
    calls = 0

    def act(texts: Sequence[str]) -> None:
        nonlocal calls
        calls += 1
        if calls > number:
            action()

    with before_each_answer(act):
        yield


def failing_call(number: int, error: Any) -> Any:
    def fail() -> None:
        raise error("no answer")

    return at_call(number, fail)


@contextmanager
def killed_at_call(number: int) -> Iterator[None]:
    dead = False

    def kill() -> None:
        nonlocal dead
        dead = True
        raise Killed

    def refuse(at: int, sql: str) -> None:
        if dead:
            raise Killed

    with before_statement(refuse), at_call(number, kill):
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("examples", "steps"), [(10, 20), pytest.param(300, 40, marks=pytest.mark.long)]
)
def test_a_table_is_always_as_expected(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Table, settings=settings(max_examples=examples, stateful_step_count=steps)
    )
