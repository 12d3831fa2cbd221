"""Values inside of JSON columns: texts, which json_each() takes apart.

It is told keys as parameters. In the paths of json_extract() not every key can be written: SQLite
before 3.45 has no way to quote a quotation mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hybrid_store.backends.json import BaseJSONOperations, Kind

__all__ = ["SQLiteJSONOperations"]

ARRAY = "CASE WHEN v.type = 'array' THEN v.value END"
OBJECT = "CASE WHEN o.type = 'object' THEN o.value END"


class SQLiteJSONOperations(BaseJSONOperations):
    kinds = {
        Kind.STRING: ["text"],
        Kind.NUMBER: ["integer", "real"],
        Kind.BOOLEAN: ["true", "false"],
        Kind.NULL: ["null"],
        Kind.ARRAY: ["array"],
        Kind.OBJECT: ["object"],
    }
    kind_sql = "v.type"
    text_sql = ordered_sql = "CASE WHEN v.type = 'text' THEN v.atom ELSE v.type END"
    number_sql = "v.atom"
    false_sql = "0"

    def value_at(self, column: str, path: Sequence[str]) -> tuple[str, list[Any]]:
        within = f"CASE WHEN json_type({column}) = 'object' THEN {column} END"
        sql = f"SELECT e.* FROM json_each({within}) e WHERE e.key = %s"  # noqa: S608
        for _ in path[1:]:
            sql = f"SELECT e.* FROM ({sql}) o, json_each({OBJECT}) e WHERE e.key = %s"  # noqa: S608
        return sql, [*path]

    def elements_of(self, value: str) -> str:
        return f"SELECT e.* FROM ({value}) v, json_each({ARRAY}) e"  # noqa: S608
