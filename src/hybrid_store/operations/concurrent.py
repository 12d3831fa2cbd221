"""Building and removing indexes while rows are read and written."""

from __future__ import annotations

from typing import Any

from django.db import NotSupportedError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState

from hybrid_store.backends import BaseVectorOperations, vector_ops

__all__ = ["AddVectorIndexConcurrently", "RemoveVectorIndexConcurrently"]

PUBLIC = "hybrid_store.operations"
"""The module that migrations name."""


class _Concurrent:
    """What both operations share: they run outside a transaction where that is possible."""

    atomic = False

    def _ops(self, schema_editor: BaseDatabaseSchemaEditor) -> BaseVectorOperations:
        ops = vector_ops(schema_editor.connection)
        if ops.builds_concurrently and schema_editor.connection.in_atomic_block:
            raise NotSupportedError(
                f"{type(self).__name__} cannot run within a transaction: set atomic = False on "
                "the migration."
            )
        return ops

    def _add(self, model: Any, index: Any, schema_editor: Any) -> None:
        ops = self._ops(schema_editor)
        if not ops.builds_concurrently:
            schema_editor.add_index(model, index)
            return
        # Else what a failed attempt has left would stand in the way of this one.
        ops.drop_invalid_index(schema_editor, index.name)
        schema_editor.add_index(model, index, concurrently=True)

    def _remove(self, model: Any, index: Any, schema_editor: Any) -> None:
        options = {"concurrently": True} if self._ops(schema_editor).builds_concurrently else {}
        schema_editor.remove_index(model, index, **options)


class AddVectorIndexConcurrently(_Concurrent, AddIndex):
    """Build a `VectorIndex` while rows are read and written, in place of `AddIndex`.

    The migration needs `atomic = False`. It can be repeated after a build that has failed. Where a
    database cannot do this, the index is made as `AddIndex` makes it.
    """

    __module__ = PUBLIC

    def describe(self) -> str:
        return f"Concurrently {super().describe()[:1].lower()}{super().describe()[1:]}"

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._add(model, self.index, schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._remove(model, self.index, schema_editor)


class RemoveVectorIndexConcurrently(_Concurrent, RemoveIndex):
    """Remove a `VectorIndex` while rows are read and written, in place of `RemoveIndex`."""

    __module__ = PUBLIC

    def describe(self) -> str:
        return f"Concurrently {super().describe()[:1].lower()}{super().describe()[1:]}"

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._remove(model, self._index(from_state, app_label), schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            self._add(model, self._index(to_state, app_label), schema_editor)

    def _index(self, state: ProjectState, app_label: str) -> Any:
        return state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
