"""Distances between vectors, as expressions of the ORM.

Names, argument order and values are those of `pgvector.django`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import FloatField, Func, Value
from django.db.models.expressions import Combinable

from hybrid_store.backends import vector_ops
from hybrid_store.models.fields import BaseVectorField, VectorField
from hybrid_store.models.late import LateValue
from hybrid_store.vectors import HALF, SINGLE, Codec, Vector, VectorLike

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = [
    "METRICS",
    "CosineDistance",
    "Distance",
    "L1Distance",
    "L2Distance",
    "MaxInnerProduct",
]


class Distance(Func):
    """A distance between a vector expression and a vector.

    `expression` names a vector field or is an expression; `vector` is a list, tuple, array or
    `Vector`, or an expression: another field (`F`), an `OuterRef`, a subquery. A vector is checked
    against the dimensions of the field it is compared with (`VectorValueError`). The result is a
    float; NULL where either side is NULL.
    """

    metric: ClassVar[str]
    output_field = FloatField()
    arity = 2

    def __init__(self, expression: Any, vector: VectorLike, **extra: Any) -> None:
        if not isinstance(vector, Combinable) and not hasattr(vector, "resolve_expression"):
            vector = Value(vector if isinstance(vector, LateValue) else _vector(vector))
        super().__init__(expression, vector, **extra)

    @classmethod
    def similarity(cls, distance: Any) -> Any:
        """The similarity that belongs to an expression of the distance: greater is nearer."""
        raise NotImplementedError

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Distance:
        resolved: Distance = super().resolve_expression(*args, **kwargs)
        resolved.set_source_expressions(_typed(resolved.get_source_expressions()))
        return resolved

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        ops = vector_ops(connection)
        sources = self.get_source_expressions()
        codecs = [_codec(source) for source in sources]
        common = SINGLE if SINGLE in codecs else HALF
        operands: list[str] = []
        params: list[Any] = []
        for source, codec in zip(sources, codecs, strict=True):
            sql, source_params = compiler.compile(source)
            operands.append(sql if codec is common else ops.cast_sql(sql, codec, common))
            params.extend(source_params)
        return ops.distance_sql(self.metric, common, *operands), tuple(params)


def _vector(value: VectorLike) -> Vector | str | bytes:
    # Bytes and text are only read by a field, which knows their length and type.
    return value if isinstance(value, str | bytes | Vector) else Vector(value)


def _typed(sources: list[Any]) -> list[Any]:
    """Give plain values the field of the side they are compared with."""
    field = next(_fields(sources), None)
    return [_typed_value(source, field) for source in sources]


def _typed_value(source: Any, field: BaseVectorField | None) -> Any:
    if not isinstance(source, Value) or any(_fields([source])):
        return source
    value = source.value
    if field is None:
        # Beside a column of pgvector.django, say.
        field = VectorField(dimensions=len(value)) if isinstance(value, Vector) else None
    elif not (value is None or isinstance(value, LateValue)):
        value = field.parse(value)
    return source if field is None else type(source)(value, output_field=field)


def _fields(sources: list[Any]) -> Iterator[BaseVectorField]:
    for source in sources:
        field = getattr(source, "_output_field_or_none", None)
        if isinstance(field, BaseVectorField):
            yield field


def _codec(source: Any) -> Codec:
    return next((field.codec for field in _fields([source])), SINGLE)


class CosineDistance(Distance):
    """1 - cos(a, b), in [0, 2]. An all-zero vector has none: NaN on PostgreSQL, NULL on SQLite."""

    metric = "cosine"

    @classmethod
    def similarity(cls, distance: Any) -> Any:
        return Value(1.0) - distance


class L2Distance(Distance):
    """Euclidean distance, sqrt(sum((a - b)^2))."""

    metric = "l2"

    @classmethod
    def similarity(cls, distance: Any) -> Any:
        return Value(1.0) / (Value(1.0) + distance)


class L1Distance(Distance):
    """Taxicab distance, sum(|a - b|)."""

    metric = "l1"

    @classmethod
    def similarity(cls, distance: Any) -> Any:
        return Value(1.0) / (Value(1.0) + distance)


class MaxInnerProduct(Distance):
    """The negative inner product, -sum(a * b), so that ascending order puts the greatest first."""

    metric = "inner_product"

    @classmethod
    def similarity(cls, distance: Any) -> Any:
        return Value(0.0) - distance


METRICS: dict[str, type[Distance]] = {
    distance.metric: distance
    for distance in (CosineDistance, L2Distance, L1Distance, MaxInnerProduct)
}
