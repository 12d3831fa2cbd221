"""Equal texts are paid for once in a run, in whatever rows, batches and calls they are."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.test.conformance.base import generate
from hybrid_store.test.models import Book, Essay
from tests.embedders.fake_openai import FakeOpenAI
from tests.reliability.invariants import check_invariants, check_paid
from tests.reliability.rows import texts_of_books

pytestmark = pytest.mark.django_db

# Titles and descriptions of which many together give the same text, and some give none.
PARTS = st.sampled_from(
    ["", " ", "\t\n", "\u2003", "a", "a ", "b", "a\nb", "\na", "e\u0301", "\u00e9"]
)
ROWS = st.lists(st.tuples(PARTS, PARTS), max_size=40)
SIZES = st.integers(1, 8)
WORKERS = st.sampled_from([1, 1, 3])

few = hypothesis.settings(max_examples=max(10, hypothesis.settings().max_examples // 4))


@few
@given(rows=ROWS, batch_size=SIZES, workers=WORKERS)
def test_equal_texts_are_paid_for_once(
    asked: FakeOpenAI, rows: list[tuple[str, str]], batch_size: int, workers: int
) -> None:
    Book.objects.all().delete()
    asked.answered.clear()
    Book.objects.bulk_create([Book(title=title, description=text) for title, text in rows])
    report = generate(Book, batch_size=batch_size, workers=workers)
    texts = texts_of_books()
    said = [text for text in texts if text.strip()]
    check_paid(asked.answered, said)
    assert report.embedded == len(said)
    assert report.texts == len(set(said))
    found = check_invariants(Book)
    assert (len(found.current), len(found.blank)) == (len(said), len(texts) - len(said))


@few
@given(
    rows=ROWS.filter(bool), edits=st.lists(st.tuples(PARTS, PARTS)), limit=SIZES, batch_size=SIZES
)
def test_so_are_those_of_rows_that_were_edited(
    asked: FakeOpenAI,
    rows: list[tuple[str, str]],
    edits: list[tuple[str, str]],
    limit: int,
    batch_size: int,
) -> None:
    """Old vectors, blanks to clear and vectors to copy side by side; and nothing beyond a limit."""
    Book.objects.all().delete()
    books = Book.objects.bulk_create([Book(title=title, description=text) for title, text in rows])
    generate(Book, batch_size=batch_size)
    earlier = texts_of_books()
    for book, (title, text) in zip(books, edits, strict=False):
        Book.objects.filter(pk=book.pk).update(title=title, description=text)
    asked.answered.clear()
    stale = Book.objects.stale().count()
    report = generate(Book, batch_size=batch_size, limit=limit)
    assert report.done == min(stale, limit)
    assert len(asked.answered) == len(set(asked.answered)) == report.texts <= limit
    check_invariants(Book, earlier=earlier)
    generate(Book, batch_size=batch_size)
    assert check_invariants(Book).stale == set()


def test_a_callable_source_pays_once_too(asked: FakeOpenAI) -> None:
    Essay.objects.bulk_create([Essay(words=words) for words in ("a,b", "A,B", " ", "c") * 5])
    assert generate(Essay, batch_size=2, workers=2).embedded == 15
    check_paid(asked.answered, ["A B", "C"])
    assert len(check_invariants(Essay).blank) == 5
