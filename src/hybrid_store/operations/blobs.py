"""Vectors as projects stored them before: bytes of any float type, JSON text, lists.

Pure: nothing here touches a database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import BinaryField, CharField, Field, JSONField, TextField
from numpy.typing import NDArray

from hybrid_store.exceptions import HybridStoreError, VectorValueError
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.vectors import Codec, Vector

__all__ = [
    "DTYPES",
    "StoredVector",
    "UnfitError",
    "VectorReader",
    "as_stored",
    "empty_value",
    "is_sane",
]

DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("float16", "float32", "float64")}
# Read with the wrong float type, numbers of an everyday size become mostly absurd ones. Among
# 2-byte readings nearly everything looks sane, so these tell nothing.
TELLING = ("float32", "float64")
SMALLEST_SANE, LARGEST_SANE = 1e-6, 1e6
SANE_SHARE = 0.9


class UnfitError(HybridStoreError, ValueError):
    """A stored value that is no vector of the field; `kind` is a key of `diagnosis.FAULTS`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class StoredVector:
    """A vector that was read, and the form it was stored in."""

    vector: Vector
    form: str


@dataclass(frozen=True)
class VectorReader:
    """Reads stored values as vectors of `dimensions`, rounded to what `codec` can hold.

    The float type of bytes is told by their length, unless `dtype` names it.
    """

    codec: Codec
    dimensions: int
    dtype: str | None = None

    def read(self, value: Any) -> StoredVector | None:
        """None for no value: None, or empty bytes, text or list. Raises `UnfitError`."""
        if value is None or not len(value):
            return None
        if isinstance(value, bytes | bytearray | memoryview):
            form, array = self._from_bytes(bytes(value))
        else:
            form, array = "numbers", _from_numbers(value)
        if array.size != self.dimensions:
            raise UnfitError("size", f"{array.size} numbers instead of {self.dimensions}")
        try:
            return StoredVector(self.codec.rounded(Vector(array)), form)
        except VectorValueError as error:
            raise UnfitError("not_finite", str(error)) from error

    def _from_bytes(self, data: bytes) -> tuple[str, NDArray[Any]]:
        form = self._form(len(data))
        array = np.frombuffer(data, dtype=DTYPES[form])
        if self.dtype is None and not is_sane(array):
            self._refuse_other_reading(data, form)
        return form, array

    def _form(self, length: int) -> str:
        allowed = DTYPES if self.dtype is None else {self.dtype: DTYPES[self.dtype]}
        for form, dtype in allowed.items():
            if length == self.dimensions * dtype.itemsize:
                return form
        sizes = " or ".join(
            f"{self.dimensions * dtype.itemsize} ({form})" for form, dtype in allowed.items()
        )
        raise UnfitError("size", f"{length} bytes instead of {sizes}")

    def _refuse_other_reading(self, data: bytes, form: str) -> None:
        for other in TELLING:
            dtype = DTYPES[other]
            if other == form or len(data) % dtype.itemsize:
                continue
            array = np.frombuffer(data, dtype=dtype)
            if is_sane(array):
                raise UnfitError(
                    "ambiguous",
                    f"senseless as {self.dimensions} numbers of {form}, but sensible as "
                    f"{array.size} of {other}",
                )


def _from_numbers(value: Any) -> NDArray[Any]:
    """An array of JSON text, a list, or anything else that a field gives for a vector."""
    try:
        values = json.loads(value) if isinstance(value, str) else value
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnfitError("unreadable", f"no list of numbers: {value!r:.60}") from error
    if array.ndim != 1:
        raise UnfitError("unreadable", f"no list of numbers: {value!r:.60}")
    return array


def is_sane(array: NDArray[Any]) -> bool:
    """Are all numbers finite, and nearly all but the zeros of the size that embeddings have?"""
    if not np.isfinite(array).all():
        return False
    magnitudes = np.abs(array[array != 0].astype(np.float64))
    sane = (magnitudes >= SMALLEST_SANE) & (magnitudes <= LARGEST_SANE)
    return bool(sane.sum() >= SANE_SHARE * magnitudes.size)


def as_stored(vector: Vector, field: Field[Any, Any], dtype: str) -> Any:
    """A vector as a value of the field it came from."""
    if isinstance(field, BaseVectorField):
        return vector
    if isinstance(field, BinaryField):
        return vector.to_numpy().astype(DTYPES[dtype]).tobytes()
    if isinstance(field, CharField | TextField):
        return vector.to_text()
    return vector.to_list()


def empty_value(field: Field[Any, Any]) -> Any:
    """What a column that is never NULL holds for a row without a vector; None where unknown."""
    if isinstance(field, BinaryField):
        return b""
    if isinstance(field, CharField | TextField):
        return ""
    return [] if isinstance(field, JSONField) else None
