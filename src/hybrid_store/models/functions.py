"""Distances between vectors, as expressions of the ORM.

Names, argument order and values are those of `pgvector.django`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import BooleanField, FloatField, Func, Value
from django.db.models.expressions import Combinable

from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import VectorValueError
from hybrid_store.models.fields import BaseVectorField, field_for
from hybrid_store.models.late import LateValue
from hybrid_store.vectors import (
    BIT,
    SINGLE,
    BaseVector,
    BitVector,
    Codec,
    SparseVector,
    Vector,
    VectorLike,
)
from hybrid_store.vectors.sparse import is_sparse

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = [
    "METRICS",
    "BitDistance",
    "CosineDistance",
    "Distance",
    "HammingDistance",
    "HasDistance",
    "JaccardDistance",
    "L1Distance",
    "L2Distance",
    "MaxInnerProduct",
    "metrics_of",
]

# Read by a field alone, which knows the length and the type.
UNREAD = (str, bytes, Mapping, BaseVector, LateValue)


class Distance(Func):
    """A distance between a vector expression and a vector.

    `expression` names a vector field or is an expression; `vector` is a list, tuple, array or
    `Vector`, a `SparseVector` where the field is sparse, or an expression: another field (`F`), an
    `OuterRef`, a subquery. A vector is checked against the dimensions of the field it is compared
    with (`VectorValueError`). The result is a float; NULL where either side is NULL.
    """

    metric: ClassVar[str]
    # What it is a distance between, and the codec of operands that nothing is known of.
    takes: ClassVar[tuple[type[BaseVector], ...]] = (Vector, SparseVector)
    default_codec: ClassVar[Codec] = SINGLE
    output_field = FloatField()
    arity = 2

    def __init__(self, expression: Any, vector: VectorLike, **extra: Any) -> None:
        if not isinstance(vector, Combinable) and not hasattr(vector, "resolve_expression"):
            vector = Value(vector if isinstance(vector, UNREAD) else self.read(vector))
        super().__init__(expression, vector, **extra)

    def __hash__(self) -> int:
        # Django's looks at all arguments, which takes a tenth of the time to compile a search.
        return hash(type(self))

    @classmethod
    def read(cls, value: VectorLike) -> BaseVector:
        """A value that is read at once, so that a bad one is refused where it is given."""
        return SparseVector(value) if is_sparse(value) else Vector(value)

    @classmethod
    def fits(cls, codec: Codec) -> bool:
        """Is it a distance between vectors of this kind?"""
        return issubclass(codec.value_type, cls.takes)

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        """The similarity that belongs to a distance, or to an expression of it: greater is
        nearer."""
        raise NotImplementedError

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Distance:
        resolved: Distance = super().resolve_expression(*args, **kwargs)
        sources = resolved.get_source_expressions()
        self._refuse_misfits(list(_fields(sources)))
        resolved.set_source_expressions(_typed(sources))
        return resolved

    def _refuse_misfits(self, fields: list[BaseVectorField]) -> None:
        for field in fields:
            if not self.fits(field.codec):
                fitting = (METRICS[metric].__name__ for metric in metrics_of(field.codec))
                raise VectorValueError(
                    f"{field.label}: {type(self).__name__} is no distance between "
                    f"{field.codec.described}s, use one of {', '.join(fitting)}."
                )
            if field.codec.widest is not fields[0].codec.widest:
                raise VectorValueError(
                    f"{field.label}: a {field.codec.described} cannot be compared with a "
                    f"{fields[0].codec.described}."
                )
            if field.dimensions != fields[0].dimensions:
                raise VectorValueError(
                    f"{field.label}: {field.dimensions} {field.codec.unit} cannot be compared with "
                    f"{fields[0].dimensions}."
                )

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        ops = vector_ops(connection)
        sources = self.get_source_expressions()
        codecs = _codecs(sources, self.default_codec)
        common = codecs[0] if codecs[0] is codecs[1] else codecs[0].widest
        operands: list[str] = []
        params: list[Any] = []
        for source, codec in zip(sources, codecs, strict=True):
            sql, source_params = compiler.compile(source)
            operands.append(sql if codec is common else ops.cast_sql(sql, codec, common))
            params.extend(source_params)
        return ops.distance_sql(self.metric, common, *operands), tuple(params)


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
        field = field_for(value) if isinstance(value, BaseVector) else None
    elif not (value is None or isinstance(value, LateValue)):
        value = field.parse(value)
    return source if field is None else type(source)(value, output_field=field)


def _fields(sources: list[Any]) -> Iterator[BaseVectorField]:
    for source in sources:
        field = getattr(source, "_output_field_or_none", None)
        if isinstance(field, BaseVectorField):
            yield field


def _codecs(sources: list[Any], default: Codec) -> list[Codec]:
    """The codec of each; where nothing is known of one, the widest of its kind."""
    known = [next((field.codec for field in _fields([source])), None) for source in sources]
    unknown = next((codec.widest for codec in known if codec), default)
    return [codec or unknown for codec in known]


class CosineDistance(Distance):
    """1 - cos(a, b), in [0, 2]. An all-zero vector has none: NaN on PostgreSQL, NULL on SQLite."""

    metric = "cosine"

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        return 1.0 - distance


class L2Distance(Distance):
    """Euclidean distance, sqrt(sum((a - b)^2))."""

    metric = "l2"

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        return 1.0 / (1.0 + distance)


class L1Distance(Distance):
    """Taxicab distance, sum(|a - b|)."""

    metric = "l1"

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        return 1.0 / (1.0 + distance)


class MaxInnerProduct(Distance):
    """The negative inner product, -sum(a * b), so that ascending order puts the greatest first."""

    metric = "inner_product"

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        return 0.0 - distance


class BitDistance(Distance):
    """A distance between a bit field and bits: text, a list or array of 0 and 1, a `BitVector`."""

    takes = (BitVector,)
    default_codec = BIT

    @classmethod
    def read(cls, value: VectorLike) -> BaseVector:
        return BitVector(value)


class HammingDistance(BitDistance):
    """How many bits differ."""

    metric = "hamming"

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        return 1.0 - distance / float(dimensions)


class JaccardDistance(BitDistance):
    """1 - |a and b| / |a or b|, in [0, 1]; 1 where both are all zero, as pgvector has it."""

    metric = "jaccard"

    @classmethod
    def similarity(cls, distance: Any, dimensions: int) -> Any:
        return 1.0 - distance


class HasDistance(Func):
    """Is there such a distance? All-zero vectors have none under cosine, on no database.

    A comparison with the greatest distance would say the same, but a database may take that for
    one that few rows fulfil, and think an index dear.
    """

    output_field = BooleanField()
    conditional = True

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        [distance] = self.get_source_expressions()
        sql, params = compiler.compile(distance)
        return vector_ops(connection).is_distance_sql(sql), params


METRICS: dict[str, type[Distance]] = {
    distance.metric: distance
    for distance in (
        CosineDistance,
        L2Distance,
        L1Distance,
        MaxInnerProduct,
        HammingDistance,
        JaccardDistance,
    )
}


def metrics_of(codec: Codec) -> list[str]:
    """The metrics of a kind of vectors; the first is the default."""
    return [name for name, distance in METRICS.items() if distance.fits(codec)]
