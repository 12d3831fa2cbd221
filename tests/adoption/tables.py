"""Tables of models that exist in migrations only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

__all__ = ["APP", "Table"]

APP = "adoption_tests"


class Table:
    """One table, created by migrations, with the state that describes it."""

    def __init__(self, name: str = "Movie", using: str = "default") -> None:
        self.name = name
        self.using = using
        self.state = ProjectState()

    @property
    def connection(self) -> Any:
        return connections[self.using]

    @property
    def model(self) -> Any:
        return self.state.apps.get_model(APP, self.name)

    @property
    def rows(self) -> Any:
        return self.model._base_manager.using(self.using)

    @contextmanager
    def created(self, **fields: Any) -> Iterator[Table]:
        """The table, with `options` of its own, gone again afterwards."""
        options = fields.pop("options", {})
        if not any(field.primary_key for field in fields.values()) and "pk" not in fields:
            fields = {"id": models.BigAutoField(primary_key=True), **fields}
        self.apply(migrations.CreateModel(self.name, list(fields.items()), options))
        try:
            yield self
        finally:
            with self.connection.schema_editor() as editor:
                editor.delete_model(self.model)

    def apply(self, *operations: Operation, atomic: bool = True) -> list[ProjectState]:
        """Apply operations as a migration would; returns the states before each of them."""
        migration = self._migration(operations, atomic)
        states = [self.state]
        with self.connection.schema_editor(atomic=atomic) as editor:
            self.state = migration.apply(self.state.clone(), editor)
        return states

    def unapply(self, before: list[ProjectState], *operations: Operation) -> None:
        migration = self._migration(operations, True)
        with self.connection.schema_editor() as editor:
            migration.unapply(before[0].clone(), editor)
        self.state = before[0]

    def sql_of(self, *operations: Operation) -> str:
        """What `sqlmigrate` shows."""
        with self.connection.schema_editor(collect_sql=True) as editor:
            self._migration(operations, True).apply(self.state.clone(), editor, collect_sql=True)
        return "\n".join(editor.collected_sql)

    @staticmethod
    def _migration(operations: tuple[Operation, ...], atomic: bool) -> migrations.Migration:
        body = {"operations": list(operations), "atomic": atomic}
        kind: type[migrations.Migration] = type("Migration", (migrations.Migration,), body)
        return kind("0001_test", APP)

    def columns(self) -> dict[str, Any]:
        """Column name -> whether it may be NULL, as the database has it."""
        with self.connection.cursor() as cursor:
            described = self.connection.introspection.get_table_description(
                cursor, self.model._meta.db_table
            )
        return {column.name: bool(column.null_ok) for column in described}

    def constraints(self) -> dict[str, Any]:
        with self.connection.cursor() as cursor:
            found: dict[str, Any] = self.connection.introspection.get_constraints(
                cursor, self.model._meta.db_table
            )
        return found
