"""Which rows have passages that are not those of their text as it is now.

Every passage carries the fingerprint of the text that it was made of. A row is split if all its
passages carry the one of its text, and are as many as were made of it; a row without text, if it
has none. The text is rendered as it is for embeddings: see `freshness`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, cast

from django.db.models import (
    Case,
    Count,
    F,
    Max,
    Min,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from hybrid_store.models import freshness
from hybrid_store.models.chunks import PARENT, Chunking
from hybrid_store.models.fingerprint import content_digest

__all__ = ["MADE_OF", "expected", "rows_of", "unsplit"]

ModelT = TypeVar("ModelT", bound=Model)

MADE_OF = "_hybrid_store_made_of"
"""Annotation: the fingerprint of the text that a row's passages were made of."""
EXPECTED = "_hybrid_store_expected"
NONE = ""
DIFFERENT = "different"
"""Of passages that do not belong together."""
SCAN_CHUNK = 500

# Of the passages of one row; the names are none that a model has.
FIRST, LAST, TOTAL, COUNT = (
    f"_hybrid_store_{name}" for name in ("first", "last", "total", "count")
)
FOUND = {
    FIRST: Min("source_fingerprint"),
    LAST: Max("source_fingerprint"),
    TOTAL: Min("total"),
    COUNT: Count("*"),
}


def unsplit(queryset: QuerySet[ModelT], chunking: Chunking) -> QuerySet[ModelT]:
    """The rows of `queryset`, parents of passages, that have others than those of their text.

    With a callable source no database can tell, so the rows are read and compared at once.
    """
    if callable(chunking.source):
        return queryset.filter(pk__in=[row.pk for row in scanned(queryset, chunking)])
    due = {EXPECTED: _expected(chunking), MADE_OF: _made_of(chunking)}
    rows = queryset.alias(**due).exclude(**{MADE_OF: F(EXPECTED)})
    return cast("QuerySet[ModelT]", rows)


def scanned(queryset: QuerySet[Any], chunking: Chunking) -> Iterator[Any]:
    """The same for a callable source, as rows that were read through `rows_of`."""
    rows = rows_of(queryset, chunking).iterator(chunk_size=SCAN_CHUNK)
    return (row for row in rows if is_unsplit(chunking, row))


def rows_of(queryset: QuerySet[ModelT], chunking: Chunking) -> QuerySet[ModelT]:
    """`queryset`, whose rows then say what their passages were made of."""
    return cast("QuerySet[ModelT]", queryset.annotate(**{MADE_OF: _made_of(chunking)}))


def is_unsplit(chunking: Chunking, row: Model) -> bool:
    text = freshness.rendered_in_python(chunking.text, row)
    return bool(getattr(row, MADE_OF) != expected(chunking, text, content_digest(text)))


def expected(chunking: Chunking, text: str, content: str) -> str:
    """What the passages of a text have to be made of; `content` is its digest by the database."""
    return NONE if freshness.is_blank(text) else chunking.prefix + content


def _expected(chunking: Chunking) -> Combinable:
    """The same in SQL."""
    text = chunking.text
    fingerprint = freshness.Joined(Value(chunking.prefix), freshness.content(text))
    return Case(
        When(freshness.blank(text), then=Value(NONE)), default=fingerprint, output_field=TextField()
    )


def _made_of(chunking: Chunking) -> Combinable:
    """The fingerprint that all passages of a row carry, if they are as many as they say."""
    of_row = chunking.model._base_manager.filter(**{PARENT: OuterRef("pk")}).order_by()
    agree = When(**{FIRST: F(LAST), TOTAL: F(COUNT)}, then=F(FIRST))
    found = (
        of_row.values(PARENT).annotate(**FOUND).values_list(Case(agree, default=Value(DIFFERENT)))
    )
    return Coalesce(Subquery(found), Value(NONE), output_field=TextField())
