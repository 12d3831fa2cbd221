"""The form fields of vector columns, as text."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors import BIT, SINGLE, SPARSE, BaseVector, Codec

__all__ = ["BitFormField", "SparseVectorFormField", "VectorFormField"]


class VectorFormField(forms.CharField):
    """Text such as "[0.1, 0.2]", cleaned to a `Vector` of the right dimensions, or None."""

    widget = forms.Textarea
    default_error_messages = {"invalid_vector": "Enter a list of numbers: %(fault)s."}

    def __init__(self, *, dimensions: int | None = None, codec: Codec = SINGLE, **kwargs: Any):
        self.dimensions = dimensions
        self.codec = codec
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return self.codec.parse(value, self.dimensions)
        except VectorValueError as error:
            raise ValidationError(
                self.error_messages["invalid_vector"],
                code="invalid_vector",
                params={"fault": error},
            ) from error

    def prepare_value(self, value: Any) -> Any:
        return value.to_text() if isinstance(value, BaseVector) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class BitFormField(VectorFormField):
    """Text such as "0110", cleaned to a `BitVector` of the right length, or None."""

    default_error_messages = {"invalid_vector": "Enter zeros and ones: %(fault)s."}

    def __init__(self, *, codec: Codec = BIT, **kwargs: Any):
        super().__init__(codec=codec, **kwargs)


class SparseVectorFormField(VectorFormField):
    """Text such as "{1:0.5,3:2}/5", cleaned to a `SparseVector` of the right dimensions, or None.

    The text is pgvector's: places from 1 with their numbers, then the dimensions.
    """

    default_error_messages = {"invalid_vector": "Enter a sparse vector: %(fault)s."}

    def __init__(self, *, codec: Codec = SPARSE, **kwargs: Any):
        super().__init__(codec=codec, **kwargs)
