"""The actions "Embed now" and "Retry failed"."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hybrid_store.models import EmbeddingRun, EmbeddingWork
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.states import records
from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Author, Book, Essay, Point
from tests.admin import site
from tests.admin.conftest import SECRET, MakeUser
from tests.admin.pages import Admin, said
from tests.embedders.fake_openai import FakeOpenAI

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.site")]


@pytest.fixture
def books(db: None, asked: FakeOpenAI) -> list[Book]:
    for title in ("apple", "pear", "poison"):
        Book.objects.create(title=title)
    return list(Book.objects.order_by("pk"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.site._registry[Book], "embed_patience", 0.0)


def offered(admin: Admin, model: str) -> set[str]:
    form = admin.see(model).context["action_form"]
    return set() if form is None else {name for name, _ in form.fields["action"].choices}


def current() -> list[str]:
    return [book.title for book in Book.objects.order_by("pk") if book.embedding is not None]


# What they do


def test_only_the_selected_rows_are_embedded(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    page = boss.act("book", "embed_now", books[:1])
    assert "1 row was embedded." in said(page)
    assert current() == ["apple"]
    assert [request.texts for request in asked.requests] == [["apple\n"]]
    assert EmbeddingRun.objects.get().rows == 1


def test_all_rows_of_a_search_can_be_embedded(boss: Admin, books: list[Book]) -> None:
    page = boss.act("book", "embed_now", books[:1], across=True, q="p", search_by="text")
    assert "3 rows were embedded." in said(page)


def test_a_callable_source_is_embedded_too(boss: Admin, asked: FakeOpenAI) -> None:
    essays = [Essay.objects.create(words=words) for words in ("apple", "pear")]
    assert "1 row was embedded." in said(boss.act("essay", "embed_now", essays[:1]))
    assert Essay.objects.stale().get() == essays[1]


def test_a_row_that_cannot_be_embedded_is_told_of_and_the_others_are(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    asked.poison = {"oison"}
    page = said(boss.act("book", "embed_now", books))
    assert "2 rows were embedded." in page
    assert "Not embedded: The embedder" in page
    assert "1 row could not be embedded." in page
    assert "failed before" not in page
    assert current() == ["apple", "pear"]


def test_failed_rows_are_embedded_when_they_are_tried_again(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    asked.poison = {"oison"}
    generate(Book)
    assert "Rows that failed before: 1. “Retry failed” tries them again." in said(
        boss.act("book", "embed_now", books)
    )
    asked.poison = set()
    assert "1 row was embedded." in said(boss.act("book", "retry_failed", books))
    assert current() == ["apple", "pear", "poison"]
    assert not EmbeddingWork.objects.exists()


def test_retrying_embeds_no_row_that_has_not_failed(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    assert "No row had to be embedded." in said(boss.act("book", "retry_failed", books))
    assert asked.requests == []


def test_vectors_that_somebody_may_have_paid_for_are_left_alone(
    boss: Admin, books: list[Book]
) -> None:
    generate(Book)
    Book.objects.filter(pk=books[0].pk).update(embedding_fingerprint=None)
    page = said(boss.act("book", "embed_now", books))
    assert "No row had to be embedded." in page
    assert "Rows with a vector of another model, or of unknown origin: 1." in page
    assert "generate_embeddings hybrid_store_test.Book.embedding --replace-spaces" in page


def test_rows_of_another_run_are_left_to_it(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    field = embedding_field(Book)
    until = timezone.now() + timedelta(minutes=5)
    records(field).create(
        model=Book._meta.label,
        column=str(field.column),
        key=books[0].pk,
        token="t",
        lease_until=until,
    )
    page = said(boss.act("book", "embed_now", books[:1]))
    assert "Rows that another run is embedding: 1." in page
    assert asked.requests == []


def test_a_vector_of_a_text_that_is_gone_is_removed(boss: Admin, books: list[Book]) -> None:
    generate(Book)
    Book.objects.filter(pk=books[0].pk).update(title="")
    page = said(boss.act("book", "embed_now", books))
    assert "1 row has no text any more, and its vector was removed." in page


def test_more_rows_than_the_limit_are_for_the_command(
    boss: Admin, books: list[Book], asked: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.site._registry[Book], "embed_now_limit", 2)
    page = said(boss.act("book", "embed_now", books))
    assert "manage.py generate_embeddings hybrid_store_test.Book.embedding" in page
    assert asked.requests == []
    assert "2 rows were embedded." in said(boss.act("book", "embed_now", books[:2]))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["server_error", "unauthorized", "reset", "words", "html"])
def test_a_provider_that_fails_is_a_message(
    boss: Admin, books: list[Book], asked: FakeOpenAI, fault: str
) -> None:
    asked.script(*[fault] * 8)
    page = boss.act("book", "embed_now", books)
    assert page.status_code == 200
    assert page.redirect_chain
    assert "The run was stopped: " in said(page) or "could not be embedded" in said(page)
    assert current() == []


def test_a_message_shows_no_secret(boss: Admin, books: list[Book], asked: FakeOpenAI) -> None:
    asked.api_key = "another"
    page = boss.act("book", "embed_now", books)
    assert "The run was stopped: " in said(page)
    assert SECRET not in page.content.decode()


# Who may do it


def test_users_without_the_permission_are_offered_no_action(staff: MakeUser) -> None:
    Book.objects.create(title="apple", author=Author.objects.create(name="ann"))
    assert "embed_now" not in offered(staff("view_book"), "book")
    assert {"embed_now", "retry_failed"} <= offered(staff("view_book", "embed_rows"), "book")


@pytest.mark.parametrize("action", ["embed_now", "retry_failed"])
def test_users_without_the_permission_are_refused(
    staff: MakeUser, asked: FakeOpenAI, action: str
) -> None:
    book = Book.objects.create(title="apple", author=Author.objects.create(name="ann"))
    assert staff("view_book", "change_book").act("book", action, [book]).status_code == 403
    assert staff("embed_rows").act("book", action, [book]).status_code == 403
    assert asked.requests == []


def test_users_embed_only_rows_that_they_may_see(staff: MakeUser, asked: FakeOpenAI) -> None:
    books = [
        Book.objects.create(title=name, author=Author.objects.create(name=name))
        for name in ("ann", "bob")
    ]
    page = staff("view_book", "embed_rows").act("book", "embed_now", books)
    assert "1 row was embedded." in said(page)
    assert current() == ["ann"]


def test_a_forged_request_is_refused(boss: Admin, books: list[Book], asked: FakeOpenAI) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.client.cookies
    data = {"action": "embed_now", "_selected_action": [books[0].pk], "index": "0"}
    assert strict.post(boss.address("book"), data).status_code == 403
    assert asked.requests == []


def test_there_are_no_actions_where_there_is_nothing_to_embed(boss: Admin) -> None:
    Point.objects.create(name="p")
    assert "embed_now" not in offered(boss, "point")


def test_an_admin_without_actions_stays_so(
    boss: Admin, books: list[Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.site._registry[Book], "actions", None)
    assert offered(boss, "book") == set()


# The records


def test_records_of_failures_can_be_tried_again(
    boss: Admin, books: list[Book], asked: FakeOpenAI
) -> None:
    asked.poison = {"oison"}
    generate(Book)
    asked.poison = set()
    page = boss.see("hybrid_store/embeddingwork")
    assert "answered with status 400" in said(page)
    page = boss.act("hybrid_store/embeddingwork", "retry", EmbeddingWork.objects.all())
    assert "1 row was embedded. (hybrid_store_test.Book.embedding)" in said(page)
    assert "None of these rows" not in said(page)
    assert current() == ["apple", "pear", "poison"]


def test_a_record_of_an_embedding_that_is_gone_breaks_nothing(boss: Admin) -> None:
    record = EmbeddingWork.objects.create(
        model="no.Model", column="gone", key="1", failed_at=timezone.now()
    )
    assert boss.act("hybrid_store/embeddingwork", "retry", [record]).status_code == 200


def test_records_are_only_read(boss: Admin, staff: MakeUser, books: list[Book]) -> None:
    generate(Book)
    run = EmbeddingRun.objects.get()
    page = boss.see("hybrid_store/embeddingrun")
    assert str(run.tokens) in said(page)
    assert boss.get("hybrid_store/embeddingrun/add").status_code == 403
    address = boss.address(f"hybrid_store/embeddingrun/{run.pk}/change")
    assert boss.client.post(address, {"rows": 7}).status_code == 403
    assert boss.client.post(address.replace("change", "delete"), {"post": "yes"}).status_code == 403
    reader = staff("view_embeddingwork")
    EmbeddingWork.objects.create(model="a.B", column="c", key="1")
    assert "retry" not in offered(reader, "hybrid_store/embeddingwork")
