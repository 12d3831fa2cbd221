"""Columns that hold vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django.core import checks
from django.core.exceptions import ValidationError
from django.db.models import Field, Model
from django.db.models.query_utils import DeferredAttribute

from hybrid_store.backends import vector_ops
from hybrid_store.exceptions import UnknownFieldError, VectorValueError
from hybrid_store.forms import BitFormField, SparseVectorFormField, VectorFormField
from hybrid_store.models.late import LateValue
from hybrid_store.vectors import (
    BIT,
    HALF,
    SINGLE,
    SPARSE,
    BaseVector,
    BitVector,
    Codec,
    SparseVector,
    Vector,
    VectorLike,
    sparse,
)

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

    # Generic to the type checker alone.
    FieldBase = Field[Any, Any]
else:
    FieldBase = Field

__all__ = [
    "BaseVectorField",
    "BitField",
    "HalfVectorField",
    "SparseVectorField",
    "VectorField",
    "choose_field",
    "field_for",
    "vector_field",
    "vector_fields",
]

FieldT = TypeVar("FieldT", bound="BaseVectorField")

# The most dimensions a `vector` or `halfvec` column of pgvector holds (its README, "Reference"),
# and the most bits of PostgreSQL's `bit` (MaxAttrSize in src/include/access/htup_details.h).
MAX_DIMENSIONS = 16_000
MAX_BITS = 83_886_080
# Two vectors are equal or not; a vector is not greater than, or contained in, another one.
LOOKUPS = frozenset({"exact", "in", "isnull"})


class VectorAttribute(DeferredAttribute):
    """Model attribute of a vector column: a good value becomes a vector when it is assigned.

    A bad one is kept as it is, so that `full_clean()` and `save()` can name the fault.
    """

    field: BaseVectorField

    def __set__(self, instance: Model, value: VectorLike) -> None:
        instance.__dict__[self.field.attname] = self.field.coerce(value)


class NoVector(list[Any]):
    """A list that says what is in it without comparing arrays, which answer with arrays."""

    def __contains__(self, value: object) -> bool:
        return value is None or (isinstance(value, str) and super().__contains__(value))


class BaseVectorField(FieldBase):
    """Base of the fields whose values are vectors with a fixed number of dimensions.

    The codec says of which kind: what is taken, what is given, how it is stored.
    """

    codec: ClassVar[Codec]
    form_class: ClassVar[type[VectorFormField]] = VectorFormField
    # What the dimensions are called, how many there may be, and the check that says so.
    size_name: ClassVar[str] = "dimensions"
    max_dimensions: ClassVar[int] = MAX_DIMENSIONS
    size_check: ClassVar[str] = "hybrid_store.E001"
    size_hint: ClassVar[str] = "Use the number of dimensions of the embedding model."
    # May the column hold an all-zero vector?
    allows_zero: ClassVar[bool] = True
    descriptor_class = VectorAttribute
    empty_strings_allowed = False
    # An empty list is no missing vector but a bad one.
    empty_values = NoVector([None, ""])
    default_error_messages = {"invalid_vector": "%(fault)s."}

    def __init__(self, *args: Any, dimensions: int, **kwargs: Any) -> None:
        self.dimensions = dimensions
        super().__init__(*args, **kwargs)

    @property
    def label(self) -> str:
        """`app.Model.field` for error messages."""
        model = getattr(self, "model", None)
        return f"{model._meta.label}.{self.name}" if model else f"a {type(self).__name__}"

    def key_of(self, row: Model) -> Any:
        """The primary key that `row` has in the table of this column, which may be a parent's."""
        return getattr(row, self.model._meta.pk.attname)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs[self.size_name] = self.dimensions
        return name, path.replace(f"{__name__}.", "hybrid_store.models."), args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *self._check_dimensions()]

    def _check_dimensions(self) -> list[checks.CheckMessage]:
        size = self.dimensions
        if type(size) is int and 1 <= size <= self.max_dimensions:
            return []
        return [
            checks.Error(
                f"{self.size_name!r} must be a whole number from 1 to {self.max_dimensions}, "
                f"not {size!r}.",
                hint=self.size_hint,
                obj=self,
                id=self.size_check,
            )
        ]

    # Values

    def coerce(self, value: Any) -> Any:
        """`value` as a vector if it is a good one, else unchanged."""
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if isinstance(value, self.codec.value_type) and self.codec is self.codec.widest:
            return value
        try:
            return self.codec.parse(value, self.dimensions)
        except VectorValueError:
            return value

    def parse(self, value: VectorLike) -> BaseVector:
        """`value` as this column holds it, or `VectorValueError` naming the field and the fault."""
        try:
            return self._parse(value)
        except VectorValueError as error:
            raise VectorValueError(f"{self.label}: {error}.") from error

    def _parse(self, value: VectorLike) -> BaseVector:
        vector: BaseVector = self.codec.parse(value, self.dimensions)
        if not self.allows_zero and vector.is_zero():
            raise VectorValueError("an all-zero vector has no direction and is no embedding")
        return vector

    def to_python(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self._parse(value)
        except VectorValueError as error:
            raise ValidationError(
                self.error_messages["invalid_vector"],
                code="invalid_vector",
                params={"fault": error},
            ) from error

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if value is None or isinstance(value, LateValue):
            return value
        return self.parse(value)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is None:
            return None
        if isinstance(value, LateValue):
            value.read()
        return vector_ops(connection).to_db(self.codec, value)

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> BaseVector | None:
        if value is None:
            return None
        return vector_ops(connection).from_db(self.codec, value, self.dimensions)

    def value_to_string(self, obj: Model) -> str:
        """Text that reads back to the same bits, for `dumpdata`."""
        return self.parse(self.value_from_object(obj)).to_text()

    # SQL

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return vector_ops(connection).column_type(self.codec, self.dimensions)

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        column = connection.ops.quote_name(str(self.column))
        ops = vector_ops(connection)
        return ops.column_check(self.codec, self.dimensions, column, self.allows_zero)

    def get_placeholder_sql(
        self, value: Any, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Sequence[Any]]:
        """Called by Django 6.1 and newer."""
        if hasattr(value, "as_sql"):
            return compiler.compile(value)
        return vector_ops(connection).placeholder(self.codec), (value,)

    def get_placeholder(
        self, value: Any, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> str:
        """Called by Django before 6.1."""
        if hasattr(value, "as_sql"):
            return "%s"
        return vector_ops(connection).placeholder(self.codec)

    def select_format(self, compiler: SQLCompiler, sql: str, params: Any) -> tuple[str, Any]:
        # What a subquery selects is an operand of SQL, not a value to be read.
        if not compiler.query.subquery:
            sql = vector_ops(compiler.connection).select_sql(self.codec, sql)
        return sql, params

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name in LOOKUPS else None

    def formfield(self, **kwargs: Any) -> Any:
        defaults = {
            "form_class": self.form_class,
            "dimensions": self.dimensions,
            "codec": self.codec,
        }
        return super().formfield(**{**defaults, **kwargs})


class VectorField(BaseVectorField):
    """A column of float32 vectors that the user computes.

    `vector(n)` of pgvector on PostgreSQL, 4 bytes a value; a little-endian BLOB on SQLite. An
    all-zero vector may be stored, but has no direction: it is never a hit of a cosine search.
    """

    codec = SINGLE
    description = "Vector of %(dimensions)s single-precision numbers"


class HalfVectorField(BaseVectorField):
    """A column of float16 vectors: values are rounded to half precision when they are assigned.

    `halfvec(n)` of pgvector on PostgreSQL, a little-endian BLOB on SQLite; 2 bytes a value.
    """

    codec = HALF
    description = "Vector of %(dimensions)s half-precision numbers"


class BitField(BaseVectorField):
    """A column of `length` bits: binary embeddings, hashes, sets.

    `bit(n)` of PostgreSQL; a BLOB of eight bits a byte, most significant first, on SQLite.
    """

    codec = BIT
    form_class = BitFormField
    description = "Vector of %(dimensions)s bits"
    size_name = "length"
    max_dimensions = MAX_BITS
    size_check = "hybrid_store.E023"
    size_hint = "Use the number of bits of a value."

    def __init__(self, *args: Any, length: int, **kwargs: Any) -> None:
        super().__init__(*args, dimensions=length, **kwargs)

    @property
    def length(self) -> int:
        return self.dimensions


class SparseVectorField(BaseVectorField):
    """A column of float32 vectors of which only what is not zero is stored, 16,000 numbers at most.

    `sparsevec(n)` of pgvector on PostgreSQL; on SQLite a BLOB of the dimensions, the places and the
    values, each little-endian in 4 bytes. An all-zero vector may be stored, but has no direction:
    it is never a hit of a cosine search.
    """

    codec = SPARSE
    form_class = SparseVectorFormField
    description = "Sparse vector of %(dimensions)s numbers"
    max_dimensions = sparse.MAX_DIMENSIONS
    size_check = "hybrid_store.E024"
    size_hint = "Use the size of the vocabulary."


_FIELDS: dict[type[BaseVector], type[BaseVectorField]] = {
    Vector: VectorField,
    BitVector: BitField,
    SparseVector: SparseVectorField,
}


def field_for(vector: BaseVector) -> BaseVectorField:
    """A field of no model that holds vectors such as this one."""
    kind = cast("Any", _FIELDS[type(vector)])
    field: BaseVectorField = kind(**{kind.size_name: vector.dimensions})
    return field


def vector_fields(model: type[Model]) -> list[BaseVectorField]:
    """The vector columns of a model, those of its parents included."""
    return [field for field in model._meta.concrete_fields if isinstance(field, BaseVectorField)]


def choose_field(
    model: type[Model], name: str | None, kind: type[FieldT], described: str
) -> FieldT:
    """The field `name` of a model, or its only one of a kind; raises `UnknownFieldError`."""
    fields = [field for field in vector_fields(model) if isinstance(field, kind)]
    chosen = [field for field in fields if name is None or field.name == name]
    if len(chosen) == 1:
        return chosen[0]
    label = model._meta.label
    if not fields:
        raise UnknownFieldError(f"{label} has no {described}: add one to the model.")
    found = ", ".join(repr(field.name) for field in fields)
    if name is None:
        raise UnknownFieldError(f"{label} has several {described}s: say which, one of {found}.")
    raise UnknownFieldError(f"{label} has no {described} {name!r}: choose from {found}.")


def vector_field(model: type[Model], name: str | None = None) -> BaseVectorField:
    """The vector column `name` of a model, or its only one; raises `UnknownFieldError`."""
    return choose_field(model, name, BaseVectorField, "vector field")
