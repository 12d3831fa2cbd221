"""Models of every kind have the same pages: inherited and several embeddings, other keys."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin

from hybrid_store.admin import HybridAdminMixin
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Album, Essay, Fable, Note, Saga, Tale
from tests.admin.pages import Admin, said
from tests.admin.site import site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.site")]

TEXTS = ["apple tree", "apple cake", "running horses"]
KINDS: dict[str, tuple[Any, str, dict[str, Any], str, EmbeddingField]] = {
    "inherited": (Saga, "title", {"volumes": 1}, "hybrid", Tale._meta.get_field("embedding")),
    "another key": (Note, "text", {}, "vector", Note._meta.get_field("embedding")),
    "two embeddings": (Album, "lyrics", {}, "vector", Album._meta.get_field("lyrics_embedding")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_kind_are_found_embedded_and_compared(boss: Admin, kind: str) -> None:
    model, source, values, mode, field = KINDS[kind]
    name = model._meta.model_name
    rows = [model.objects.create(**{source: text}, **values) for text in TEXTS]
    model.objects.update(**{source: "unsaid"})
    for row in rows[:2]:
        model.objects.filter(pk=row.pk).update(**{source: getattr(row, source)})
    page = boss.act(name, "embed_now", rows[:2])
    assert page.status_code == 200
    assert boss.see(name, freshness="current").context["cl"].result_count == 2
    assert boss.see(name, freshness="stale").context["cl"].result_count == 1
    generate(field)

    for way in ("text", "vector", mode):
        found = boss.see(name, q="apple cake", search_by=way).context["cl"].result_list
        assert found[0] == rows[1], way
    page = boss.see(f"{name}/{rows[0].pk}/change")
    names = [similar.name for similar in page.context["similar"].rows]
    assert names[0] == str(rows[1])
    assert len(names) == 2


def test_a_list_that_is_a_map_can_be_searched(boss: Admin) -> None:
    page = boss.see("saga", q="apple", search_by="vector")
    assert "Search by" in said(page)
    assert 'href="map/?q=apple&amp;search_by=vector"' in page.content.decode()
    assert boss.see("saga/map", q="apple", search_by="vector").status_code == 200


def test_words_alone_are_searched_for(boss: Admin) -> None:
    for title in TEXTS:
        Fable.objects.create(title=title)
    page = boss.see("fable", q="run")
    assert [row.title for row in page.context["cl"].result_list] == ["running horses"]
    assert page.context["cl"].choices == []
    assert "similar" not in boss.see(f"fable/{Fable.objects.first().pk}/change").context


def faults(model: Any, **attributes: Any) -> list[str]:
    made = type("Made", (HybridAdminMixin, admin.ModelAdmin), attributes)(model, site)
    return [str(message.id) for message in made.check()]


def test_mistakes_are_found_by_the_system_check(settings: Any) -> None:
    assert faults(Tale) == []
    assert faults(Album) == ["hybrid_store.E050"]
    assert faults(Album, hybrid_field="title_embedding") == []
    assert faults(Album, hybrid_field="title") == ["hybrid_store.E050"]
    assert faults(Tale, hybrid_index="no_such") == ["hybrid_store.E050"]
    assert faults(Tale, hybrid_search_mode="both") == ["hybrid_store.E051"]
    assert faults(Essay) == ["hybrid_store.W052"]
    assert faults(Essay, search_fields=("words",)) == []


def test_the_site_of_these_tests_is_in_order(boss: Admin) -> None:
    assert [fault for each in site._registry.values() for fault in each.check()] == []
    assert "Hybrid store" in said(boss.client.get("/admin/"))
