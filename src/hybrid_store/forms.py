"""The form field of a vector column: numbers in brackets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from hybrid_store.exceptions import VectorValueError
from hybrid_store.vectors import SINGLE, Codec, Vector

__all__ = ["VectorFormField"]


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
        return value.to_text() if isinstance(value, Vector) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True
