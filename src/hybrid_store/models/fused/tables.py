"""Tables that are joined to the rows of a query by their primary key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from django.db.models import Field, FloatField, IntegerField, Model, TextField
from django.db.models.expressions import Expression
from django.db.models.sql import Query
from django.db.models.sql.constants import INNER, LOUTER

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import Ranked
from hybrid_store.models.search_expressions import quoted_name

__all__ = ["FIELDS", "Column", "Hit", "KeyTable", "Rows", "SettledHits", "WordRanks", "key_names"]


class Rows(Protocol):
    """What a table is made of."""

    def table_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        """A table for a FROM clause, in parentheses; its columns `key0` and so on are the key."""


def key_names(model: type[Model]) -> list[str]:
    """The columns of a `KeyTable`'s primary key."""
    return [f"key{place}" for place in range(len(model._meta.pk_fields))]


class KeyTable:
    """One of the joins in a query's `alias_map`, as Django wants them to be."""

    nullable = False
    filtered_relation = None

    def __init__(self, name: str, parent_alias: str, model: type[Model], rows: Rows) -> None:
        self.table_name = self.table_alias = name
        self.parent_alias = parent_alias
        self.join_type: str = INNER
        self.keys = [str(key.column) for key in model._meta.pk_fields]
        self.rows = rows

    @classmethod
    def join(cls, query: Query, name: str, rows: Rows) -> None:
        """Join a table to the rows of a query."""
        model = cast("type[Model]", query.model)
        table: Any = cls(name, query.get_initial_alias(), model, rows)
        query.alias_map[name] = table
        query.alias_refcount[name] = 1
        query.table_map[name] = [name]

    def leave(self, query: Query) -> None:
        """Undo `join`, whatever the alias is now."""
        del query.alias_map[self.table_alias], query.alias_refcount[self.table_alias]
        query.table_map.pop(self.table_name, None)

    def of(self, rows: Rows) -> KeyTable:
        """The same join with another table."""
        changed = copy(self)
        changed.rows = rows
        return changed

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        sql, params = self.rows.table_sql(compiler, connection)
        own, parent = (quoted_name(compiler, a) for a in (self.table_alias, self.parent_alias))
        quote = connection.ops.quote_name
        same = " AND ".join(
            f"{own}.key{place} = {parent}.{quote(key)}" for place, key in enumerate(self.keys)
        )
        return f"{self.join_type} {sql} {own} ON ({same})", list(params)

    def relabeled_clone(self, change_map: Mapping[str, str]) -> KeyTable:
        clone = copy(self)
        clone.parent_alias = change_map.get(self.parent_alias, self.parent_alias)
        clone.table_alias = change_map.get(self.table_alias, self.table_alias)
        return clone

    def promote(self) -> KeyTable:
        return self._joined(LOUTER)

    def demote(self) -> KeyTable:
        return self._joined(INNER)

    def _joined(self, join_type: str) -> KeyTable:
        changed = copy(self)
        changed.join_type = join_type
        return changed

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


FIELDS: Mapping[str, type[Field[Any, Any]]] = {
    "place": IntegerField,
    "score": FloatField,
    "strict": IntegerField,
    "vector_rank": IntegerField,
    "text_rank": IntegerField,
    "distance": FloatField,
    "similarity": FloatField,
    # The key of any model, as text.
    "passage": TextField,
}


class Column(Expression):
    """One of the columns of a `KeyTable`."""

    def __init__(self, alias: str, name: str) -> None:
        super().__init__(output_field=FIELDS[name](null=True))
        self.alias = alias
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return f"{quoted_name(compiler, self.alias)}.{self.name}", []

    def relabeled_clone(self, change_map: Mapping[str, str]) -> Column:
        clone = copy(self)
        clone.alias = change_map.get(self.alias, self.alias)
        return clone

    def get_group_by_cols(self) -> list[Any]:
        return [self]


@dataclass
class Hit:
    """A row that a search has found: its primary key, score, and values by name of a column."""

    key: Any
    score: float
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WordRanks:
    """Documents ranked by an index of words."""

    ranked: Ranked

    def table_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        return self.ranked.sql, self.ranked.params


@dataclass(frozen=True)
class SettledHits:
    """Hits in order, as one JSON parameter."""

    model: type[Model]
    names: Sequence[str]
    hits: Sequence[Hit]

    def table_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        keys = self.model._meta.pk_fields
        types = [str(key.rel_db_type(connection)) for key in keys]
        columns = dict(zip(key_names(self.model), types, strict=True))
        for name in ("place", "score", *self.names):
            columns[name] = str(FIELDS[name]().db_type(connection))
        rows = [
            [*_prepared(keys, hit.key, connection), place, hit.score, *self._values(hit)]
            for place, hit in enumerate(self.hits, 1)
        ]
        return vector_ops(connection).json_table(columns), [json.dumps(rows, default=str)]

    def _values(self, hit: Hit) -> Iterable[Any]:
        return (hit.values.get(name) for name in self.names)


def _prepared(keys: Sequence[Any], key: Any, connection: Any) -> list[Any]:
    parts = key if len(keys) > 1 else (key,)
    return [
        field.get_db_prep_value(part, connection) for field, part in zip(keys, parts, strict=True)
    ]
