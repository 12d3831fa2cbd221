"""`StaleIndex`, for `Meta.indexes`: the work queue of an embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.db import connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models import Model
from django.db.models.signals import class_prepared
from django.db.models.sql import Query
from django.dispatch import receiver

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import BaseVectorOperations
from hybrid_store.exceptions import InvalidIndexError
from hybrid_store.models.embedding import EmbeddingField, embedding_fields
from hybrid_store.models.freshness import content_stale
from hybrid_store.models.indexes import FieldIndex
from hybrid_store.models.paths import elsewhere, fields_read

__all__ = ["StaleIndex"]


class StaleIndex(FieldIndex):
    """An index of the rows whose vector does not match their text, in order of primary key.

    `StaleIndex("embedding", name="movie_stale")`. On PostgreSQL a partial index: the rows to embed
    are found in time that depends on their number, not on the table's. SQLite reads the table. The
    source must be in columns of the model's own table.

    `made_of` is what the condition of the index depends on. Models fill it in and migrations carry
    it, so that `makemigrations` finds an index whose field has another source today.
    """

    suffix = "stl"
    takes = "EmbeddingField"
    called = "stale index"

    def __init__(
        self,
        *field: str,
        fields: Sequence[str] = (),
        name: str | None = None,
        made_of: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(*field, fields=fields, name=name)
        self.made_of = made_of

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "made_of": self.made_of} if self.made_of else kwargs

    def is_made(self, ops: BaseVectorOperations, model: type[Model]) -> bool:
        return ops.supports_stale_index

    def embedding(self, model: type[Model]) -> EmbeddingField:
        """The field of a model; raises `InvalidIndexError` where it can have no such index."""
        [name] = self.fields
        field = model._meta.get_field(name)
        if not isinstance(field, EmbeddingField):
            raise InvalidIndexError(f"StaleIndex {self.name!r}: {name!r} is no EmbeddingField.")
        if callable(field.source):
            raise InvalidIndexError(
                f"StaleIndex {self.name!r}: the source of {name!r} is a callable, which no "
                "database can run."
            )
        for path in elsewhere(field):
            raise InvalidIndexError(
                f"StaleIndex {self.name!r}: {path!r}, on which {name!r} depends, is in another "
                "table, and an index sees no changes there."
            )
        return field

    def create_sql(
        self,
        model: type[Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        if not self.is_made(vector_ops(schema_editor.connection), model):
            return self.nothing(model)
        statement: Statement = cast("Any", schema_editor)._create_index_sql(
            model,
            fields=model._meta.pk_fields,
            name=self.name,
            condition=condition_sql(self.embedding(model), schema_editor),
            **kwargs,
        )
        return statement

    def is_usable(self, model: type[Model], using: str) -> bool:
        """Does the database have this index, valid and with the condition that queries ask for?

        Raises `DatabaseError` where the table is not as the model says. True where the database
        makes no such index.
        """
        ops = vector_ops(connections[using])
        if not self.is_made(ops, model):
            return True
        rows = model._base_manager.using(using).filter(content_stale(self.embedding(model)))
        return ops.uses_index(rows.order_by().values("pk"), self.name)


def condition_sql(field: EmbeddingField, schema_editor: Any) -> str:
    """`content_stale` as it stands in DDL."""
    query = Query(field.model, alias_cols=False)
    where, _ = query.build_filter(content_stale(field))
    compiler = query.get_compiler(connection=schema_editor.connection)
    sql, params = where.as_sql(compiler, schema_editor.connection)
    return str(sql % tuple(schema_editor.quote_value(param) for param in params))


def ingredients(field: EmbeddingField) -> dict[str, Any]:
    """What `content_stale` depends on: the source, the condition, the types of their columns."""
    types = {column.name: column.get_internal_type() for column in fields_read(field)}
    condition = {} if field.embed_if is None else {"embed_if": field.embed_if}
    return {"source": field.source_names, **condition, "columns": types}


@receiver(class_prepared)
def _note_ingredients(sender: type[Model], **kwargs: Any) -> None:
    """A historical model's index keeps what its migration says."""
    if sender.__module__ == "__fake__":
        return
    fields = {field.name: field for field in embedding_fields(sender)}
    for index in sender._meta.indexes:
        if isinstance(index, StaleIndex) and index.fields[0] in fields:
            index.made_of = ingredients(fields[index.fields[0]])
