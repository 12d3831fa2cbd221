"""How fresh embeddings are: a column, a filter and its counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.states import records
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Book, Essay
from tests.admin.pages import Admin, said
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.site")]

STATES = ["current", "stale", "in_flight", "failed", "blank"]
SOURCES: dict[type[Any], str] = {Book: "title", Essay: "words"}
Rows = dict[str, Any]


@pytest.fixture(params=[Book, Essay])
def rows(request: pytest.FixtureRequest, asked: FakeOpenAI, boss: Admin) -> Rows:
    """One in each state, by the name of the state: the database tells the text, or Python does."""
    return make_rows(request.param, asked)


def make_rows(model: Any, server: FakeOpenAI) -> Rows:
    source = SOURCES[model]
    texts = {state: "" if state == "blank" else f"{state} text" for state in STATES}
    made = {state: model.objects.create(**{source: text}) for state, text in texts.items()}
    server.poison = {"ailed"}
    generate(model)
    for state in ("stale", "in_flight"):
        model.objects.filter(pk=made[state].pk).update(**{source: "new text"})
    field = embedding_field(model)
    records(field).create(
        model=model._meta.label,
        column=str(field.column),
        key=made["in_flight"].pk,
        lease_until=timezone.now() + timedelta(minutes=5),
    )
    return made


def name_of(row: Any) -> str:
    return str(type(row)._meta.model_name)


def badges(admin: Admin, rows: Rows, **query: Any) -> dict[str, str]:
    """What the list says of each row."""
    page = admin.see(name_of(rows["blank"]), **query)
    states = {row.pk: state for state, row in rows.items()}
    cl = page.context["cl"]
    return {states[row.pk]: cl.model_admin.freshness(row) for row in cl.result_list}


def test_every_row_says_how_fresh_its_embedding_is(boss: Admin, rows: Rows) -> None:
    found = badges(boss, rows)
    assert list(map(found.__contains__, STATES)) == [True] * 5
    words = {"current": "Current", "stale": "Stale", "in_flight": "In flight", "failed": "Failed"}
    for state, word in {**words, "blank": "Blank"}.items():
        assert f'hybrid-store-{state}">{word}<' in found[state]
    assert "its vector is of an older text" in found["stale"]
    assert "its vector is of an older text" in found["in_flight"]
    assert "no vector yet" in found["failed"]
    assert "hybrid-store-detail" not in found["current"] + found["blank"]


def test_a_row_that_failed_says_why(boss: Admin, rows: Rows) -> None:
    assert "answered with status 400" in badges(boss, rows)["failed"]


def test_vectors_of_others_are_named(boss: Admin, asked: FakeOpenAI) -> None:
    other, unknown = (Book.objects.create(title=title) for title in ("other", "unknown"))
    generate(Book)
    Book.objects.filter(pk=other.pk).update(embedding_fingerprint="0" * 16 + ":" + "0" * 32)
    Book.objects.filter(pk=unknown.pk).update(embedding_fingerprint=None)
    page = said(boss.see("book"))
    assert "its vector is of another model" in page
    assert "its vector is of unknown origin" in page


@pytest.mark.parametrize("state", STATES)
def test_a_list_can_be_filtered_by_freshness(boss: Admin, asked: FakeOpenAI, state: str) -> None:
    rows = make_rows(Book, asked)
    assert list(badges(boss, rows, freshness=state)) == [state]


def test_a_state_that_there_is_not_filters_nothing(boss: Admin, asked: FakeOpenAI) -> None:
    rows = make_rows(Book, asked)
    assert len(badges(boss, rows, freshness="<script>")) == len(STATES)


def test_counts_are_shown_when_they_are_asked_for(boss: Admin, asked: FakeOpenAI) -> None:
    make_rows(Book, asked)
    labels = ("Current", "Stale", "In flight", "Failed", "Blank")
    plain, counted = said(boss.see("book")), said(boss.see("book", _facets="1"))
    assert "Current (1)" not in plain
    for label in labels:
        assert f"{label} (1)" in counted
    # Also while one of them is chosen, and a text is searched for.
    found = said(boss.see("book", _facets="1", freshness="stale", q="text", search_by="text"))
    assert "Current (1)" in found
    assert "Blank (0)" in found


def test_a_callable_source_cannot_be_filtered_by(boss: Admin, asked: FakeOpenAI) -> None:
    rows = make_rows(Essay, asked)
    page = boss.see("essay", freshness="stale")
    assert page.context["cl"].filter_specs == []
    assert len(page.context["cl"].result_list) == len(rows)


@pytest.mark.parametrize("model", [Book, Essay])
def test_a_list_makes_as_many_statements_for_many_rows_as_for_one(
    boss: Admin, asked: FakeOpenAI, model: Any
) -> None:
    name, source = model._meta.model_name, SOURCES[model]

    def statements(**query: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            boss.see(name, **query)
        return len(captured)

    model.objects.create(**{source: "one"})
    boss.see(name)
    one = statements()
    model.objects.bulk_create([model(**{source: f"row {n}"}) for n in range(20)])
    assert statements() == one
    # The session, the user, the counts, the clock, the rows and their states.
    assert one <= 10


def test_an_embedding_that_is_deferred_is_not_loaded(
    boss: Admin, asked: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.admin.site import BookAdmin

    before: Callable[..., Any] = BookAdmin.get_queryset
    monkeypatch.setattr(
        BookAdmin, "get_queryset", lambda self, request: before(self, request).defer("embedding")
    )
    rows = make_rows(Book, asked)
    with CaptureQueriesContext(connection) as captured:
        boss.see("book")
    loading = [each for each in captured if '"embedding" FROM' in each["sql"].partition("WHERE")[0]]
    assert loading == []
    assert len(rows) == len(STATES)


# Pages of rows


def test_the_page_of_a_row_says_how_fresh_it_is(boss: Admin, asked: FakeOpenAI) -> None:
    rows = make_rows(Book, asked)
    page = said(boss.get(f"book/{rows['stale'].pk}/change"))
    assert "Stale its vector is of an older text" in page
    assert "384 dimensions" in page
    assert "Freshness: -" in said(boss.get("book/add"))
