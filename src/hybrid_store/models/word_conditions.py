"""Conditions on the words of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Func, Model, Q

from hybrid_store.backends import vector_ops
from hybrid_store.backends.texts import TextSpec
from hybrid_store.texts.query import Clause, TextQuery

__all__ = ["Fulfils", "demands"]


class Fulfils(Func):
    """Does a row of `model` fulfil all clauses of a query, by an index of words?"""

    output_field = BooleanField()
    conditional = True

    def __init__(self, model: type[Model], spec: TextSpec, clauses: Sequence[Clause]) -> None:
        self.spec = spec
        self.clauses = clauses
        super().__init__(*(F(key.name) for key in model._meta.pk_fields))

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:  # type: ignore[override]
        parts = [compiler.compile(key) for key in self.get_source_expressions()]
        columns = ", ".join(sql for sql, _ in parts)
        keys = f"({columns})" if len(parts) > 1 else columns
        sql, params = vector_ops(connection).texts.matching(self.spec, self.clauses)
        bound = [value for _, key_params in parts for value in key_params]
        return f"{keys} IN ({sql})", (*bound, *params)


def demands(model: type[Model], spec: TextSpec, query: TextQuery) -> Q:
    """What a query asks of every row: phrases that must be there, words that must not."""
    asked = Q()
    if query.required:
        asked &= Q(Fulfils(model, spec, query.required))
    if query.excluded:
        asked &= ~Q(Fulfils(model, spec, [Clause(query.excluded)]))
    return asked
