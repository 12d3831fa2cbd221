"""The guarded UPDATE that stores an embedding, compiled once for many rows.

Django spends many times longer on building the statement than a database on executing it.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import connections
from django.db.models import CharField, Expression, Field, Q
from django.db.models.lookups import Exact
from django.db.models.sql import UpdateQuery

from hybrid_store.models import freshness
from hybrid_store.models.embedding import EmbeddingField
from hybrid_store.vectors import Vector

__all__ = ["GuardedUpdate"]


class Slot(Expression):
    """A place in a statement for a value that differs from row to row."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, list[Any]]:
        placeholder = getattr(self.output_field, "get_placeholder", None)
        sql = placeholder(None, compiler, connection) if placeholder else "%s"
        return sql, [self]

    def bound(self, values: dict[str, Any], connection: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], connection)


class GuardedUpdate:
    """`UPDATE ... SET vector, fingerprint WHERE pk AND <digest of the row's text now>`."""

    def __init__(self, field: EmbeddingField, using: str) -> None:
        self.field = field
        self.prefix = field.space_prefix
        self.connection = connections[using]
        self.keys = field.model._meta.pk_fields
        query = field.model._base_manager.using(using).filter(self._guard()).query
        update = cast(UpdateQuery, query.chain(UpdateQuery))
        update.add_update_values(self._values())
        self.sql, self.params = update.get_compiler(using).as_sql()

    def _guard(self) -> Q:
        same_text = Exact(freshness.content(self.field), Slot("content", CharField()))
        keys = {key.attname: Slot(key.attname, _column(key)) for key in self.keys}
        return Q(**keys) & Q(same_text)

    def _values(self) -> dict[str, Slot]:
        fields = (self.field, self.field.model._meta.get_field(self.field.fingerprint_name))
        return {field.name: Slot(field.name, cast(Any, field)) for field in fields}

    def execute(self, cursor: Any, pk: Any, content: str, vector: Vector | None) -> bool:
        """Store a vector, None to clear it; False if the row has changed or gone."""
        parts = pk if len(self.keys) > 1 else (pk,)
        values = {
            **{key.attname: part for key, part in zip(self.keys, parts, strict=True)},
            "content": content,
            self.field.name: vector,
            self.field.fingerprint_name: None if vector is None else self.prefix + content,
        }
        cursor.execute(self.sql, [self._bound(param, values) for param in self.params])
        return bool(cursor.rowcount)

    def _bound(self, param: Any, values: dict[str, Any]) -> Any:
        return param.bound(values, self.connection) if isinstance(param, Slot) else param


def _column(key: Any) -> Any:
    """The field whose values a key column holds: for a parent link, the parent's key."""
    return key.target_field if key.is_relation else key
