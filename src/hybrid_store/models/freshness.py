"""Which rows are current, stale or blank: predicates over the row as it is now.

One database expression renders the source. It is used to read the text that is embedded, to find
stale rows and to guard the write, so Python and SQL cannot disagree about the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, cast

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    F,
    Func,
    Model,
    Q,
    QuerySet,
    TextField,
    UUIDField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import MD5, Cast, Coalesce, Replace, Substr
from django.db.models.lookups import Exact

from hybrid_store.backends import vector_ops
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.models.fingerprint import CONTENT_START, content_digest
from hybrid_store.models.spaces import in_space
from hybrid_store.models.text_source import TextSource

__all__ = [
    "blank",
    "content",
    "content_stale",
    "is_blank",
    "is_stale",
    "renderable",
    "rendered_in_python",
    "rendering",
    "stale",
    "stale_rows",
]

SEPARATOR = "\n"
# What str.strip() strips: U+0009-000D, U+001C-0020 and the Unicode spaces.
WHITESPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
SCAN_CHUNK = 500
HOLDS = "_hybrid_store_holds"

ModelT = TypeVar("ModelT", bound=Model)


class Joined(Func):
    """Texts that are never NULL, one after the other."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = TextField()


class Trim(Func):
    """Without any of the given characters at both ends; Django's own `Trim` takes none."""

    function = "TRIM"
    output_field = TextField()
    arity = 2

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="BTRIM", **context)


class AsText(Cast):
    """A value as text, compared byte by byte whatever the collation of its column is."""

    def __init__(self, expression: Any) -> None:
        super().__init__(expression, TextField())

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Columns of two collations cannot be compared as one text.
        sql, params = super().as_postgresql(compiler, connection, **context)
        return f'{sql} COLLATE "C"', params


class IndexCondition(Func):
    """A condition that is the same in a query and in the partial index that serves it."""

    template = "(%(expressions)s)"
    output_field = BooleanField()
    arity = 1

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, Any]:
        sql, params = super().as_sql(compiler, connection, **context)
        return vector_ops(connection).inline(sql, params)


def rendering(source: TextSource) -> Combinable:
    """The text to embed, as a text expression over the model of `source`.

    Parts are joined by line breaks; NULL renders as ''. So does a row that `embed_if` leaves out.
    """
    parts: list[Any] = []
    for name in source.source_names:
        parts += [Value(SEPARATOR), _part(source, name)]
    text = Joined(*parts[1:])
    return text if source.embed_if is None else _case(source.embed_if, text, Value(""))


def _case(condition: Q, true: Any, false: Any) -> Case:
    """As WHERE does, the database takes NULL for false."""
    return Case(When(condition, then=true), default=false, output_field=true.output_field)


def _part(source: TextSource, name: str) -> Combinable:
    text: Combinable = AsText(F(name))
    if isinstance(source_field(source.model, name), UUIDField):
        # PostgreSQL writes hyphens, SQLite stores none.
        text = Replace(text, Value("-"), Value(""), output_field=TextField())
    return Coalesce(text, Value(""), output_field=TextField())


def source_field(model: type[Model], path: str) -> Any:
    """The model field that a source path ends in; raises `FieldDoesNotExist`."""
    *relations, last = path.split("__")
    for relation in relations:
        model = model._meta.get_field(relation).related_model  # type: ignore[assignment]
    return model._meta.get_field(last)


def content(source: TextSource) -> Combinable:
    """The content part of the fingerprint that the row should have now."""
    return MD5(rendering(source), output_field=CharField())


def blank(source: TextSource) -> Q:
    """Rows with nothing to embed: all parts are empty or whitespace."""
    return Q(Exact(Trim(rendering(source), Value(WHITESPACE)), Value("")))


def is_blank(text: str) -> bool:
    """The same for a text in Python."""
    return not text.strip(WHITESPACE)


def content_stale(field: EmbeddingField) -> Q:
    """Rows whose vector is not that of their text, in whatever space it is.

    A text without its vector, a vector of another text, or a vector without any text. Never NULL.
    """
    vector, stamp = f"{field.name}__isnull", f"{field.fingerprint_name}__isnull"
    digest = Substr(F(field.fingerprint_name), CONTENT_START)
    # Negating the comparison alone would lose rows: NOT NULL is NULL in SQL.
    changed = Q((vector, True)) | Q((stamp, True)) | ~Q(Exact(digest, content(field)))
    leftover = Q((vector, False)) | Q((stamp, False))
    return Q(IndexCondition(Case(When(blank(field), then=leftover), default=changed)))


def stale(field: EmbeddingField) -> Q:
    """Rows that need work: `content_stale`, or a text whose vector is of another space."""
    return content_stale(field) | (~in_space(field) & ~blank(field))


def stale_rows(queryset: QuerySet[Any], field: EmbeddingField) -> QuerySet[Any]:
    """The rows of `queryset` that need work.

    With a callable source no database can tell, so the rows are read and compared at once.
    """
    if callable(field.source):
        return queryset.filter(pk__in=list(_scanned(queryset, field)))
    return queryset.filter(stale(field))


def _scanned(queryset: QuerySet[Any], field: EmbeddingField) -> Iterator[Any]:
    rows = renderable(queryset, field).iterator(chunk_size=SCAN_CHUNK)
    return (row.pk for row in rows if is_stale(field, row))


def is_stale(field: EmbeddingField, row: Model) -> bool:
    """The same for a `renderable` row whose source is a callable."""
    text = rendered_in_python(field, row)
    expected = None if is_blank(text) else field.space_prefix + content_digest(text)
    has_vector = getattr(row, field.attname) is not None
    return getattr(row, field.fingerprint_name) != expected or has_vector != (expected is not None)


def renderable(queryset: QuerySet[ModelT], source: TextSource) -> QuerySet[ModelT]:
    """`queryset`, whose rows then say whether `embed_if` holds for them."""
    if source.embed_if is None:
        return queryset
    holds = _case(source.embed_if, Value(True), Value(False))
    return cast("QuerySet[ModelT]", queryset.annotate(**{HOLDS: holds}))


def rendered_in_python(source: TextSource, row: Model) -> str:
    """The text of a callable source for a row that was read through `renderable`."""
    if not callable(source.source):
        raise TypeError(f"{source.label} has no callable source.")
    if source.embed_if is not None and not getattr(row, HOLDS):
        return ""
    text = source.source(row)
    return "" if text is None else str(text)
