"""`VectorIndex`, for `Meta.indexes`, and what indexes over one field share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import Index, Model

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import BaseVectorOperations, IndexSpec
from hybrid_store.exceptions import UnknownFieldError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.functions import METRICS

__all__ = ["FieldIndex", "VectorIndex"]

# Options of HNSW, with the least and the greatest value of each, and the default of m.
# Source: pgvector, src/hnsw.h.
OPTIONS = {"m": (2, 100), "ef_construction": (4, 1000)}
DEFAULT_M = 16


class FieldIndex(Index):
    """An index over one field, which some databases make and others can do without."""

    # What the field must be, and what `sqlmigrate` calls the index, in words.
    takes: ClassVar[str]
    called: ClassVar[str]

    def __init__(self, *field: str, fields: Sequence[str] = (), name: str | None = None) -> None:
        names = [*field, *fields]
        if len(names) != 1 or names[0].startswith("-"):
            kind = type(self).__name__
            raise ValueError(f"{kind} takes the name of one {self.takes}, not {names!r}.")
        super().__init__(fields=names, name=name)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        package = __name__.rpartition(".")[0]
        if path.startswith(f"{package}."):
            path = f"{package}.{type(self).__name__}"
        return path, args, kwargs

    def is_made(self, ops: BaseVectorOperations) -> bool:
        """Does this database make the index?"""
        raise NotImplementedError

    def remove_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any
    ) -> Any:
        if self.is_made(vector_ops(schema_editor.connection)):
            return super().remove_sql(model, schema_editor, **kwargs)
        return self.nothing(model)

    def nothing(self, model: type[Model]) -> Statement:
        """Django wants a statement to run: a comment, which `sqlmigrate` shows."""
        table = Table(model._meta.db_table, lambda name: name)
        return Statement(f"-- %(table)s: this database needs no {self.called}", table=table)


class VectorIndex(FieldIndex):
    """An index for nearest-neighbour search over one vector field.

    `VectorIndex("embedding", metric="cosine", name="movie_vec")`. On PostgreSQL an HNSW index of
    pgvector with the operator class of the metric; `m` (links a node) and `ef_construction` (size
    of the candidate list while building) are its parameters, pgvector's defaults where None.
    SQLite searches exactly and needs none. `nearest` takes its metric from the field's index.
    """

    suffix = "vec"
    takes = "vector field"
    called = "vector index"

    def __init__(
        self,
        *field: str,
        fields: Sequence[str] = (),
        metric: str = "cosine",
        name: str | None = None,
        m: int | None = None,
        ef_construction: int | None = None,
    ) -> None:
        if metric not in METRICS:
            known = ", ".join(repr(name) for name in METRICS)
            raise ValueError(f"VectorIndex: unknown metric {metric!r}, use one of {known}.")
        self.metric = metric
        self.m = m
        self.ef_construction = ef_construction
        self._check_options()
        super().__init__(*field, fields=fields, name=name)

    def _check_options(self) -> None:
        for option, (least, most) in OPTIONS.items():
            value = getattr(self, option)
            if value is not None and not (type(value) is int and least <= value <= most):
                raise ValueError(
                    f"VectorIndex: {option} is {value!r}, "
                    f"not a whole number from {least} to {most}."
                )
        if self.ef_construction is not None and self.ef_construction < 2 * (self.m or DEFAULT_M):
            raise ValueError("VectorIndex: ef_construction must be at least twice m.")

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "metric": self.metric, **self._options()}

    def _options(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in OPTIONS if getattr(self, name) is not None}

    def create_sql(
        self,
        model: type[Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        ops = vector_ops(schema_editor.connection)
        spec = self._spec(model, concurrently=bool(kwargs.get("concurrently")))
        return ops.create_index(model, schema_editor, spec) or self.nothing(model)

    def is_made(self, ops: BaseVectorOperations) -> bool:
        return ops.supports_vector_index

    def _spec(self, model: type[Model], concurrently: bool) -> IndexSpec:
        [name] = self.fields
        field = model._meta.get_field(name)
        if not isinstance(field, BaseVectorField):
            raise UnknownFieldError(f"VectorIndex {self.name!r}: {name!r} is no vector field.")
        return IndexSpec(
            name=self.name,
            field_name=name,
            codec=field.codec,
            dimensions=field.dimensions,
            metric=self.metric,
            options=self._options(),
            concurrently=concurrently,
        )
