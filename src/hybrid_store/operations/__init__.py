"""Migration operations: extension, conversion, switch of embeddings, concurrent indexes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RemoveField, RenameField
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ProjectState

from hybrid_store.backends import vector_ops
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.operations.advice import advice
from hybrid_store.operations.blobs import DTYPES
from hybrid_store.operations.columns import ColumnChange
from hybrid_store.operations.concurrent import (
    AddVectorIndexConcurrently,
    RemoveVectorIndexConcurrently,
)
from hybrid_store.operations.conversion import export_vectors, import_vectors
from hybrid_store.operations.diagnosis import OnBad, checked_on_bad
from hybrid_store.operations.switch import exchanged_names, switch
from hybrid_store.vectors import FloatCodec

__all__ = [
    "AddVectorIndexConcurrently",
    "ConvertVectorColumn",
    "RemoveVectorIndexConcurrently",
    "SwitchEmbedding",
    "VectorExtension",
]

logger = logging.getLogger("hybrid_store")


class VectorExtension(Operation):
    """Create what a database needs before it can hold vectors: pgvector on PostgreSQL.

    Does nothing where the extension exists, on databases that need none, and where a router's
    `allow_migrate(db, app_label, **hints)` says no. Unapplied it leaves the extension alone, which
    columns of other apps may be using. `HYBRID_STORE["CREATE_EXTENSION"]` is not asked: who writes
    this operation wants the extension.
    """

    reversible = True
    category = OperationCategory.ADDITION

    def __init__(self, hints: dict[str, Any] | None = None) -> None:
        self.hints = hints or {}

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, [], {"hints": self.hints} if self.hints else {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """An extension is no part of the models."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        ops = vector_ops(schema_editor.connection)
        alias = schema_editor.connection.alias
        if not ops.needs_extension or not router.allow_migrate(alias, app_label, **self.hints):
            return
        if schema_editor.collect_sql:
            schema_editor.execute(ops.create_extension_sql)
        else:
            ops.create_extension()

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Nothing: the extension stays."""

    def describe(self) -> str:
        return "Create the extension that vectors need"

    @property
    def migration_name_fragment(self) -> str:
        return "vector_extension"


class ConvertVectorColumn(FieldOperation):
    """`AlterField` to a vector field, for a column that already holds vectors of another form.

    From a `BinaryField` of float16, float32 or float64 values, a text or JSON field of lists, or
    a vector field of any kind. What `makemigrations` writes as `AlterField` becomes this operation
    by a change of its name. Rows are read once before anything is changed; if one has a fault (see
    `hybrid_store.operations.diagnosis`), `VectorConversionError` names the faults and primary keys.

    `on_bad` is "refuse", "null" (vectors at fault are set to NULL, which is logged), or a
    dictionary of faults to one of these; "repeated" and "random", which are suspicions, can also
    be "keep". `source_dtype` ("float16", "float32", "float64") is the type of every blob, told
    from its length where it is None.

    Between vector types of the database itself, as from `pgvector.django`, the column and its
    indexes stay as they are, and values are not looked at; only a column of another type or
    without dimensions is cast.

    Unapplied it brings the old column back. Its bytes are of `source_dtype`, or float32: float64
    values return with the precision of float32.

    Always one transaction, also in migrations that are not atomic.
    """

    category = OperationCategory.ALTERATION
    atomic = True
    field: BaseVectorField

    def __init__(
        self,
        model_name: str,
        name: str,
        field: BaseVectorField,
        *,
        on_bad: OnBad = "refuse",
        source_dtype: str | None = None,
    ) -> None:
        if not isinstance(getattr(field, "codec", None), FloatCodec):
            raise TypeError(
                f"ConvertVectorColumn converts to a vector field of floats, not to {field!r}."
            )
        if source_dtype is not None and source_dtype not in DTYPES:
            raise ValueError(
                f"ConvertVectorColumn: source_dtype is {source_dtype!r}, not one of "
                f"{', '.join(DTYPES)}."
            )
        self.on_bad = on_bad
        self.source_dtype = source_dtype
        self._actions = checked_on_bad(on_bad)
        super().__init__(model_name, name, field)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        kwargs: dict[str, Any] = {
            "model_name": self.model_name,
            "name": self.name,
            "field": self.field,
        }
        if self.on_bad != "refuse":
            kwargs["on_bad"] = self.on_bad
        if self.source_dtype is not None:
            kwargs["source_dtype"] = self.source_dtype
        return type(self).__name__, [], kwargs

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.alter_field(
            app_label, self.model_name_lower, self.name, self.field, preserve_default=True
        )

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        change = self._change(app_label, schema_editor, from_state, to_state)
        if not self._is_allowed(change):
            return
        if change.is_cast:
            change.cast()
        else:
            import_vectors(change, self._actions, self.source_dtype)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        change = self._change(app_label, schema_editor, from_state, to_state)
        if not self._is_allowed(change):
            return
        if change.is_cast:
            change.cast()
        else:
            export_vectors(change, self.source_dtype or "float32")

    def _change(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> ColumnChange:
        return ColumnChange(
            app_label, self.model_name, self.name, schema_editor, from_state, to_state
        )

    def _is_allowed(self, change: ColumnChange) -> bool:
        return self.allow_migrate_model(change.connection.alias, change.model)

    def describe(self) -> str:
        return f"Convert field {self.name} on {self.model_name} to vectors"

    @property
    def migration_name_fragment(self) -> str:
        return f"convert_{self.model_name_lower}_{self.name_lower}"

    def reduce(self, operation: Operation, app_label: str) -> bool | list[Operation]:
        if isinstance(operation, RemoveField) and self.is_same_field_operation(operation):
            return [operation]
        if (
            isinstance(operation, RenameField)
            and self.is_same_model_operation(operation)
            and self.name_lower == operation.old_name_lower
            and self.field.db_column is None
        ):
            return [operation, self._renamed(operation.new_name)]
        return super().reduce(operation, app_label)

    def _renamed(self, name: str) -> ConvertVectorColumn:
        return ConvertVectorColumn(
            self.model_name,
            name,
            self.field,
            on_bad=self.on_bad,
            source_dtype=self.source_dtype,
        )


class SwitchEmbedding(Operation):
    """Let two embeddings of a model exchange their columns: the switch to another model.

    `SwitchEmbedding("movie", "embedding", "embedding_next")`, when `embedding_next` is filled:
    from now on `embedding` is what `embedding_next` was, with the embedder, dimensions, column and
    indexes of that, and the other way about. In models.py exchange the two definitions, with the
    columns that they had as `db_column`, and the names of the fields in the indexes.

    It changes what the migrations know of the model, and nothing in the database: it takes no
    lock, and code of before and after the switch can run at the same time, each searching its own
    column with its own embedder. It is its own reverse: unapplied, or applied once more, it brings
    back what was. Raises `SwitchError` for what cannot be switched. Where models.py says something
    else after the last migration, what to write there is logged to "hybrid_store".
    """

    category = OperationCategory.ALTERATION

    def __init__(self, model_name: str, name: str, other_name: str) -> None:
        if name == other_name:
            raise ValueError(
                f"SwitchEmbedding: name two fields of {model_name}, not {name!r} twice."
            )
        self.model_name = model_name
        self.name = name
        self.other_name = other_name

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        kwargs = {
            "model_name": self.model_name,
            "name": self.name,
            "other_name": self.other_name,
        }
        return type(self).__name__, [], kwargs

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        switch(state, app_label, self.model_name, self.name, self.other_name)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.collect_sql:
            return
        if to_write := advice(to_state, app_label, self.model_name, self.name, self.other_name):
            logger.warning("%s", to_write)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Nothing: the columns are as they were."""

    def describe(self) -> str:
        return f"Switch fields {self.name} and {self.other_name} on {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"switch_{self.model_name.lower()}_{self.name.lower()}"

    def references_model(self, name: str, app_label: str) -> bool:
        return name.lower() == self.model_name.lower()

    def references_field(self, model_name: str, name: str, app_label: str) -> bool:
        return self.references_model(model_name, app_label) and name.lower() in {
            known.lower() for known in self._names
        }

    @property
    def _names(self) -> dict[str, str]:
        return exchanged_names(self.name, self.other_name)

    def reduce(self, operation: Operation, app_label: str) -> bool | list[Operation]:
        if isinstance(operation, SwitchEmbedding) and self._undoes(operation):
            return []
        return super().reduce(operation, app_label) or not any(
            operation.references_field(self.model_name, name, app_label) for name in self._names
        )

    def _undoes(self, operation: SwitchEmbedding) -> bool:
        return self.references_model(operation.model_name, "") and self._names == operation._names
