"""Any text goes the whole way from the row to the search, or is set aside with a reason."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any
from unittest import mock

import pytest
from django.db import DataError, connection, transaction
from django.db.models import F

from hybrid_store.exceptions import TextRefusedError
from hybrid_store.models import EmbeddingWork, freshness
from hybrid_store.models.embedding import embedding_field
from hybrid_store.models.fingerprint import content_digest
from hybrid_store.sync.generation import Generation
from hybrid_store.sync.report import Report
from hybrid_store.test.models import Book, Essay
from hybrid_store.test.watching import before_each_answer
from tests.durability.conftest import Manage
from tests.reliability.invariants import check_invariants

pytestmark = pytest.mark.django_db

SPACES = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]

TEXTS = {
    "right to left": "שלום עולם \u202e\u2067 مرحبا بالعالم",
    "emoji with joiners": "👩🏽\u200d🚀👨\u200d👩\u200d👧\u200d👦 ❤️\u200d🔥",
    "NFC": unicodedata.normalize("NFC", "Ångström café 각"),
    "NFD": unicodedata.normalize("NFD", "Ångström café 각"),
    "Korean": "우주에서 길을 잃은 승무원",
    "an invisible character": "\u200b",
    "a byte order mark": "\ufeff",
    "punctuation": "?!… ",
    "control characters": "\x01\x7f\x80",
    "no character": "\ufffe\uffff\U0010ffff",
    "private use": "\ue000\U000f0000",
    "surrounded by spaces": "".join(SPACES) + "text" + "".join(SPACES),
    "quotes and wildcards": "' \" \\ % _ %s {} $1 -- ; DROP TABLE",
    "10 MB": "우주에서길을잃은승무원" * 300_000,
}


def generate(model: Any, **options: Any) -> Report:
    return Generation(embedding_field(model), **options).run()


def found(model: Any, text: str) -> Any:
    return model.objects.nearest(text).values_list("pk", flat=True).first()


def digest_in_database(pk: int) -> str:
    digests = Book.objects.filter(pk=pk).values_list(freshness.content(embedding_field(Book)))
    return str(digests.get()[0])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_embedded_and_found(text: str) -> None:
    Book.objects.create(title="another", description="text")
    book = Book.objects.create(title="", description=text)
    assert generate(Book).embedded == 2
    assert check_invariants(Book).current >= {book.pk}
    assert digest_in_database(book.pk) == content_digest(f"\n{text}")
    assert found(Book, text) == book.pk
    assert generate(Book).done == 0


def test_every_space_of_unicode_is_blank() -> None:
    blanks = [*SPACES, "", "".join(SPACES)]
    Book.objects.bulk_create([Book(title=blank, description=blank) for blank in blanks])
    assert len(check_invariants(Book).blank) == len(blanks)
    assert generate(Book).done == 0


def test_a_text_that_was_blanked_is_cleared() -> None:
    Book.objects.bulk_create([Book(title="text", description=space) for space in SPACES])
    generate(Book)
    Book.objects.update(title=F("description"))
    assert generate(Book).cleared == len(SPACES)
    assert len(check_invariants(Book).blank) == len(SPACES)


def test_nul_is_embedded_where_the_database_takes_it() -> None:
    if connection.vendor == "postgresql":
        with pytest.raises((ValueError, DataError), match="NUL"), transaction.atomic():
            Book.objects.create(title="a\0b")
        assert not check_invariants(Book).all
        return
    books = [Book.objects.create(title=title) for title in ("a\0b", "a\0c", "\0", "a")]
    assert generate(Book).embedded == 4
    assert check_invariants(Book).current == {book.pk for book in books}
    for book in books:
        assert digest_in_database(book.pk) == content_digest(f"{book.title}\n")
    assert [found(Book, book.title) for book in books[:2]] == [book.pk for book in books[:2]]


def test_a_column_takes_no_lone_surrogate() -> None:
    with pytest.raises(UnicodeEncodeError), transaction.atomic():
        Book.objects.create(title="a \ud800 b")
    assert not check_invariants(Book).all


@contextmanager
def essays_of_json() -> Iterator[None]:
    """The words of essays are JSON, which can express what no column holds."""
    with mock.patch.object(embedding_field(Essay), "source", lambda row: json.loads(row.words)):
        yield


UNUSABLE = {
    "a lone surrogate": "a \ud800 b",
    "half of an emoji": "\ude80",
    "swapped": "\ude80\ud83d",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_callable_source_may_say_what_cannot_be_embedded(text: str, manage: Manage) -> None:
    """The row is set aside with the reason, and the others are embedded."""
    rows = [Essay.objects.create(words=json.dumps(said)) for said in ("one", text, "two", "a\0b")]
    with essays_of_json():
        report = generate(Essay)
        assert (report.embedded, report.failed) == (3, 1)
        rows_now = check_invariants(Essay)
        assert rows_now.failed == {rows[1].pk}
        assert "lone surrogate" in EmbeddingWork.objects.get().reason
        for name in ("vector_doctor", "verify_embeddings", "generate_embeddings"):
            assert manage(name).status in (0, 1)
        Essay.objects.filter(pk=rows[1].pk).update(words='"good"')
        assert generate(Essay).embedded == 1


@pytest.mark.django_db(transaction=True)
def test_a_search_for_what_cannot_be_embedded_is_refused(manage: Manage) -> None:
    Book.objects.create(title="text")
    generate(Book)
    with pytest.raises(TextRefusedError, match="lone surrogate"):
        list(Book.objects.nearest("a \ud800 b"))
    assert manage("semantic_search", "hybrid_store_test.Book", "a \ud800 b").status == 1
    assert found(Book, "a \0 b") is not None


@pytest.mark.parametrize("words", ["a \0 b", "a \ud800 b", "b" * 100_000, "", "\n\n"], ids=ascii)
def test_a_reason_may_be_any_text(words: str) -> None:
    """Providers repeat the text that they refuse."""
    Book.objects.bulk_create([Book(title=title) for title in ("one", "bad", "two")])

    def refuse(texts: Any) -> None:
        if "bad\n" in texts:
            raise TextRefusedError(words)

    with before_each_answer(refuse):
        assert generate(Book).failed == 1
    assert len(check_invariants(Book).failed) == 1


# Much that looks alike, or is alike to one database and not to another.
ALIKE = [
    "",
    " ",
    "a",
    "A",
    "a ",
    " a",
    "\u00e1",
    "a\u0301",
    "ss",
    "ß",
    "s",
    "\u017f",
    "i",
    "\u0130",
    "\u0131",
    "\u00a0",
    "\u200b",
    "a\u200b",
    "\ufeffa",
    "a\n",
    "\uff41",
    "01",
    "1",
]


def test_an_edit_is_noticed_unless_it_changes_nothing() -> None:
    pairs = list(product(ALIKE, ALIKE))
    books = Book.objects.bulk_create([Book(title=before) for before, _ in pairs])
    generate(Book)
    for book, (_, after) in zip(books, pairs, strict=True):
        book.title = after
    Book.objects.bulk_update(books, ["title"])
    rows = check_invariants(Book, earlier=[f"{text}\n" for text in ALIKE])
    edited = {
        book.pk
        for book, (before, after) in zip(books, pairs, strict=True)
        if before != after and (before.strip() or after.strip())
    }
    assert rows.stale == edited
    generate(Book)
    assert not check_invariants(Book).stale
