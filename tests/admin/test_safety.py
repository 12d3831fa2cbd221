"""What people and providers write is never markup, and nothing on a page is inline or remote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from django.utils import timezone

from hybrid_store.embedders import BaseEmbedder
from hybrid_store.exceptions import EmbedderRefusedError
from hybrid_store.models import EmbeddingRun
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.states import records
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.sources import source_reader
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Book, Tale
from tests.admin.pages import Admin
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = [
    pytest.mark.django_db(databases=["default", "other"]),
    pytest.mark.urls("tests.admin.site"),
]

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('hybrid')</script>{{ 7|add:7 }}"


def fail(row: Any, reason: str) -> None:
    """Leave the record of a row that failed for that reason."""
    field = embedding_field(type(row))
    reader = source_reader(field, "default")
    leases = Leases(field, "default", 60)
    leases.claim(reader.read(reader.rows.filter(pk=row.pk)))
    leases.fail([row.pk], reason, None)
    assert records(field).exists()


@pytest.fixture
def hostile(asked: FakeOpenAI) -> Book:
    """Titles, reasons and runs that would like to be markup; returns the row that failed."""
    for number in range(2):
        Book.objects.create(title=f"{HOSTILE} {number}")
        Tale.objects.create(title=f"{HOSTILE} {number}", body=HOSTILE)
    generate(Book)
    generate(Tale)
    failed: Book = Book.objects.create(title=HOSTILE)
    fail(failed, HOSTILE)
    EmbeddingRun.objects.create(
        model=HOSTILE,
        field=HOSTILE,
        space=HOSTILE,
        token="hostile",
        started_at=timezone.now(),
        reason=HOSTILE,
    )
    return failed


def pages(row: Book) -> list[tuple[str, dict[str, str]]]:
    embedded = Book.objects.exclude(pk=row.pk).order_by("pk")[0]
    return [
        ("book", {"q": HOSTILE}),
        ("tale", {"q": HOSTILE, "search_by": HOSTILE, "freshness": HOSTILE}),
        ("tale", {"q": HOSTILE, "_facets": "1"}),
        (f"book/{row.pk}/change", {}),
        (f"book/{embedded.pk}/change", {}),
        ("hybrid_store/embeddingwork", {}),
        ("hybrid_store/embeddingrun", {}),
        ("hybrid_store/dashboard", {}),
    ]


def test_what_people_write_is_never_markup(boss: Admin, hostile: Book) -> None:
    for page, query in pages(hostile):
        markup = boss.see(page, **query).content.decode()
        assert "<img src=x" not in markup, page
        assert "<script>alert" not in markup, page
        assert "&lt;script&gt;" in markup, page
        assert "{{ 7|add:7 }}" in markup, page


class Hostile(BaseEmbedder):
    """Fails with markup."""

    def embed_batch(self, texts: Sequence[str]) -> Any:
        raise EmbedderRefusedError(HOSTILE)


def test_what_a_message_says_is_never_markup(boss: Admin, hostile: Book, settings: Any) -> None:
    backend = {"BACKEND": f"{__name__}.Hostile", "MODEL": "hashing", "DIMENSIONS": 384}
    settings.HYBRID_STORE = {"EMBEDDERS": {"default": backend}}
    for page in (boss.see("book", q="apple"), boss.act("book", "embed_now", [hostile])):
        markup = page.content.decode()
        assert "<img src=x" not in markup
        assert "&lt;script&gt;alert" in markup


# What this package adds: Django's own pages have styles and scripts of their own.
OURS = re.compile(
    r'<fieldset class="hybrid-store.*?</fieldset>|<section class="module hybrid-store.*?</section>'
    r'|<span class="hybrid-store-.*?</td>|<section aria-labelledby="database.*?</section>',
    re.DOTALL,
)
INLINE = re.compile(r"<script|<style|\sstyle=|\son\w+=|https?://|javascript:", re.IGNORECASE)


def test_nothing_is_inline_or_remote(boss: Admin, hostile: Book) -> None:
    Book.objects.all().update(title="plain")
    records(embedding_field(Book)).update(reason="plain")
    Tale.objects.all().delete()
    EmbeddingRun.objects.all().delete()
    parts = []
    for page in ("book", f"book/{hostile.pk}/change", "hybrid_store/dashboard"):
        parts += OURS.findall(boss.see(page).content.decode())
    assert len(parts) > len("abc")
    assert not [found for part in parts for found in INLINE.findall(part)]
