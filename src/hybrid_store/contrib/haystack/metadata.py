"""What values metadata has. All of it is read: what values JSON has no database tells alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["ends", "found_at", "types", "unique"]

Metadata = Iterable[Mapping[str, Any]]


def found_at(metadata: Metadata, path: Sequence[str]) -> Iterator[Any]:
    """The values at a path of keys, but for those that are not there or null."""
    for one in metadata:
        value = _at(one, path)
        if value is not None:
            yield value


def _at(metadata: Mapping[str, Any], path: Sequence[str]) -> Any:
    if (name := ".".join(path)) in metadata:
        return metadata[name]
    value: Any = metadata
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def unique(values: Iterable[Any]) -> list[Any]:
    """Each once, in the order of their texts. 1, 1.0, "1" and True are four."""
    # `default`: JSON in a database may hold what Python's does not write.
    by_json = {json.dumps(value, sort_keys=True, default=str): value for value in values}
    return sorted(by_json.values(), key=lambda value: (str(value), type(value).__name__))


def ends(values: Iterable[Any]) -> tuple[Any, Any]:
    """The least and the greatest; twice None where there are none, or where they do not compare."""
    scalars = [value for value in values if isinstance(value, int | float | str)]
    try:
        return min(scalars, default=None), max(scalars, default=None)
    except TypeError:
        return None, None


def types(metadata: Metadata) -> dict[str, str]:
    """By key, what Haystack calls the type of its values; of several, that of the last."""
    return {
        key: TYPES.get(type(value), "keyword")
        for one in metadata
        for key, value in one.items()
        if value is not None
    }


TYPES = {bool: "boolean", int: "int", float: "float"}
