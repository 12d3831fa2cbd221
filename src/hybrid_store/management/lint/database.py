"""The columns of a database that may hold vectors, and samples of what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import Field, Model, QuerySet

from hybrid_store.backends import BaseVectorOperations, vector_ops
from hybrid_store.backends.indexes import StoredIndex
from hybrid_store.management.lint.project import DeclaredField, Project
from hybrid_store.management.lint.sampling import sample
from hybrid_store.management.lint.vectors import READERS, Held, Reader, hold

__all__ = ["Column", "Database"]

PROBED = 20

AnyField: TypeAlias = "Field[Any, Any]"


@dataclass(frozen=True)
class Column:
    """A column in the table of `model`, and how its values are read as vectors."""

    model: type[Model]
    field: AnyField
    read: Reader

    @property
    def label(self) -> str:
        return f"{self.model._meta.db_table}.{self.field.column}"

    @property
    def kind(self) -> str:
        return type(self.field).__name__


class Database:
    """One database of a project. `size` is the most rows to read of a table, `seconds` the most
    that a statement may take."""

    def __init__(
        self, alias: str, models: Iterable[type[Model]], project: Project, size: int, seconds: float
    ) -> None:
        self.connection = connections[alias]
        self.project = project
        self.size = size
        self.seconds = seconds
        self._wanted = list(models)
        self._held: dict[Column, Held | None] = {}
        self._indexes: dict[type[Model], list[StoredIndex]] = {}

    @property
    def ops(self) -> BaseVectorOperations:
        return vector_ops(self.connection)

    @contextmanager
    def examining(self) -> Iterator[None]:
        """Nothing is written within, and no statement takes longer than it may."""
        with self.ops.examining(self.seconds):
            yield

    def rows(self, model: type[Model]) -> QuerySet[Any]:
        return model._base_manager.using(self.connection.alias)

    @cached_property
    def models(self) -> list[type[Model]]:
        """Those that have a table here."""
        tables = self.ops.existing({model._meta.db_table for model in self._wanted})
        return [model for model in self._wanted if model._meta.db_table in tables]

    @cached_property
    def columns(self) -> list[Column]:
        return [
            Column(model, field, read)
            for model in self.models
            for field in model._meta.local_concrete_fields
            if (read := _reader(field)) is not None
        ]

    def held(self, column: Column) -> Held | None:
        """What a sample of the rows hold; None for no vectors. Read once."""
        if column not in self._held:
            name = column.field.name
            rows = self.rows(column.model).filter(**{f"{name}__isnull": False})
            # Other tables have large values too, of which few are enough to see that.
            is_probed = any(column.read(value) for _, value in sample(rows, PROBED, name))
            read = sample(rows, self.size, name) if is_probed else []
            self._held[column] = hold(read, column.read)
        return self._held[column]

    def indexes(self, column: Column) -> list[StoredIndex]:
        """The approximate ones over a column. Each table is asked for its own once."""
        if column.model not in self._indexes:
            self._indexes[column.model] = self.ops.stored_indexes(column.model)
        stored = self._indexes[column.model]
        return [index for index in stored if index.column == column.field.column]

    def declared(self, column: Column) -> DeclaredField | None:
        return self.project.declared(column.model, column.field.name)


def _reader(field: AnyField) -> Reader | None:
    """By the classes that a field's class inherits from, so that none has to be installed."""
    names = (kind.__name__ for kind in type(field).__mro__)
    return next((READERS[name] for name in names if name in READERS), None)
