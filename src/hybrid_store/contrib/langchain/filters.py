"""Filters in LangChain's form: `{"year": {"$gte": 2000}, "$or": [{...}, {...}]}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybrid_store.contrib.retrieval.filters import Condition, Filter, Group, Operator
from hybrid_store.contrib.retrieval.showing import shown
from hybrid_store.exceptions import FilterError

__all__ = ["filter_of"]

OPERATORS: Mapping[str, Operator] = {
    "$eq": Operator.EQ,
    "$ne": Operator.NE,
    "$lt": Operator.LT,
    "$lte": Operator.LTE,
    "$gt": Operator.GT,
    "$gte": Operator.GTE,
    "$in": Operator.IN,
    "$nin": Operator.NOT_IN,
    "$between": Operator.BETWEEN,
    "$exists": Operator.EXISTS,
    "$like": Operator.LIKE,
    "$ilike": Operator.ILIKE,
}
CONNECTORS: Mapping[str, str] = {"$and": "and", "$or": "or", "$not": "not"}


def filter_of(given: Any) -> Filter | None:
    """The conditions of a filter, all of which have to hold; None for none.

    A value that is no dictionary is compared by `$eq`. `$and` and `$or` take a list of filters,
    `$not` one, or a list of which none may hold. Raises `FilterError`.
    """
    if given is None:
        return None
    try:
        return _all_of(given)
    except RecursionError as error:
        raise FilterError("The filter is nested too deeply.") from error


def _all_of(given: Any) -> Filter:
    if not isinstance(given, Mapping):
        raise FilterError(f"A filter is a dictionary, not {shown(given)}.")
    return _joined("and", [_part(key, value) for key, value in given.items()])


def _part(key: Any, value: Any) -> Filter:
    if not isinstance(key, str):
        raise FilterError(f"The key of a condition is a text, not {shown(key)}.")
    if key in CONNECTORS:
        return Group(CONNECTORS[key], [_all_of(part) for part in _filters(key, value)])
    if key.startswith("$"):
        raise _unknown(key, CONNECTORS)
    if not isinstance(value, Mapping):
        return Condition((key,), Operator.EQ, value)
    if not value:
        raise FilterError(f"{shown(key)}: the condition is empty.")
    return _joined("and", [_condition(key, name, asked) for name, asked in value.items()])


def _filters(connector: str, value: Any) -> list[Any]:
    if connector == "$not" and isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple) or not value or not all(value):
        raise FilterError(f"{connector} takes a list of filters, not {shown(value)}.")
    return [*value]


def _condition(key: str, name: Any, asked: Any) -> Condition:
    if name not in OPERATORS:
        raise _unknown(name, OPERATORS)
    if name == "$exists" and not isinstance(asked, bool):
        raise FilterError(f"{shown(key)}: $exists takes True or False, not {shown(asked)}.")
    return Condition((key,), OPERATORS[name], asked)


def _joined(connector: str, parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else Group(connector, parts)


def _unknown(name: Any, known: Mapping[str, Any]) -> FilterError:
    return FilterError(f"There is no operator {shown(name)} here, use one of {', '.join(known)}.")
