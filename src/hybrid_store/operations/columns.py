"""Changing the type of one column between two states of a model, and reading its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, RemoveField
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, Field, Model, QuerySet

from hybrid_store.backends import BaseVectorOperations, vector_ops
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.exceptions import VectorConversionError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.operations.diagnosis import report

__all__ = ["ColumnChange", "pages"]

AnyField: TypeAlias = "Field[Any, Any]"
Convert: TypeAlias = Callable[[Any, Any], Any]
"""Takes a row's key and old value; gives the new one, None for none."""

# Name of the column that is filled before it takes the old one's place.
STAGED = "hybrid_store_staged"
# Rows read and written at once: some megabytes of the longest vectors that providers make.
PAGE = 500


def pages(rows: QuerySet[Any], *names: str) -> Iterator[list[tuple[Any, ...]]]:
    """(pk, *names) of all rows by primary key; rows may be written while pages are read."""
    ordered = rows.order_by("pk").values_list("pk", *names)
    page = list(ordered[:PAGE])
    while page:
        yield page
        page = list(ordered.filter(pk__gt=page[-1][0])[:PAGE])


@dataclass(frozen=True)
class ColumnChange:
    """One field as it is in `from_state` and as it will be in `to_state`."""

    app_label: str
    model_name: str
    name: str
    schema_editor: BaseDatabaseSchemaEditor
    from_state: ProjectState
    to_state: ProjectState

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return self.schema_editor.connection

    @property
    def collects_sql(self) -> bool:
        """Only write SQL down: the tables may not even exist."""
        return self.schema_editor.collect_sql

    @cached_property
    def ops(self) -> BaseVectorOperations:
        return vector_ops(self.connection)

    def _model(self, state: ProjectState) -> type[Model]:
        return state.apps.get_model(self.app_label, self.model_name)

    @cached_property
    def model(self) -> type[Model]:
        """The model as it is before the change."""
        return self._model(self.from_state)

    @cached_property
    def old(self) -> AnyField:
        field: AnyField = self.model._meta.get_field(self.name)  # type: ignore[assignment]
        return field

    @cached_property
    def new(self) -> AnyField:
        model = self._model(self.to_state)
        field: AnyField = model._meta.get_field(self.name)  # type: ignore[assignment]
        return field

    @property
    def label(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    @property
    def rows(self) -> QuerySet[Any]:
        return self.model._base_manager.using(self.connection.alias)

    def error(self, message: str) -> VectorConversionError:
        return VectorConversionError(f"{self.label}: {message}")

    # Between vector types of the database itself

    @property
    def is_cast(self) -> bool:
        """Does the database know both column types as vectors?"""
        types = (field.db_type(self.connection) for field in (self.old, self.new))
        return all(self.ops.vector_type(db_type) for db_type in types)

    def cast(self) -> None:
        """Change type and nullness where they differ; a column of the right type stays as it is."""
        wanted = self.new.db_type(self.connection)
        if not self.collects_sql and self._stored_type() != self.ops.vector_type(wanted):
            self._refuse_other_dimensions()
        self.schema_editor.alter_field(self.model, self.old, self.new)
        # The column may differ from what the migrations say of it.
        if not self.collects_sql and self._stored_type() != self.ops.vector_type(wanted):
            table, column = self.model._meta.db_table, str(self.new.column)
            self.schema_editor.execute(self.ops.change_type_sql(table, column, str(wanted)))

    def _stored_type(self) -> str | None:
        return self.ops.stored_type(self.model._meta.db_table, str(self.old.column))

    def _refuse_other_dimensions(self) -> None:
        dimensions = getattr(self.new, "dimensions", None)
        if dimensions is None:
            return
        rows = self.rows.annotate(_dimensions=self.ops.dimensions_of(self.name))
        keys = list(
            rows.exclude(_dimensions=dimensions).order_by("pk").values_list("pk", flat=True)
        )
        if keys:
            [line] = report({"size": keys})
            raise self.error(
                f"the column cannot become {dimensions}-dimensional; nothing was changed.\n{line}\n"
                "Set these vectors to NULL, or give the field the dimensions that they have."
            )

    # By way of a second column

    def copy(self, convert: Convert) -> None:
        """Fill a new column with converted values and let it take the old one's place.

        Until every value is written and counted the old column is as it was.
        """
        self._refuse_indexes()
        staged = self._staged_field()
        with_both = self._with_staged_column(staged)
        if self.collects_sql:
            comment = f"-- {self.label}: Python converts the values here, SQL cannot say how."
            self.schema_editor.collected_sql.append(comment)
        else:
            self._fill(convert, self._model(with_both))
        without_old = self._without_old_column(with_both)
        model = self._model(without_old)
        field: AnyField = model._meta.get_field(STAGED)  # type: ignore[assignment]
        self.schema_editor.alter_field(model, field, self.new)

    def _refuse_indexes(self) -> None:
        """What stands on the old column would go with it, on some databases silently."""
        options = self.model._meta
        names = [part.name for part in (*options.indexes, *options.constraints) if self._uses(part)]
        if any(self.name in fields for fields in options.unique_together):
            names.append("unique_together")
        if getattr(self.old, "db_index", False) or self.old.unique:
            names.append("db_index or unique of the field itself")
        if names:
            raise self.error(
                f"the column is part of {', '.join(names)}. Remove that in an operation before "
                "the conversion, and add what is still of use after it."
            )

    def _uses(self, part: Any) -> bool:
        """Does an index or constraint name the column, or ask for it in its condition?"""
        condition = getattr(part, "condition", None)
        asked = getattr(condition, "referenced_base_fields", ())
        return self.name in getattr(part, "fields", ()) or self.name in asked

    def _staged_field(self) -> AnyField:
        field = self.new.clone()
        field.null = True
        field.default = field.db_default = NOT_PROVIDED
        field.db_column = STAGED
        return field

    def _with_staged_column(self, staged: AnyField) -> ProjectState:
        operation = AddField(self.model_name, STAGED, staged)
        state = self.from_state.clone()
        operation.state_forwards(self.app_label, state)
        operation.database_forwards(self.app_label, self.schema_editor, self.from_state, state)
        return state

    def _without_old_column(self, with_both: ProjectState) -> ProjectState:
        operation = RemoveField(self.model_name, self.name)
        state = with_both.clone()
        operation.state_forwards(self.app_label, state)
        operation.database_forwards(self.app_label, self.schema_editor, with_both, state)
        return state

    def _fill(self, convert: Convert, model: type[Model]) -> None:
        written = 0
        for page in pages(self.rows, self.name):
            values = [(key, convert(key, value)) for key, value in page]
            batch = [self._bound(key, value) for key, value in values if value is not None]
            if batch:
                self._write(batch)
            written += len(batch)
        rows = model._base_manager.using(self.connection.alias)
        stored = rows.filter(**{f"{STAGED}__isnull": False}).count()
        if stored != written:
            raise self.error(f"{written} values were converted, but {stored} are stored.")

    def _bound(self, key: Any, value: Any) -> tuple[Any, ...]:
        """A value and its row's key as `update_rows` takes them."""
        fields = self.model._meta.pk_fields
        keys = key if len(fields) > 1 else (key,)
        if isinstance(self.new, BaseVectorField):
            value = self.new.get_prep_value(value)
        else:
            value = self.new.get_db_prep_save(value, self.connection)
        parts = zip(fields, keys, strict=True)
        return value, *(field.get_db_prep_value(part, self.connection) for field, part in parts)

    def _write(self, batch: Sequence[tuple[Any, ...]]) -> None:
        options = self.model._meta
        update = RowUpdate(
            table=options.db_table,
            columns=[Column.of(self.new, self.connection)._replace(name=STAGED)],
            keys=[Column.of(key, self.connection) for key in options.pk_fields],
        )
        self.ops.update_rows(update, batch)
