"""Filters in OpenAI's form: `{"type": "gte", "key": "year", "value": 2000}`, and "and", "or"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybrid_store.contrib.retrieval.filters import (
    MOST_DEPTH,
    Columns,
    Condition,
    Filter,
    Group,
    Operator,
    where,
)
from hybrid_store.exceptions import FilterError

__all__ = ["filter_of"]

OPERATORS: Mapping[str, Operator] = {
    "eq": Operator.EQ,
    "ne": Operator.NE,
    "gt": Operator.GT,
    "gte": Operator.GTE,
    "lt": Operator.LT,
    "lte": Operator.LTE,
    "in": Operator.IN,
    "nin": Operator.NOT_IN,
}
LISTS = {"in", "nin"}
CONNECTORS = ("and", "or")
LIMIT = 2**63
"""Beyond it, a database has no integers, and JSON no exact ones."""


def filter_of(given: Any, columns: Columns, level: int = 1) -> Filter:
    """The conditions of a filter.

    Raises `FilterError`, with sentences that name nothing but what the filter itself does.
    """
    if level > MOST_DEPTH:
        raise FilterError(f"The filter is nested more than {MOST_DEPTH} times.")
    kind = given.get("type") if isinstance(given, Mapping) else None
    if isinstance(kind, str) and kind in CONNECTORS:
        [parts] = _values(given, "filters")
        if not isinstance(parts, list) or not parts:
            raise FilterError(f"{kind!r} joins a list of filters, not {parts!r:.60}.")
        return Group(kind, [filter_of(part, columns, level + 1) for part in parts])
    if isinstance(kind, str) and kind in OPERATORS:
        key, value = _values(given, "key", "value")
        return _condition(kind, key, value, columns)
    known = ", ".join(map(repr, [*OPERATORS, *CONNECTORS]))
    raise FilterError(f"A filter is an object whose type is one of {known}, not {given!r:.60}.")


def _values(given: Mapping[str, Any], *names: str) -> list[Any]:
    """Those of these names; there have to be no others."""
    if {*given} != {"type", *names}:
        wanted = " and ".join(map(repr, names))
        raise FilterError(f"A filter of the type {given['type']!r} has {wanted}, and no more.")
    return [given[name] for name in names]


def _condition(kind: str, key: Any, value: Any, columns: Columns) -> Condition:
    if not isinstance(key, str):
        raise FilterError(f"The key of a filter is a text, not {key!r:.60}.")
    is_list = isinstance(value, list)
    if is_list is not (kind in LISTS) or not all(map(_is_scalar, value if is_list else [value])):
        wanted = "a list of texts and numbers" if kind in LISTS else "a text, a number or a boolean"
        raise FilterError(f"{kind!r} compares {key!r:.60} with {wanted}, not {value!r:.60}.")
    found = Condition((key,), OPERATORS[kind], value)
    try:
        where(found, columns)
    except FilterError as error:
        # That sentence has the names of models and fields.
        raise FilterError(f"{kind!r} cannot compare {key!r:.60} with {value!r:.60}.") from error
    return found


def _is_scalar(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return -LIMIT <= value < LIMIT
    return isinstance(value, str | bool)
