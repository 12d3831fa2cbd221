"""Values inside of JSON columns, as conditions need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["BaseJSONOperations", "JSONTest", "Kind"]


class Kind(StrEnum):
    """What a value in JSON is."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    ARRAY = "array"
    OBJECT = "object"


@dataclass(frozen=True)
class JSONTest:
    """What a value has to be: of one of the `kinds`, and what `sql` says of it.

    There `{text}` stands for a string, or for a boolean as "true" or "false", `{ordered}` for the
    same compared by code points, `{number}` for a number, `{regex}` and `{iregex}` for operators
    with the pattern. Nothing is asked of values of other kinds. `equal` is the one value that it
    holds for, as JSON, if that is so.
    """

    kinds: Sequence[Kind]
    sql: str = ""
    params: Sequence[Any] = ()
    equal: str | None = None


class BaseJSONOperations:
    """Per-database SQL over JSON columns. In it, `v` is the value in question."""

    # What the database calls the kinds.
    kinds: Mapping[Kind, Sequence[str]] = {kind: [kind.value] for kind in Kind}
    kind_sql, text_sql, ordered_sql, number_sql = "", "", "", ""
    false_sql = "false"

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def holds(
        self, column: str, path: Sequence[str], test: JSONTest, *, of_elements: bool
    ) -> tuple[str, list[Any]]:
        """SQL, never NULL: does a test hold for the value at a path of keys, or with `of_elements`
        for any element of the array that is there?"""
        value, keys = self.value_at(column, path)
        source = self.elements_of(value) if of_elements else value
        names = [name for kind in test.kinds for name in self.kinds[kind]]
        condition = f"{self.kind_sql} IN ({', '.join(['%s'] * len(names))})"
        if test.sql:
            condition = f"CASE WHEN {condition} THEN {self._asked(test)} ELSE {self.false_sql} END"
        sql = f"EXISTS (SELECT 1 FROM ({source}) v WHERE {condition})"  # noqa: S608
        return sql, [*keys, *names, *test.params]

    def _asked(self, test: JSONTest) -> str:
        operators: Mapping[str, str] = self.connection.operators  # type: ignore[attr-defined]
        return test.sql.format(
            text=self.text_sql,
            ordered=self.ordered_sql,
            number=self.number_sql,
            regex=operators["regex"],
            iregex=operators["iregex"],
        )

    def value_at(self, column: str, path: Sequence[str]) -> tuple[str, list[Any]]:
        """SELECT of the value at that path, if there is one; its keys are bound."""
        raise NotImplementedError

    def elements_of(self, value: str) -> str:
        """SELECT of the elements of the array that `value` selects; none if it is no array."""
        raise NotImplementedError
