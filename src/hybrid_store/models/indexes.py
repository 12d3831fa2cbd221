"""What indexes of this package share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import Index, Model, Q

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import BaseVectorOperations

__all__ = ["FieldIndex", "OwnIndex"]


class OwnIndex(Index):
    """An index that some databases make and others can do without."""

    # What `sqlmigrate` calls the index, in words.
    called: ClassVar[str]

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        package = __name__.rpartition(".")[0]
        if path.startswith(f"{package}."):
            path = f"{package}.{type(self).__name__}"
        return path, args, kwargs

    def is_made(self, ops: BaseVectorOperations, model: type[Model]) -> bool:
        """Does this database make the index, over the table of that model?"""
        raise NotImplementedError

    def remove_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any
    ) -> Any:
        if self.is_made(vector_ops(schema_editor.connection), model):
            return super().remove_sql(model, schema_editor, **kwargs)
        return self.nothing(model)

    def nothing(self, model: type[Model]) -> Statement:
        """Django wants a statement to run: a comment, which `sqlmigrate` shows."""
        table = Table(model._meta.db_table, lambda name: name)
        return Statement(f"-- %(table)s: this database needs no {self.called}", table=table)


class FieldIndex(OwnIndex):
    """An index over one field."""

    # What the field must be, in words.
    takes: ClassVar[str]

    def __init__(
        self,
        *field: str,
        fields: Sequence[str] = (),
        name: str | None = None,
        condition: Q | None = None,
    ) -> None:
        names = [*field, *fields]
        if len(names) != 1 or names[0].startswith("-"):
            kind = type(self).__name__
            raise ValueError(f"{kind} takes the name of one {self.takes}, not {names!r}.")
        super().__init__(fields=names, name=name, condition=condition)
