"""The values of a field for many rows, checked and prepared for the database at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from numpy.typing import NDArray

from hybrid_store.backends.inserts import Values, Vectors
from hybrid_store.exceptions import VectorValueError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.vectors import FloatArray, FloatCodec, Vector

__all__ = ["kinds", "prepare"]

# Kinds of dtypes whose values are numbers.
NUMBERS = {"f", "i", "u"}
# Fields of Django that prepare such values by giving them back. Subclasses may do otherwise.
AS_THEY_ARE: dict[type[Any], type[Any]] = {
    **dict.fromkeys((models.CharField, models.TextField, models.SlugField, models.URLField), str),
    **dict.fromkeys((models.IntegerField, models.BigIntegerField, models.SmallIntegerField), int),
    **dict.fromkeys((models.PositiveIntegerField, models.PositiveBigIntegerField), int),
    **dict.fromkeys((models.AutoField, models.BigAutoField, models.PositiveSmallIntegerField), int),
    models.EmailField: str,
    models.BooleanField: bool,
    models.FloatField: float,
}


def prepare(
    field: models.Field[Any, Any], values: Any, connection: BaseDatabaseWrapper, first: int
) -> Values:
    """What `get_db_prep_save` gives for `values`, the first of which is that of row `first`.

    Raises `VectorValueError` naming the row for a vector that the field does not take.
    """
    if not isinstance(field, BaseVectorField):
        if kinds(values) <= {AS_THEY_ARE.get(_kind(field)), type(None)}:
            return list(values)
        return [field.get_db_prep_save(value, connection) for value in values]
    if isinstance(field.codec, FloatCodec) and not _has_expressions(values):
        return _vectors(field, field.codec, values, first)
    for row, value in enumerate(values, first):
        _parsed(field, value, row)
    return [field.get_db_prep_save(value, connection) for value in values]


def kinds(values: Any) -> set[Any]:
    """The types of the values in a column."""
    return set() if isinstance(values, Vectors) else {*map(type, values)}


def _has_expressions(values: Any) -> bool:
    is_array = isinstance(values, np.ndarray)
    return not is_array and any(hasattr(kind, "as_sql") for kind in kinds(values))


def _kind(field: Any) -> type[Any]:
    """The class of a field; of a foreign key, that of the column it refers to."""
    stock = (models.ForeignKey, models.OneToOneField)
    return _kind(field.target_field) if type(field) in stock else type(field)


def _vectors(field: BaseVectorField, codec: FloatCodec, values: Any, first: int) -> Vectors:
    array = _as_array(values)
    if array is not None:
        return Vectors(codec, _checked(field, codec, array, first))
    held = [_parsed(field, value, row) for row, value in enumerate(values, first)]
    given = [vector is not None for vector in held]
    arrays = [vector.to_numpy() for vector in held if vector is not None]
    shape = (len(arrays), field.dimensions)
    stacked = np.array(arrays, dtype=np.float32).reshape(shape)
    return Vectors(codec, stacked, None if all(given) else given)


def _parsed(field: BaseVectorField, value: Any, row: int) -> Any:
    if value is None or hasattr(value, "as_sql"):
        return value
    try:
        return field.parse(value)
    except VectorValueError as error:
        raise VectorValueError(f"Row {row}: {error}") from error


def _as_array(values: Any) -> NDArray[Any] | None:
    """Vectors as an array with a row for each; None for what has to be looked at one by one."""
    if isinstance(values, np.ndarray):
        return values if values.ndim == 2 and values.dtype.kind in NUMBERS else None
    if not kinds(values) <= {Vector, np.ndarray, list}:
        return None
    try:
        arrays = [v.to_numpy() if type(v) is Vector else np.asarray(v) for v in values]
    except ValueError:  # lists in a list that differ in length
        return None
    if {array.dtype.kind for array in arrays} <= NUMBERS and len({a.shape for a in arrays}) == 1:
        return np.stack(arrays) if arrays[0].ndim == 1 else None
    return None


def _checked(
    field: BaseVectorField, codec: FloatCodec, array: NDArray[Any], first: int
) -> FloatArray:
    """`array` as float32 values that the field takes; the field itself says what is wrong."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = array.astype(np.float32, copy=False)
        stored = single.astype(codec.dtype, copy=False).astype(np.float32, copy=False)
    good = np.isfinite(stored).all(axis=1) & (array.shape[1] == field.dimensions)
    if not field.allows_zero:
        good &= stored.any(axis=1)
    for place in np.flatnonzero(~good).tolist():
        _parsed(field, array[place], first + place)
    return stored
