"""`embedded_by`: vectors that the field's embedder made elsewhere count as its embeddings.

The text of new rows is rendered by the expression that finds stale ones: over the rows before they
are written where the database can, else over the stored ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Case, CharField, IntegerField, Model, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.sql.datastructures import BaseTable

from hybrid_store.backends import vector_ops
from hybrid_store.backends.inserts import Values
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.embedders import embedders
from hybrid_store.exceptions import AdoptionError
from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField, embedding_field
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.fingerprint import content_digest
from hybrid_store.models.keys import key_text
from hybrid_store.models.paths import fields_read
from hybrid_store.models.rows import fields_of

__all__ = ["Stamp", "stamps"]

ALIAS = "hybrid_store_"
BASE = f"{ALIAS}0"
# Keys that one statement compares with.
CHUNK = 500


def stamps(model: type[Model], embedded_by: Any, using: str) -> list[Stamp]:
    """The embeddings that are said to be made by their own embedders.

    Raises `UnknownFieldError`, and `AdoptionError` for an embedder of another space.
    """
    if embedded_by is None:
        return []
    said = embedded_by if isinstance(embedded_by, Mapping) else {None: embedded_by}
    fields = {embedding_field(model, name): made_by for name, made_by in said.items()}
    for field, made_by in fields.items():
        _check(field, made_by)
    return [Stamp(field, using) for field in fields]


def _check(field: EmbeddingField, made_by: str) -> None:
    space = embedders[made_by].space if made_by in embedders else made_by
    if space != field.space:
        raise AdoptionError(
            f"{field.label}: the vectors are said to belong to the space {space!r}, but the "
            f"embedder {field.embedder_alias!r} makes vectors of {field.space!r}. Name that "
            "embedder, or leave embedded_by out."
        )


class GivenRows(BaseTable):
    """The base table of a query, with rows that are given in place of the stored ones."""

    def __init__(self, table_name: str, alias: str, source: tuple[str, list[Any]]) -> None:
        super().__init__(table_name, alias)
        self.source = source

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        sql, params = self.source
        return f"{sql} {self.table_alias}", tuple(params)


@dataclass(frozen=True)
class Stamp:
    """Makes the fingerprints of one embedding for new rows."""

    field: EmbeddingField
    using: str

    @property
    def companion(self) -> Any:
        return self.field.model._meta.get_field(self.field.fingerprint_name)

    @property
    def rows(self) -> QuerySet[Any]:
        return QuerySet(self.field.model, using=self.using)

    def of_given(self, columns: Mapping[str, Values]) -> list[str | None] | None:
        """Fingerprints for rows before they are written; None where they cannot be told yet.

        `columns` are all columns by their names. A row without text has no fingerprint.
        """
        if callable(self.field.source):
            return None
        read: dict[str, Any] = {
            field.column: columns[field.column] for field in self._fields_read()
        }
        table = self.field.model._meta.db_table
        source = vector_ops(connections[self.using]).given_rows(table, read)
        if source is None:
            return None
        place = RawSQL(f"{BASE}.hybrid_store_place", (), IntegerField())  # noqa: S611
        found = self.rows.values_list(place, self._expected())
        query: Any = found.query
        query.change_aliases({name: f"{ALIAS}{n}" for n, name in enumerate(query.alias_map)})
        query.alias_map[BASE] = GivenRows(table, BASE, source)
        return [stamp for _, stamp in sorted(found)]

    def _fields_read(self) -> Iterator[Any]:
        """What the text may depend on: a condition may name fields in many ways."""
        named = [*fields_read(self.field), *self.field.model._meta.pk_fields]
        for field in fields_of(self.field.model):
            may_be_read = self.field.embed_if is not None and not isinstance(field, BaseVectorField)
            if field in named or may_be_read:
                yield field

    def _expected(self) -> Case:
        prefix: Any = Value(self.field.space_prefix)
        stamp = freshness.Joined(prefix, freshness.content(self.field))
        blank = When(freshness.blank(self.field), then=Value(None))
        return Case(blank, default=stamp, output_field=CharField())

    def write(self, keys: Sequence[Any]) -> list[str | None]:
        """Stamp the stored rows with these keys that have a vector and a text: their stamps."""
        stamped: dict[Any, str] = {}
        for start in range(0, len(keys), CHUNK):
            rows = self.rows.filter(pk__in=keys[start : start + CHUNK])
            stamped |= self._of_stored(rows.filter(**{f"{self.field.name}__isnull": False}))
        if stamped:
            self._update(stamped)
        model = self.field.model
        by_text = {key_text(model, key): stamp for key, stamp in stamped.items()}
        return [by_text.get(key_text(model, key)) for key in keys]

    def _of_stored(self, rows: QuerySet[Any]) -> dict[Any, str]:
        if not callable(self.field.source):
            found = rows.values_list("pk", self._expected())
            return {key: stamp for key, stamp in found if stamp is not None}
        readable = freshness.renderable(rows.defer(self.field.name), self.field)
        texts = {row.pk: freshness.rendered_in_python(self.field, row) for row in readable}
        return {
            key: self.field.space_prefix + content_digest(text)
            for key, text in texts.items()
            if not freshness.is_blank(text)
        }

    def _update(self, stamped: Mapping[Any, str]) -> None:
        connection, meta = connections[self.using], self.field.model._meta
        update = RowUpdate(
            table=meta.db_table,
            columns=[Column.of(self.companion, connection)],
            keys=[Column.of(key, connection) for key in meta.pk_fields],
        )
        rows = []
        for key, stamp in stamped.items():
            parts = zip(meta.pk_fields, key if len(meta.pk_fields) > 1 else [key], strict=True)
            rows.append((stamp, *(f.get_db_prep_value(part, connection) for f, part in parts)))
        vector_ops(connection).update_rows(update, rows)
