"""Haystack's filters as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from haystack import Document

from hybrid_store.contrib.retrieval.columns import Column, FieldColumn
from hybrid_store.contrib.retrieval.filters import (
    MOST_DEPTH,
    Condition,
    Filter,
    Group,
    Operator,
)
from hybrid_store.contrib.retrieval.layout import Layout
from hybrid_store.contrib.retrieval.showing import shown
from hybrid_store.exceptions import FilterError

__all__ = ["DocumentLayout", "metadata_path", "translated"]

META = "meta"
COMPARISON = {"field", "operator", "value"}
LOGIC = {"operator", "conditions"}
COMPARED = {name: Operator(name) for name in ("==", "!=", ">", ">=", "<", "<=", "in", "not in")}
ORDERED = {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
LISTED = {Operator.IN, Operator.NOT_IN}
JOINED: Mapping[str, Callable[[list[Filter]], Filter]] = {
    "AND": lambda parts: Group("and", parts),
    "OR": lambda parts: Group("or", parts),
    "NOT": lambda parts: Group("not", [Group("and", parts)]),
}
# Fields of a document that are asked for, and those that are not to be taken for metadata.
ASKED = {"id", "content"}
OTHERS = {field.name for field in fields(Document)} - ASKED


class DocumentLayout(Layout):
    """Paths begin with a field of Haystack's document: "id", "content", or "meta" and its keys."""

    def column(self, path: tuple[str, ...]) -> Column:
        root, *keys = path
        if root == META:
            return super().column(tuple(keys))
        return FieldColumn(self.model, {"id": self.key, "content": self.text}[root])


def translated(given: dict[str, Any] | None) -> Filter | None:
    """Raises `FilterError` for what is none, with all that a filter may not be said by."""
    return _part(given, 0) if given or not isinstance(given, dict | None) else None


def _part(given: Any, depth: int) -> Filter:
    if depth > MOST_DEPTH:
        raise FilterError(f"The filter is nested too deeply: use at most {MOST_DEPTH} levels.")
    if not isinstance(given, dict):
        raise FilterError(f"{shown(given)} is no filter: give a dictionary.")
    known = COMPARISON if "field" in given else LOGIC
    if unlike := {*given} ^ known:
        fault = ", ".join(f"{'has' if name in given else 'lacks'} {shown(name)}" for name in unlike)
        raise FilterError(f"A filter {fault}: give {', '.join(map(repr, sorted(known)))}.")
    return _condition(given) if "field" in given else _group(given, depth)


def _group(given: dict[str, Any], depth: int) -> Filter:
    join: Callable[[list[Filter]], Filter] = _known(given["operator"], JOINED)
    if not isinstance(given["conditions"], list) or not given["conditions"]:
        raise FilterError(f"The conditions of {given['operator']!r} have to be a list of some.")
    return join([_part(part, depth + 1) for part in given["conditions"]])


def _condition(given: dict[str, Any]) -> Filter:
    operator, value = _known(given["operator"], COMPARED), given["value"]
    if operator in LISTED and not isinstance(value, list):
        raise FilterError(f"{shown(value)} is no list of values, which {operator!r} needs.")
    if operator in ORDERED and isinstance(value, str) and not _is_time(value):
        raise FilterError(
            f"{shown(value)} is no time in a format of ISO 8601: other texts are not compared by "
            f"{operator.value!r}."
        )
    return Condition(_path(given["field"]), operator, value)


def _known(operator: Any, operators: Mapping[str, Any]) -> Any:
    if isinstance(operator, str) and operator in operators:
        return operators[operator]
    known = ", ".join(map(repr, operators))
    raise FilterError(
        f"{shown(operator)} is no operator of this kind of filter; there are: {known}."
    )


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _path(field: Any) -> tuple[str, ...]:
    if isinstance(field, str) and field in ASKED:
        return (field,)
    return (META, *metadata_path(field))


def metadata_path(field: Any) -> tuple[str, ...]:
    """The keys of metadata from the outermost one on; "meta." before them may be left out."""
    if not isinstance(field, str) or not field or field in OTHERS:
        raise FilterError(
            f"{shown(field)} is no field to filter by: give 'id', 'content' or 'meta.'."
        )
    return tuple(field.removeprefix(f"{META}.").split("."))
