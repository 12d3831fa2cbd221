"""Embeddings that no longer match their text are found, however either was written."""

from __future__ import annotations

import uuid
from typing import Any
from unittest import skipUnless

import django
import numpy as np
from django.core.exceptions import FieldError
from django.core.serializers import deserialize, serialize
from django.db import connection, models
from django.db.models import F, Value
from django.db.models.functions import Concat
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.models import freshness, stale
from hybrid_store.models.fingerprint import content_digest, fingerprint
from hybrid_store.models.row_states import row_statuses
from hybrid_store.sync.leases import Leases
from hybrid_store.sync.sources import source_reader
from hybrid_store.test.conformance.base import ConformanceBase, embedding_field, generate
from hybrid_store.test.models import Article, Author, Book, Essay, Post

__all__ = ["FreshnessConformance"]

VECTOR = np.ones(384, dtype=np.float32)

# PostgreSQL stores no NUL and no database stores lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def is_stale(row: Any) -> bool:
    return bool(stale(type(row)._default_manager.filter(pk=row.pk)).exists())


class FreshnessConformance(ConformanceBase):
    def embedded(self, **values: Any) -> Any:
        book = Book.objects.create(**{"title": "title", "description": "text", **values})
        generate(Book)
        book.refresh_from_db()
        assert not is_stale(book)
        return book

    def test_every_row_is_in_one_state(self) -> None:
        for model, source in ((Book, "title"), (Essay, "words")):
            with self.subTest(model=model):
                names = ["current", "stale", "in_flight", "failed", "blank"]
                rows = {name: model.objects.create(**{source: name}) for name in names}
                generate(model)
                model.objects.filter(pk=rows["blank"].pk).update(**{source: " "})
                generate(model)
                for name in names[1:4]:
                    model.objects.filter(pk=rows[name].pk).update(**{source: f"new {name}"})
                self.hold(model, rows["in_flight"])
                self.hold(model, rows["failed"]).fail([rows["failed"].pk], "a reason", None)

                statuses = row_statuses(model.objects.all(), embedding_field(model))
                assert {name: str(statuses[row.pk].state) for name, row in rows.items()} == {
                    name: name for name in names
                }
                failed, blank = (statuses[rows[name].pk] for name in ("failed", "blank"))
                assert (failed.reason, failed.has_vector, failed.in_space) == (
                    "a reason",
                    True,
                    True,
                )
                assert (blank.reason, blank.has_vector, blank.in_space) == ("", False, None)

    def hold(self, model: Any, row: Any) -> Leases:
        """A run that embeds the row."""
        field = embedding_field(model)
        reader = source_reader(field, "default")
        leases = Leases(field, "default", 60.0)
        assert leases.claim(reader.read(reader.rows.filter(pk=row.pk)))
        return leases

    # The rendering

    @given(title=texts, description=texts, year=st.none() | st.integers(-(2**31), 2**31 - 1))
    def test_python_and_sql_agree_about_every_text(
        self, title: str, description: str, year: int | None
    ) -> None:
        field = embedding_field(Book)
        book = Book.objects.create(title=title, description=description, year=year)
        text, content, blank = (
            Book.objects.annotate(t=freshness.rendering(field), c=freshness.content(field))
            .filter(pk=book.pk)
            .values_list("t", "c", freshness.blank(field))
            .get()
        )
        assert text == f"{title}\n{description}"
        assert content == content_digest(text)
        assert bool(blank) == freshness.is_blank(text) == (not text.strip())

    def test_every_type_of_source_renders_alike_on_every_database(self) -> None:
        code = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
        author = Author.objects.create(name="Ann")
        Article.objects.create(
            slug="a-b", url="https://example.org/?a=1", number=-(2**40), code=code, author=author
        )
        Article.objects.create(slug="x")
        rendered = Article.objects.order_by("pk").values_list(
            freshness.rendering(embedding_field(Article)), flat=True
        )
        assert list(rendered) == [
            f"a-b\nhttps://example.org/?a=1\n-1099511627776\n{code.hex}\nAnn",
            "x\n\n\n\n",
        ]

    # States

    def test_a_new_row_is_stale_and_an_embedded_one_is_current(self) -> None:
        book: Any = Book.objects.create(title="title")
        assert is_stale(book)
        generate(Book)
        book.refresh_from_db()
        assert not is_stale(book)
        assert book.embedding_fingerprint == fingerprint(embedding_field(Book).space, "title\n")

    def test_content_and_space_are_told_apart_in_every_state(self) -> None:
        field = embedding_field(Book)
        space, right, wrong = field.space, fingerprint(field.space, "t\n"), "0" * 17 + "x"
        other = fingerprint("another space", "t\n")
        # Title, vector, fingerprint, and whether the content and the row are stale.
        states: list[tuple[str, Any, str | None, bool, bool]] = [
            ("t", VECTOR, right, False, False),
            ("t", VECTOR, other, False, True),
            ("t", VECTOR, fingerprint(space, "u\n"), True, True),
            ("t", VECTOR, wrong, True, True),
            ("t", VECTOR, "", True, True),
            ("t", VECTOR, None, True, True),
            ("t", None, right, True, True),
            ("t", None, other, True, True),
            ("t", None, None, True, True),
            (" ", VECTOR, fingerprint(space, " \n"), True, True),
            (" ", VECTOR, None, True, True),
            (" ", None, other, True, True),
            (" ", None, None, False, False),
        ]
        for title, vector, stamp, *expected in states:
            book = Book.objects.create(title=title, embedding=vector, embedding_fingerprint=stamp)
            rows = Book.objects.filter(pk=book.pk)
            for predicate, answer in zip(
                (freshness.content_stale(field), freshness.stale(field)), expected, strict=True
            ):
                found = rows.filter(predicate).exists(), rows.exclude(predicate).exists()
                assert found == (answer, not answer), (title, stamp, predicate)

    def test_a_row_without_text_is_neither_stale_nor_embedded(self) -> None:
        for title in ("", "  ", "\n\t", "\u3000\xa0"):
            book = Book.objects.create(title=title, description=title)
            assert not is_stale(book), repr(title)
        assert generate(Book).embedded == 0

    def test_a_text_that_is_gone_takes_its_vector_along(self) -> None:
        book = self.embedded()
        Book.objects.update(title="", description=" ")
        assert is_stale(book)
        assert generate(Book).cleared == 1
        book.refresh_from_db()
        assert (book.embedding, book.embedding_fingerprint) == (None, None)
        assert not is_stale(book)

    # Every way of writing the text is seen

    def test_save_is_seen(self) -> None:
        book = self.embedded()
        book.title = "another"
        book.save()
        assert is_stale(book)

    def test_save_of_some_fields_is_seen(self) -> None:
        book = self.embedded()
        book.description = "another"
        book.save(update_fields=["description"])
        assert is_stale(book)

    def test_update_is_seen(self) -> None:
        book = self.embedded()
        Book.objects.update(title=Concat(F("title"), Value("!")))
        assert is_stale(book)

    def test_bulk_update_and_bulk_create_are_seen(self) -> None:
        book = self.embedded()
        book.title = "another"
        Book.objects.bulk_update([book], ["title"])
        [new] = Book.objects.bulk_create([Book(title="new")])
        assert is_stale(book)
        assert is_stale(new)

    def test_raw_sql_is_seen(self) -> None:
        book = self.embedded()
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {Book._meta.db_table} SET title = 'another'")  # noqa: S608
        assert is_stale(book)

    def test_a_loaded_fixture_is_seen(self) -> None:
        book = self.embedded()
        fixture = serialize("json", [book]).replace('"title": "title"', '"title": "another"')
        for row in deserialize("json", fixture):
            row.save()
        assert is_stale(book)

    def test_an_edit_of_a_related_row_is_seen(self) -> None:
        author = Author.objects.create(name="Ann")
        article = Article.objects.create(slug="s", author=author)
        generate(Article)
        assert not is_stale(article)
        Author.objects.update(name="Bob")
        assert is_stale(article)
        assert generate(Article).embedded == 1
        assert not is_stale(article)

    def test_a_callable_source_is_found_by_scanning(self) -> None:
        essay: Any
        essay, blank = Essay.objects.create(words="a,b"), Essay.objects.create(words="")
        assert is_stale(essay)
        assert not is_stale(blank)
        assert generate(Essay).embedded == 1
        essay.refresh_from_db()
        assert not is_stale(essay)
        assert essay.embedding_fingerprint.endswith(content_digest("A B"))
        Essay.objects.update(words="c")
        assert Essay.objects.stale().count() == 2
        assert generate(Essay).embedded == 2

    def test_a_text_changed_and_changed_back_is_current(self) -> None:
        book = self.embedded()
        Book.objects.update(title="another")
        Book.objects.update(title="title")
        assert not is_stale(book)

    # Vectors written by hand

    def test_a_vector_assigned_by_hand_loses_the_fingerprint(self) -> None:
        book = self.embedded()
        book.embedding = VECTOR
        assert book.embedding_fingerprint is None
        book.save()
        assert is_stale(book)

    def test_saving_only_the_vector_loses_the_fingerprint(self) -> None:
        book = self.embedded()
        book.embedding = VECTOR
        book.save(update_fields=["embedding"])
        assert Book.objects.get().embedding_fingerprint is None
        assert is_stale(book)

    def test_a_vector_written_to_a_row_loaded_without_it_loses_the_fingerprint(self) -> None:
        self.embedded()
        for names in (["title"], ["title", "embedding_fingerprint"]):
            generate(Book, replace_spaces=True)
            book = Book.objects.only(*names).get()
            book.embedding = VECTOR
            book.save()
            assert is_stale(book)

    def test_update_and_bulk_update_of_the_vector_lose_the_fingerprint(self) -> None:
        book = self.embedded()
        Book.objects.update(embedding=VECTOR)
        assert is_stale(book)
        generate(Book, replace_spaces=True)
        book.refresh_from_db()
        book.embedding = VECTOR
        Book.objects.bulk_update([book], ["embedding"])
        assert is_stale(book)

    def test_bulk_update_writes_true_pairs_as_they_are(self) -> None:
        book = self.embedded()
        Book.objects.update(embedding=VECTOR)
        Book.objects.bulk_update([book], ["embedding"])
        assert not is_stale(book)

    def test_assigning_the_same_vector_changes_nothing(self) -> None:
        book = self.embedded()
        book.embedding = book.embedding.to_list()
        book.save()
        assert not is_stale(book)

    def test_a_given_pair_is_stored_as_it_is(self) -> None:
        stamp = fingerprint(embedding_field(Book).space, "t\n")
        book = Book.objects.create(title="t", embedding=VECTOR, embedding_fingerprint=stamp)
        assert not is_stale(book)

    # Instances that are older than the row

    def test_a_stale_save_of_a_ranked_row_keeps_the_newer_fingerprint(self) -> None:
        self.embedded()
        old = Book.objects.nearest("title").get()
        Book.objects.update(title="newer")
        generate(Book)
        old.save()  # writes the old title, and must not write the old fingerprint over the new
        stored = Book.objects.get()
        assert stored.title == "title"
        assert stored.embedding_fingerprint.endswith(content_digest("newer\ntext"))
        assert is_stale(stored)

    def test_a_vector_loaded_late_brings_the_fingerprint_stored_with_it(self) -> None:
        self.embedded()
        old = Book.objects.nearest("title").get()
        Book.objects.update(title="newer")
        generate(Book)
        assert old.embedding == Book.objects.get().embedding
        assert old.embedding_fingerprint == Book.objects.get().embedding_fingerprint
        old.save()
        assert is_stale(old)

    @skipUnless(django.VERSION >= (6, 1), "Django 6.1 brought fetch modes")
    def test_peers_load_their_vectors_with_their_fingerprints(self) -> None:
        for n in range(3):
            self.embedded(title=f"title {n}")
        modes: Any = models
        ranked: Any = Book.objects.nearest("title")
        rows = list(ranked.fetch_mode(modes.FETCH_PEERS))
        Book.objects.update(description="newer")
        generate(Book)
        with self.assertNumQueries(1):
            vectors = [row.embedding for row in rows]
        assert all(vectors)
        for row in rows:
            assert row.embedding_fingerprint == Book.objects.get(pk=row.pk).embedding_fingerprint
            row.save()
        assert Book.objects.stale().count() == 3
        blocked = list(ranked.fetch_mode(modes.FETCH_RAISE))
        with self.assertRaisesMessage(FieldError, "blocked"):
            _ = blocked[0].embedding

    def test_a_stale_save_of_a_whole_row_restores_a_true_pair(self) -> None:
        old = self.embedded()
        Book.objects.update(title="newer")
        generate(Book)
        old.save()
        assert not is_stale(old)
        assert Book.objects.get().embedding == old.embedding

    def test_saving_a_ranked_row_keeps_a_current_row_current(self) -> None:
        book = self.embedded()
        ranked = Book.objects.nearest("title").get()
        ranked.year = 1999
        ranked.save()
        assert not is_stale(book)
        assert ranked.embedding is not None
        ranked.save()
        assert not is_stale(book)

    def test_refreshing_and_copying_keep_a_row_current(self) -> None:
        book = self.embedded()
        book.refresh_from_db()
        book.save()
        book.refresh_from_db(fields=["embedding"])
        book.save()
        book.pk, book._state.adding = None, True
        book.save()
        assert Book.objects.count() == 2
        assert not Book.objects.stale().exists()

    def test_a_model_without_our_manager_is_checked_by_functions(self) -> None:
        post = Post.objects.create(text="p")
        assert list(stale(Post.objects.all())) == [post]
