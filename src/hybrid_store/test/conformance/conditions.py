"""Rows that `embed_if` leaves out are treated as if they had no text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hybrid_store.models import freshness
from hybrid_store.models.coverage import coverage
from hybrid_store.sync.verification import verify
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import Comment, Letter, Page
from hybrid_store.test.watching import before_each_answer, count_documents_embedded

__all__ = ["ConditionConformance"]

# The value that the condition of a Page excludes.
OFF = "100% 'off'\\"


class ConditionConformance(ConformanceBase):
    def pages(self) -> dict[str, Any]:
        """Pages that are not embedded yet; only one is to be."""
        pages = [
            Page(title="wanted", published=True),
            Page(title="hidden", published=False),
            Page(title="unknown", published=None),
            Page(title="off", published=True, state=OFF),
            Page(title="unseen", published=True, views=-1),
        ]
        return {page.title: page for page in Page.objects.bulk_create(pages)}

    def test_only_rows_for_which_the_condition_holds_have_a_text(self) -> None:
        pages, field = self.pages(), embedding_field(Page)
        texts = Page.objects.order_by("pk").values_list(freshness.rendering(field), flat=True)
        assert list(texts) == ["wanted", "", "", "", ""]
        assert list(Page.objects.stale()) == [pages["wanted"]]
        assert list(Page.objects.filter(~freshness.blank(field))) == [pages["wanted"]]

    def test_only_their_texts_are_embedded(self) -> None:
        self.pages()
        with count_documents_embedded() as texts:
            generate(Page)
        assert texts == ["wanted"]
        found = coverage(Page.objects.all())
        assert (found.current, found.stale, found.blank) == (1, 0, 4)
        assert verify(embedding_field(Page)).ok
        assert [page.title for page in Page.objects.nearest("hidden")] == ["wanted"]

    def test_a_row_that_enters_is_stale_and_one_that_leaves_loses_its_vector(self) -> None:
        pages = self.pages()
        generate(Page)
        Page.objects.filter(title="hidden").update(published=True)
        Page.objects.filter(title="wanted").update(state=OFF)
        assert {page.title for page in Page.objects.stale()} == {"hidden", "wanted"}
        assert coverage(Page.objects.all()).stale == 2
        report = generate(Page)
        assert (report.embedded, report.cleared) == (1, 1)
        assert not Page.objects.stale().exists()
        pages["wanted"].refresh_from_db()
        assert pages["wanted"].embedding is pages["wanted"].embedding_fingerprint is None

    def test_a_row_that_leaves_while_it_is_embedded_gets_no_vector(self) -> None:
        page = self.pages()["wanted"]
        comment = Comment.objects.create(text="t", page=page)
        letter = Letter.objects.create(words="w", sent=True)
        rows: list[tuple[Any, Callable[[Any], Any]]] = [
            (comment, lambda _: Page.objects.update(published=None)),
            (page, lambda _: Page.objects.update(state=OFF)),
            (letter, lambda _: Letter.objects.update(sent=False)),
        ]
        for row, leave in rows:
            with self.subTest(model=type(row)), before_each_answer(leave):
                Page.objects.filter(pk=page.pk).update(published=True)
                report = generate(type(row))
                assert (report.embedded, report.changed) == (0, 1)
                row.refresh_from_db()
                assert row.embedding is None
                assert generate(type(row)).done == 0

    def test_a_vector_of_unknown_origin_is_stale_where_no_text_is_wanted(self) -> None:
        pages = self.pages()
        Page.objects.filter(title="hidden").update(embedding=[1.0] * 384)
        assert pages["hidden"] in Page.objects.stale()
        assert generate(Page, replace_spaces=True).cleared == 1

    def test_a_condition_over_a_related_row_is_seen(self) -> None:
        page = self.pages()["wanted"]
        on_page = Comment.objects.create(text="t", page=page)
        Comment.objects.create(text="t", page=None)
        assert list(Comment.objects.stale()) == [on_page]
        assert generate(Comment).embedded == 1
        assert verify(embedding_field(Comment)).ok
        Page.objects.update(published=False)
        assert list(Comment.objects.stale()) == [on_page]
        assert generate(Comment).cleared == 1
        assert not Comment.objects.stale().exists()

    def test_a_callable_is_not_called_where_the_condition_does_not_hold(self) -> None:
        letter = Letter.objects.create(words="a", sent=True)
        Letter.objects.create(words="b", sent=False)
        assert list(Letter.objects.stale()) == [letter]
        with count_documents_embedded() as texts:
            assert generate(Letter).embedded == 1
        assert texts == ["A"]
        found = coverage(Letter.objects.all())
        assert (found.current, found.stale, found.blank) == (1, 0, 1)
        assert verify(embedding_field(Letter)).ok
        Letter.objects.update(sent=False)
        assert list(Letter.objects.stale()) == [letter]
        assert generate(Letter).cleared == 1
        assert coverage(Letter.objects.all()).blank == 2

    def test_saving_asks_the_condition(self) -> None:
        committed = partial(self.captureOnCommitCallbacks, execute=True)
        with count_documents_embedded() as texts:
            with committed():
                page = Page.objects.create(title="t")
            assert (page.embedding, texts) == (None, [])
            page.views = 5
            with committed():
                page.save(update_fields=["views"])
            assert texts == []
            page.published = True
            with committed():
                page.save(update_fields=["published"])
            assert texts == ["t"]
        assert page.embedding is not None
        page.state = OFF
        with committed():
            page.save(update_fields=["state"])
        assert page.embedding is None
        assert Page.objects.get().embedding_fingerprint is None
