"""Values inside of JSON columns, which are of the type jsonb."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hybrid_store.backends.json import BaseJSONOperations, JSONTest

__all__ = ["PostgreSQLJSONOperations"]

ARRAY = "CASE WHEN jsonb_typeof(v.value) = 'array' THEN v.value END"


class PostgreSQLJSONOperations(BaseJSONOperations):
    kind_sql = "jsonb_typeof(v.value)"
    text_sql = "(v.value #>> '{}')"
    ordered_sql = f'{text_sql} COLLATE "C"'
    number_sql = f"{text_sql}::numeric"

    def holds(
        self, column: str, path: Sequence[str], test: JSONTest, *, of_elements: bool
    ) -> tuple[str, list[Any]]:
        if test.equal is None:
            return super().holds(column, path, test, of_elements=of_elements)
        # What a GIN index finds. The elements of an array are such as are contained in it.
        given = f"[{test.equal}]" if of_elements else test.equal
        for key in reversed(path):
            given = f"{{{json.dumps(key)}: {given}}}"
        return f"({column} @> %s::jsonb AND {column} IS NOT NULL)", [given]

    def value_at(self, column: str, path: Sequence[str]) -> tuple[str, list[Any]]:
        # A key that is given as text is none of an array.
        keys = "".join(" -> %s::text" for _ in path)
        return f"SELECT ({column}){keys} AS value", [*path]

    def elements_of(self, value: str) -> str:
        return f"SELECT e.value FROM ({value}) v, jsonb_array_elements({ARRAY}) e"  # noqa: S608
