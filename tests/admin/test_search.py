"""Lists are searched by words, by meaning and by both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.conformance.passages import split
from hybrid_store.test.models import Author, Book, Manual, ManualPassage, Tale, TaleTeller
from tests.admin import site
from tests.admin.conftest import SECRET, MakeUser
from tests.admin.pages import Admin, said
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.site")]

TITLES = ["apple tree", "apple cake", "pear tree", "running horses"]


@pytest.fixture
def tales(db: None) -> dict[str, Tale]:
    """Four tales, all of them embedded."""
    for year, title in enumerate(TITLES, 2000):
        Tale.objects.create(title=title, year=year)
    generate(Tale)
    return {tale.title: tale for tale in Tale.objects.all()}


class Odd(BaseEmbedder):
    """Fails as no embedder should."""

    def embed_batch(self, texts: Sequence[str]) -> Any:
        raise RuntimeError("a secret")


def of(model: type[Any]) -> Any:
    return site.site._registry[model]


# The choice


def test_a_list_offers_the_ways_to_search_and_searches_by_both(
    boss: Admin, tales: dict[str, Tale]
) -> None:
    page = boss.see("tale", q="apple cake")
    assert [choice["label"] for choice in page.context["cl"].choices] == [
        "Words",
        "Meaning",
        "Both",
    ]
    radios = page.content.decode().split('type="radio"')[1:]
    assert len(radios) == 3
    assert all('form="changelist-search"' in radio.partition(">")[0] for radio in radios)
    assert ["checked" in radio.partition(">")[0] for radio in radios] == [False, False, True]
    assert "The best 100 rows are found at most" in said(page)


def test_without_an_index_of_words_there_are_two_ways(boss: Admin) -> None:
    choices = boss.see("book").context["cl"].choices
    assert [choice["value"] for choice in choices] == ["text", "vector"]
    assert [choice["is_chosen"] for choice in choices] == [False, True]


def test_without_an_embedder_there_is_djangos_search_alone(boss: Admin) -> None:
    page = boss.see("point", q="x")
    assert page.context["cl"].choices == []
    assert 'type="radio"' not in page.content.decode()


def test_a_mode_that_there_is_not_is_the_usual_one(boss: Admin, tales: dict[str, Tale]) -> None:
    page = boss.see("tale", q="apple", search_by="<script>")
    assert page.context["cl"].search.mode == "hybrid"


# What is found


def test_the_best_rows_come_first(boss: Admin, tales: dict[str, Tale]) -> None:
    for mode in ("hybrid", "vector"):
        assert boss.titles("tale", q="apple cake", search_by=mode)[0] == "apple cake"
    page = boss.see("tale", q="apple cake", search_by="vector")
    scores = [float(row._hybrid_store_score) for row in page.context["cl"].result_list]
    assert scores == sorted(scores, reverse=True)
    assert f"{scores[0]:.4f}" in said(page)


def test_words_are_those_of_the_index(boss: Admin, tales: dict[str, Tale]) -> None:
    assert boss.titles("tale", q="run horse", search_by="text") == ["running horses"]


def test_words_are_also_found_where_django_was_told_to_look(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of(Tale), "search_fields", ("=year",))
    assert boss.titles("tale", q="2002", search_by="text") == ["pear tree"]
    assert boss.titles("tale", q="pear", search_by="text") == ["pear tree"]


def test_without_an_index_words_are_what_django_finds(boss: Admin) -> None:
    for title in TITLES:
        Book.objects.create(title=title)
    assert boss.titles("book", q="tree", search_by="text") == ["apple tree", "pear tree"]


def test_parents_are_found_by_their_passages(boss: Admin) -> None:
    for title in TITLES:
        Manual.objects.create(title=title, body="word " * 20)
    split(ManualPassage)
    generate(ManualPassage)
    for mode in ("hybrid", "vector", "text"):
        assert boss.titles("manual", q="horses", search_by=mode)[0] == "running horses"


def test_no_more_rows_are_found_than_the_limit(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of(Tale), "hybrid_search_limit", 2)
    assert len(boss.titles("tale", q="apple", search_by="vector")) == 2


def test_filters_narrow_before_the_best_are_found(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of(Tale), "hybrid_search_limit", 1)
    assert boss.titles("tale", q="apple cake", search_by="vector", year=2002) == ["pear tree"]


def test_a_filter_that_joins_gives_no_row_twice(boss: Admin, tales: dict[str, Tale]) -> None:
    tellers = [TaleTeller.objects.create(name=name) for name in "ab"]
    tales["apple tree"].tellers.set(tellers)
    keys = ",".join(str(teller.pk) for teller in tellers)
    for mode in ("hybrid", "vector", "text"):
        found = boss.titles("tale", q="apple", search_by=mode, tellers__id__in=keys)
        assert found == ["apple tree"]


def test_a_blank_search_lists_everything(boss: Admin, tales: dict[str, Tale]) -> None:
    assert len(boss.titles("tale", q="   ", search_by="vector")) == len(TITLES)


@pytest.mark.parametrize("text", ["-apple", '"', "a OR", "%s '; --", "x" * 5000, "🚀", "not not"])
def test_any_text_can_be_searched_for(boss: Admin, tales: dict[str, Tale], text: str) -> None:
    for mode in ("hybrid", "vector", "text"):
        assert boss.see("tale", q=text, search_by=mode).status_code == 200


# Order, pages, links


def test_a_column_that_is_clicked_sorts_what_was_found(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of(Tale), "hybrid_search_limit", 2)
    found = boss.titles("tale", q="apple", search_by="vector")
    assert boss.titles("tale", q="apple", search_by="vector", o="1") == sorted(found)
    assert boss.titles("tale", q="apple", search_by="vector", o="-1") == sorted(found)[::-1]


def test_no_column_claims_to_be_what_ranked_rows_are_sorted_by(boss: Admin) -> None:
    Book.objects.create(title="apple")
    generate(Book)
    assert boss.see("book").context["cl"].get_ordering_field_columns() == {1: "asc"}
    ranked = boss.see("book", q="apple").context["cl"]
    assert ranked.get_ordering_field_columns() == {}
    assert boss.see("book", q="apple", o="-1").context["cl"].get_ordering_field_columns() == {
        1: "desc"
    }


def test_pages_and_links_keep_the_search(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of(Tale), "list_per_page", 3)
    query: dict[str, Any] = {"q": "apple", "search_by": "vector"}
    whole = boss.titles("tale", **query) + boss.titles("tale", **query, p=2)
    assert sorted(whole) == sorted(TITLES)
    assert whole[0].startswith("apple")
    page = boss.see("tale", **query, p=2)
    assert page.context["cl"].result_count == len(TITLES)
    assert "search_by=vector" in page.context["cl"].get_query_string({"p": 1})
    # The choice is a field of the form already.
    assert 'type="hidden" name="search_by"' not in page.content.decode()


def test_a_project_keeps_its_own_template_of_a_list(
    boss: Admin, tales: dict[str, Tale], settings: Any, tmp_path: Path
) -> None:
    own = tmp_path / "admin" / "hybrid_store_test" / "tale" / "change_list.html"
    own.parent.mkdir(parents=True)
    own.write_text(
        '{% extends "admin/change_list.html" %}{% block date_hierarchy %}Our own list{% endblock %}'
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    page = boss.see("tale")
    assert "Our own list" in said(page)
    assert "Search by" in said(page)


# Actions


def test_an_action_is_carried_out_on_the_rows_that_are_selected(
    boss: Admin, tales: dict[str, Tale]
) -> None:
    query: dict[str, Any] = {"q": "apple", "search_by": "vector"}
    chosen = [tales["apple cake"], tales["pear tree"]]
    page = boss.act("tale", "delete_selected", chosen, **query)
    assert "Are you sure" in said(page)
    confirmed = {
        "action": "delete_selected",
        "_selected_action": [tale.pk for tale in chosen],
        "post": "yes",
    }
    boss.client.post(boss.address("tale", **query), confirmed)
    assert sorted(tale.title for tale in Tale.objects.all()) == ["apple tree", "running horses"]


def test_a_row_that_was_selected_is_acted_on_whatever_a_search_finds_now(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is asked for the vector of the text again."""
    monkeypatch.setattr(of(Tale), "hybrid_search_limit", 1)
    page = boss.act("tale", "delete_selected", [tales["pear tree"]], q="apple cake")
    assert [tale.title for tale in page.context["queryset"]] == ["pear tree"]


