"""Building and removing indexes while rows are read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import NotSupportedError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from hybrid_store.backends import vector_ops

if TYPE_CHECKING:
    Base = Operation
else:
    Base = object

__all__ = ["AddVectorIndexConcurrently", "RemoveVectorIndexConcurrently"]

PUBLIC = "hybrid_store.operations"
"""The module that migrations name."""


class _Concurrent(Base):
    """What both operations share: they run outside a transaction where that is possible."""

    atomic = False
    adds: ClassVar[bool]
    model_name: str
    model_name_lower: str

    @property
    def index_name(self) -> str:
        raise NotImplementedError

    def describe(self) -> str:
        description = super().describe()
        return f"Concurrently {description[:1].lower()}{description[1:]}"

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        state = to_state if self.adds else from_state
        self._change(app_label, schema_editor, state, add=self.adds)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        state = from_state if self.adds else to_state
        self._change(app_label, schema_editor, state, add=not self.adds)

    def _change(self, app_label: str, schema_editor: Any, state: ProjectState, add: bool) -> None:
        """Add or remove the index, which is in `state`."""
        model = state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        index = state.models[app_label, self.model_name_lower].get_index_by_name(self.index_name)
        ops = vector_ops(schema_editor.connection)
        if ops.builds_concurrently and schema_editor.connection.in_atomic_block:
            raise NotSupportedError(
                f"{type(self).__name__} cannot run within a transaction: set atomic = False on "
                "the migration."
            )
        if add:
            # Else what a failed attempt has left would stand in the way of this one.
            ops.drop_invalid_index(schema_editor, index.name)
        options = {"concurrently": True} if ops.builds_concurrently else {}
        (schema_editor.add_index if add else schema_editor.remove_index)(model, index, **options)


class AddVectorIndexConcurrently(_Concurrent, AddIndex):
    """Build a `VectorIndex` while rows are read and written, in place of `AddIndex`.

    The migration needs `atomic = False`. It can be repeated after a build that has failed. Where a
    database cannot do this, the index is made as `AddIndex` makes it.
    """

    __module__ = PUBLIC
    adds = True

    @property
    def index_name(self) -> str:
        return str(self.index.name)


class RemoveVectorIndexConcurrently(_Concurrent, RemoveIndex):
    """Remove a `VectorIndex` while rows are read and written, in place of `RemoveIndex`."""

    __module__ = PUBLIC
    adds = False

    @property
    def index_name(self) -> str:
        return str(self.name)
