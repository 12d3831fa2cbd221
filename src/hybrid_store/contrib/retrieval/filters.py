"""One tree of conditions on documents, whatever framework they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import and_, or_
from typing import Any, Protocol, TypeAlias

from django.db.models import Q

from hybrid_store.contrib.retrieval.columns import Column
from hybrid_store.contrib.retrieval.showing import shown
from hybrid_store.exceptions import FilterError

__all__ = [
    "MOST_CONDITIONS",
    "MOST_DEPTH",
    "Columns",
    "Condition",
    "Filter",
    "Group",
    "Operator",
    "where",
]

MOST_DEPTH = 20
"""How many groups of conditions may stand one in the other."""
MOST_CONDITIONS = 1000
"""How many conditions and values a filter may have."""


class Operator(StrEnum):
    """What a condition asks of a value.

    A value that is not there, or is null, fulfils `NE`, `NOT_IN` and `IS_EMPTY`, and `EQ` and `IN`
    with None; nothing else.
    """

    EQ = "=="
    NE = "!="
    GT = ">"
    GTE = ">="
    LT = "<"
    LTE = "<="
    IN = "in"
    NOT_IN = "not in"
    BETWEEN = "between"
    EXISTS = "exists"
    LIKE = "like"
    ILIKE = "ilike"
    HAS_TEXT = "has text"
    HAS_TEXT_IN_ANY_CASE = "has text in any case"
    CONTAINS = "contains"
    ANY = "any"
    ALL = "all"
    IS_EMPTY = "is empty"


@dataclass(frozen=True)
class Condition:
    """What the value at a path of keys has to be, from the outermost one on."""

    path: tuple[str, ...]
    operator: Operator
    value: Any = None


@dataclass(frozen=True)
class Group:
    """Several filters as one, by "and" or "or"; by "not" where none of them may hold."""

    connector: str
    parts: Sequence[Filter]


Filter: TypeAlias = Condition | Group


class Columns(Protocol):
    """Which column a path of keys stands for."""

    def column(self, path: tuple[str, ...]) -> Column:
        """Raises `FilterError` for one that stands for none."""


def where(given: Filter | None, columns: Columns) -> Q:
    """The condition on rows.

    Raises `FilterError` for keys and values that make none, and for filters of more than
    `MOST_DEPTH` levels or `MOST_CONDITIONS` conditions and values.
    """
    if given is None or (isinstance(given, Group) and not given.parts):
        return Q()
    _check_size(given)
    return _translated(given, columns)


def _check_size(given: Filter) -> None:
    level, size, depth = [given], 0, 0
    while level:
        size, depth = size + sum(map(_size, level)), depth + 1
        if size > MOST_CONDITIONS or depth > MOST_DEPTH:
            raise FilterError(
                f"The filter is too large: use at most {MOST_CONDITIONS} conditions and values, "
                f"nested at most {MOST_DEPTH} times."
            )
        level = [part for group in level if isinstance(group, Group) for part in group.parts]


def _size(part: Filter) -> int:
    value = part.value if isinstance(part, Condition) else None
    return len(value) if isinstance(value, list | tuple | set | frozenset) else 1


def _translated(given: Filter, columns: Columns) -> Q:
    if isinstance(given, Condition):
        return CONDITIONS[given.operator](columns.column(given.path), given.value)
    if not given.parts:
        raise FilterError(f"A filter joins nothing by {given.connector!r}: give it conditions.")
    if given.connector not in JOINED:
        known = ", ".join(map(repr, JOINED))
        raise FilterError(f"A filter is joined by {given.connector!r}: use one of {known}.")
    return JOINED[given.connector]([_translated(part, columns) for part in given.parts])


JOINED: Mapping[str, Callable[[Sequence[Q]], Q]] = {
    "and": lambda parts: reduce(and_, parts),
    "or": lambda parts: reduce(or_, parts),
    "not": lambda parts: ~reduce(or_, parts),
}


def _between(column: Column, value: Any) -> Q:
    ends = _several(column, value)
    if len(ends) != 2:
        raise FilterError(f"{column.label}: {len(ends)} values are between no two: give two.")
    return column.compare(">=", ends[0]) & column.compare("<=", ends[1])


def _all(column: Column, value: Any) -> Q:
    return reduce(and_, (column.has_any([one]) for one in _several(column, value)), Q())


def _several(column: Column, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple | set | frozenset):
        raise FilterError(f"{column.label}: {shown(value)} is no list of values: give one.")
    return [*value]


CONDITIONS: Mapping[Operator, Callable[[Column, Any], Q]] = {
    Operator.EQ: lambda column, value: column.one_of([value]),
    Operator.NE: lambda column, value: ~column.one_of([value]),
    Operator.GT: lambda column, value: column.compare(">", value),
    Operator.GTE: lambda column, value: column.compare(">=", value),
    Operator.LT: lambda column, value: column.compare("<", value),
    Operator.LTE: lambda column, value: column.compare("<=", value),
    Operator.IN: lambda column, value: column.one_of(_several(column, value)),
    Operator.NOT_IN: lambda column, value: ~column.one_of(_several(column, value)),
    Operator.BETWEEN: _between,
    Operator.EXISTS: lambda column, value: (
        ~column.one_of([None]) if value else column.one_of([None])
    ),
    Operator.LIKE: lambda column, value: column.is_like(value, ignore_case=False),
    Operator.ILIKE: lambda column, value: column.is_like(value, ignore_case=True),
    Operator.HAS_TEXT: lambda column, value: column.has_text(value, ignore_case=False),
    Operator.HAS_TEXT_IN_ANY_CASE: lambda column, value: column.has_text(value, ignore_case=True),
    Operator.CONTAINS: lambda column, value: column.has_any([value]),
    Operator.ANY: lambda column, value: column.has_any(_several(column, value)),
    Operator.ALL: _all,
    Operator.IS_EMPTY: lambda column, value: column.is_empty(),
}
