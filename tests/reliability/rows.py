"""Rows to embed."""

from __future__ import annotations

from hybrid_store.test.models import Book

__all__ = ["LABEL", "make_books", "texts_of_books"]

LABEL = "hybrid_store_test.Book"


def make_books(count: int) -> list[str]:
    """Create so many books; returns the texts that have to be embedded, all different."""
    Book.objects.bulk_create([Book(title=f"title {n}") for n in range(count)])
    return texts_of_books()


def texts_of_books() -> list[str]:
    found = Book.objects.order_by("pk").values_list("title", "description")
    return ["\n".join(parts) for parts in found]