def test_all_rows_that_were_found_can_be_acted_on(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of(Tale), "hybrid_search_limit", 2)
    found = boss.titles("tale", q="apple", search_by="vector")
    page = boss.act(
        "tale", "delete_selected", [tales[found[0]]], across=True, q="apple", search_by="vector"
    )
    assert sorted(map(str, page.context["queryset"].values_list("title", flat=True))) == sorted(
        found
    )


def test_what_was_found_can_be_part_of_another_query(
    boss: Admin, tales: dict[str, Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As actions of a project make them: a filter by rows selects their keys alone."""
    seen: list[Any] = []

    def action(model_admin: Any, request: Any, queryset: Any) -> None:
        seen.append(TaleTeller.objects.filter(tales__in=queryset).count())
        seen.append(queryset.update(year=1))

    monkeypatch.setattr(of(Tale), "actions", [action])
    TaleTeller.objects.create(name="a").tales.set(Tale.objects.all())
    boss.act(
        *("tale", "action", [tales["apple tree"]]),
        across=True,
        q="apple",
        search_by="vector",
        freshness="current",
    )
    assert seen == [len(TITLES), len(TITLES)]


# Autocompletion


def test_autocompletion_calls_no_provider(boss: Admin, asked: FakeOpenAI) -> None:
    Book.objects.create(title="apple tree")
    found = boss.get(
        *("autocomplete",),
        app_label="hybrid_store_test",
        model_name="review",
        field_name="book",
        term="tree",
    )
    assert [each["text"] for each in found.json()["results"]] == ["apple tree"]
    assert asked.requests == []


# The provider


@pytest.fixture
def cached(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def test_a_query_is_embedded_once(
    boss: Admin, tales: dict[str, Tale], asked: FakeOpenAI, cached: None
) -> None:
    for order in ("1", "-1"):
        boss.see("tale", q="a text asked once", search_by="vector", o=order)
    boss.act("tale", "delete_selected", Tale.objects.all()[:1], across=True, q="a text asked once")
    assert [request.texts for request in asked.requests] == [["a text asked once"]]


def test_when_the_provider_is_away_words_are_searched_for(
    boss: Admin, tales: dict[str, Tale], asked: FakeOpenAI
) -> None:
    asked.script("server_error")
    page = boss.see("tale", q="pear", search_by="vector")
    assert [str(row.title) for row in page.context["cl"].result_list] == ["pear tree"]
    assert said(page).count("Search by meaning is out of order (") == 1
    assert len(asked.requests) == 1


def test_a_failure_shows_no_secret(boss: Admin, tales: dict[str, Tale], asked: FakeOpenAI) -> None:
    asked.api_key = "another"
    page = boss.see("tale", q="pear")
    assert "out of order" in said(page)
    assert SECRET not in page.content.decode()


def test_an_embedder_of_anybodys_making_may_fail_in_any_way(
    boss: Admin, tales: dict[str, Tale], settings: Any
) -> None:
    odd = {"BACKEND": f"{__name__}.Odd", "MODEL": "hashing", "DIMENSIONS": 384}
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": odd}}
    page = boss.see("tale", q="pear", search_by="vector")
    assert "the embedder failed, and the log says why" in said(page)
    assert "pear tree" in said(page)
    assert "a secret" not in page.content.decode()


def test_pages_work_without_an_embedder(boss: Admin, settings: Any) -> None:
    book = Book.objects.create(title="apple")
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": {"BACKEND": "no.Such"}}}
    listed, row = boss.see("book", q="apple"), boss.see(f"book/{book.pk}/change")
    assert "out of order" in said(listed)
    for page in (listed, row):
        assert "no.Such" in said(page)
        assert "apple" in said(page)


def test_all_that_a_search_finds_is_not_acted_on_when_it_is_out_of_order(
    boss: Admin, tales: dict[str, Tale], asked: FakeOpenAI
) -> None:
    asked.script("server_error", "server_error")
    page = boss.act("tale", "delete_selected", [tales["pear tree"]], across=True, q="pear")
    assert "All rows were chosen that a search finds by meaning" in said(page)
    assert "Are you sure" not in said(page)
    assert Tale.objects.count() == len(TITLES)


# Who may see what


def test_a_search_finds_only_what_a_user_may_see(staff: MakeUser) -> None:
    for name in ("ann", "bob"):
        author = Author.objects.create(name=name)
        Book.objects.create(title=f"apple of {name}", author=author)
    generate(Book)
    for mode in ("vector", "text"):
        assert staff("view_book").titles("book", q="apple", search_by=mode) == ["apple of ann"]


def test_a_search_makes_as_many_statements_for_many_rows_as_for_one(boss: Admin) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            boss.see("book", q="apple", search_by="vector")
        return len(captured)

    Book.objects.create(title="apple")
    generate(Book)
    boss.see("book", q="apple")
    one = statements()
    author = Author.objects.create(name="ann")
    for number in range(20):
        Book.objects.create(title=f"apple {number}", author=author)
    generate(Book)
    assert statements() == one
