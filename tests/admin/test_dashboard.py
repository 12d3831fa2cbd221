"""The dashboard: coverage, failures, runs and indexes of all embeddings."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, connections

from hybrid_store.models import EmbeddingRun
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book, Essay
from tests.admin.conftest import MakeUser
from tests.admin.pages import Admin, said
from tests.admin.test_freshness import make_rows
from tests.embedders.fake_openai import FakeOpenAI

# It looks at every database that there is.
pytestmark = [
    pytest.mark.django_db(databases=["default", "other"]),
    pytest.mark.urls("tests.admin.site"),
]

DASHBOARD = "hybrid_store/dashboard"
BOOKS = "hybrid_store_test.Book.embedding"


def line(page: Any, heading: str) -> str:
    """The row of a table that begins with that heading, as HTML; the first there is."""
    rows: list[str] = re.findall(r"<tr>.*?</tr>", page.content.decode(), re.DOTALL)
    return next(row for row in rows if re.search(rf">\s*{re.escape(heading)}\s*<", row))


def text(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_the_index_of_the_site_leads_to_it(boss: Admin) -> None:
    page = boss.client.get("/admin/")
    assert f'href="{boss.address(DASHBOARD)}"' in page.content.decode()


def test_rows_are_counted_by_state_with_links_to_them(boss: Admin, asked: FakeOpenAI) -> None:
    make_rows(Book, asked)
    books = line(boss.see(DASHBOARD), BOOKS)
    assert text(books) == f"{BOOKS} 5 Current 1 Stale 1 In flight 1 Failed 1 Blank 1"
    widths = re.findall(
        r'<rect class="hybrid-store-(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', books
    )
    assert [(state, float(x), float(width)) for state, x, width in widths] == [
        ("current", 0, 20),
        ("stale", 20, 20),
        ("in_flight", 40, 20),
        ("failed", 60, 20),
        ("blank", 80, 20),
    ]
    [address] = re.findall(r'href="([^"]*freshness=stale)"', books)
    assert boss.client.get(address).context["cl"].result_count == 1


def test_vectors_of_other_models_are_counted(boss: Admin, asked: FakeOpenAI) -> None:
    for title in ("apple", "pear"):
        Book.objects.create(title=title)
    generate(Book)
    other = "0" * 16 + ":" + "0" * 32
    Book.objects.filter(title="apple").update(embedding_fingerprint=other)
    Book.objects.filter(title="pear").update(embedding_fingerprint=None)
    books = text(line(boss.see(DASHBOARD), BOOKS))
    assert "1 with a vector of another model" in books
    assert "1 with a vector of unknown origin" in books


def test_failures_are_grouped_by_reason(boss: Admin, asked: FakeOpenAI) -> None:
    asked.poison = {"oison"}
    for number in range(3):
        Book.objects.create(title=f"poison {number}")
    generate(Book)
    page = boss.see(DASHBOARD)
    [failures] = [each.failures for each in page.context["databases"] if each.failures]
    assert [(failure.rows, failure.label) for failure in failures] == [(3, BOOKS)]
    assert [name for name, _address in failures[0].links] == ["poison 0", "poison 1", "poison 2"]
    assert boss.client.get(failures[0].links[0][1]).status_code == 200
    assert "answered with status 400" in said(page)


def test_runs_tell_what_they_did_and_cost(boss: Admin, asked: FakeOpenAI) -> None:
    Book.objects.create(title="apple")
    generate(Book)
    EmbeddingRun.objects.update(rows=30, tokens=500, seconds=2.0, cost=0.25)
    assert "30 0 500 0.25 15.0/s 250.0/s" in said(boss.see(DASHBOARD))


def test_indexes_say_whether_they_can_be_used(boss: Admin) -> None:
    page = boss.see(DASHBOARD)
    told = text(line(page, "test_book_vec"))
    size = r"(-|[\d.,]+\s(bytes|KB|MB))"
    assert re.fullmatch(rf"test_book_vec hybrid_store_test.Book ready {size}", told), told
    told = text(line(page, "tale_text"))
    size = r"[\d.,]+\s(bytes|KB|MB)"
    assert re.fullmatch(rf"tale_text hybrid_store_test.Tale ready {size}", told), told


def test_databases_are_told_apart(boss: Admin) -> None:
    page = said(boss.see(DASHBOARD))
    assert "Database “default”" in page
    assert "Database “other”" in page


def test_an_embedder_that_cannot_be_made_is_told_of(boss: Admin, settings: Any) -> None:
    settings.HYBRID_STORE = {
        "EMBEDDERS": {
            "default": {"BACKEND": "no.Such", "OPTIONS": {"api_key": "sk-planted-secret"}}
        }
    }
    page = boss.see(DASHBOARD)
    assert "no.Such" in text(line(page, BOOKS))
    assert "sk-planted-secret" not in page.content.decode()


def test_a_part_that_the_database_cannot_tell_leaves_the_others(
    boss: Admin, asked: FakeOpenAI
) -> None:
    make_rows(Book, asked)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hybrid_store_test_essay RENAME COLUMN words TO gone")
    try:
        page = boss.see(DASHBOARD)
        assert "The database could not tell" in text(
            line(page, "hybrid_store_test.Essay.embedding")
        )
        assert "Current 1" in text(line(page, BOOKS))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hybrid_store_test_essay RENAME COLUMN gone TO words")
    assert not Essay.objects.exists()


def test_counting_ends_when_it_has_taken_long_enough(
    boss: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid_store.admin.overview.LONGEST", 0.0)
    assert "the page had taken long enough" in said(boss.see(DASHBOARD))


ENDLESS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)
SELECT count(*) FROM n
"""


