"""Conditions on values inside of a JSON field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Func

from hybrid_store.backends import vector_ops
from hybrid_store.backends.json import JSONTest

__all__ = ["HoldsInJSON"]


class HoldsInJSON(Func):
    """Does a test hold for the value at a path of keys, or for an element of the array there?"""

    output_field = BooleanField()
    conditional = True

    def __init__(
        self, field: str, path: Sequence[str], test: JSONTest, *, of_elements: bool = False
    ) -> None:
        self.path = path
        self.test = test
        self.of_elements = of_elements
        super().__init__(F(field))

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        [field] = self.get_source_expressions()
        column, _ = compiler.compile(field)
        ops = vector_ops(connection).json
        return ops.holds(column, self.path, self.test, of_elements=self.of_elements)
