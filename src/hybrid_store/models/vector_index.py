"""`VectorIndex`, for `Meta.indexes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models import Model, Q

from hybrid_store.backends import vector_ops
from hybrid_store.backends.base import BaseVectorOperations
from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.exceptions import UnknownFieldError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.functions import METRICS
from hybrid_store.models.indexes import FieldIndex
from hybrid_store.vectors import BIT, HALF, SINGLE

__all__ = ["VectorIndex", "precisions_of"]

PRECISIONS = (SINGLE.name, HALF.name, BIT.name)
# The most dimensions of a column whose index has single precision unless told otherwise: pgvector
# indexes no more (its README, "HNSW").
MOST_SINGLE = 2000
DEFAULT_M = 16


@dataclass(frozen=True)
class Method:
    """A kind of index: its options with the least and the greatest value of each."""

    options: Mapping[str, tuple[int, int]]
    metrics: frozenset[str]


# Sources: pgvector, src/hnsw.h and src/ivfflat.h, and its README for the operator classes.
METHODS = {
    "hnsw": Method({"m": (2, 100), "ef_construction": (4, 1000)}, frozenset(METRICS)),
    "ivfflat": Method({"lists": (1, 32768)}, frozenset(METRICS) - {"l1", "jaccard"}),
}
OPTIONS = tuple(option for method in METHODS.values() for option in method.options)


class VectorIndex(FieldIndex):
    """An approximate index for nearest-neighbour search over one vector field.

    `VectorIndex("embedding", metric="cosine", name="movie_vec")`. Made by pgvector on PostgreSQL;
    SQLite searches exactly and needs none. `nearest` takes its metric from the field's index.

    `method` is "hnsw" or "ivfflat". Options of HNSW: `m` (links of a node) and `ef_construction`
    (size of the candidate list while building); of IVFFlat: `lists`. None is pgvector's default.
    `precision` is that of the vectors in the index, "single", "half" or "bit" (the sign of every
    component): searches compare what such an index finds once more by the vectors in the table.
    None is the precision of the column; above 2,000 dimensions half, as an index holds no more.
    With a `condition`, only rows for which it holds are in the index; a search filtered by the same
    condition uses it.
    """

    suffix = "vec"
    takes = "vector field"
    called = "vector index"

    def __init__(
        self,
        *field: str,
        fields: Sequence[str] = (),
        metric: str = "cosine",
        method: str = "hnsw",
        name: str | None = None,
        m: int | None = None,
        ef_construction: int | None = None,
        lists: int | None = None,
        precision: str | None = None,
        condition: Q | None = None,
    ) -> None:
        self.metric = _one_of("metric", metric, METRICS)
        self.method = _one_of("method", method, METHODS)
        self.precision = precision and _one_of("precision", precision, PRECISIONS)
        self.m = m
        self.ef_construction = ef_construction
        self.lists = lists
        self._check_options()
        super().__init__(*field, fields=fields, name=name, condition=condition)

    def _check_options(self) -> None:
        method = METHODS[self.method]
        if self.metric not in method.metrics:
            raise ValueError(f"VectorIndex: {self.method} has no metric {self.metric!r}: use hnsw.")
        for option, value in self._options().items():
            if option not in method.options:
                raise ValueError(f"VectorIndex: {self.method} has no option {option!r}.")
            least, most = method.options[option]
            if not (type(value) is int and least <= value <= most):
                raise ValueError(
                    f"VectorIndex: {option} is {value!r}, "
                    f"not a whole number from {least} to {most}."
                )
        if self.ef_construction is not None and self.ef_construction < 2 * (self.m or DEFAULT_M):
            raise ValueError("VectorIndex: ef_construction must be at least twice m.")

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs = {**kwargs, "metric": self.metric, **self._options()}
        if self.method != "hnsw":
            kwargs["method"] = self.method
        if self.precision:
            kwargs["precision"] = self.precision
        return path, args, kwargs

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
        condition = self._get_condition_sql(model, schema_editor)  # type: ignore[attr-defined]
        is_concurrent = bool(kwargs.get("concurrently"))
        spec = replace(self.spec(model), condition_sql=condition, concurrently=is_concurrent)
        return ops.create_index(model, schema_editor, spec) or self.nothing(model)

    def remove_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any
    ) -> Any:
        ops = vector_ops(schema_editor.connection)
        statement = ops.remove_index(model, schema_editor, self.spec(model))
        return statement or super().remove_sql(model, schema_editor, **kwargs)

    def is_made(self, ops: BaseVectorOperations, model: type[Model]) -> bool:
        return ops.makes_index(model, self.spec(model))

    def precision_over(self, field: BaseVectorField) -> str:
        """The precision asked for if the field can have it, else the field's default."""
        fitting = precisions_of(field)
        return self.precision if self.precision in fitting else fitting[0]

    def spec(self, model: type[Model]) -> IndexSpec:
        """What the index of a model asks a database for; raises `UnknownFieldError`."""
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
            method=self.method,
            precision=self.precision_over(field),
            options=self._options(),
            condition=self.condition,
        )


def precisions_of(field: BaseVectorField) -> tuple[str, ...]:
    """Those that an index over the field may have, the default one first."""
    own = field.codec.name
    if own not in PRECISIONS[:-1]:
        return (own,)
    if field.codec is SINGLE and field.dimensions > MOST_SINGLE:
        return (HALF.name, BIT.name)
    return PRECISIONS[PRECISIONS.index(own) :]


def _one_of(name: str, value: str, known: Any) -> str:
    if value not in known:
        names = ", ".join(map(repr, known))
        raise ValueError(f"VectorIndex: unknown {name} {value!r}, use one of {names}.")
    return value