def test_a_count_that_takes_too_long_is_ended(boss: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(rows: Any, name: str) -> Any:
        with connections[rows.db].cursor() as cursor:
            cursor.execute(ENDLESS)

    monkeypatch.setattr("hybrid_store.admin.overview.coverage", count)
    monkeypatch.setattr("hybrid_store.admin.overview.LONGEST_STATEMENT", 0.02)
    monkeypatch.setattr("hybrid_store.admin.overview.LONGEST", 0.2)
    page = boss.see(DASHBOARD)
    assert "could not be counted within" in said(page)
    assert "test_book_vec" not in said(page)


# Who may see it


def test_it_asks_for_a_permission_of_its_own(staff: MakeUser) -> None:
    assert staff("view_embeddingrun").get(DASHBOARD).status_code == 403
    user = staff("view_dashboard")
    assert user.get(DASHBOARD).status_code == 200
    assert f'href="{user.address(DASHBOARD)}"' in user.client.get("/admin/").content.decode()


def test_there_is_nothing_to_add_or_change(boss: Admin) -> None:
    run = EmbeddingRun.objects.create(
        model="a.B", field="c", space="s", token="t", started_at="2026-01-01T00:00Z"
    )
    assert boss.get(f"{DASHBOARD}/add").status_code == 403
    address = boss.address(f"{DASHBOARD}/{run.pk}/change")
    assert boss.client.post(address, {"rows": 7}).status_code == 403


def test_links_lead_to_no_rows_that_a_user_may_not_see(staff: MakeUser, asked: FakeOpenAI) -> None:
    asked.poison = {"oison"}
    for name in ("ann", "bob"):
        Book.objects.create(title=f"poison of {name}", author=Author.objects.create(name=name))
    generate(Book)
    page = staff("view_dashboard", "view_book").see(DASHBOARD)
    assert "poison of ann" in said(page)
    assert "poison of bob" not in said(page)
    blind = staff("view_dashboard").see(DASHBOARD)
    assert "poison of" not in said(blind)
    assert "/book/" not in blind.content.decode()
