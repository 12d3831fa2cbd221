"""Filters of LlamaIndex become those of collections."""

from __future__ import annotations

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from hybrid_store.contrib.retrieval.filters import Condition, Filter, Group, Operator
from hybrid_store.exceptions import FilterError

__all__ = ["translated"]

OPERATORS = {
    FilterOperator.EQ: Operator.EQ,
    FilterOperator.NE: Operator.NE,
    FilterOperator.GT: Operator.GT,
    FilterOperator.GTE: Operator.GTE,
    FilterOperator.LT: Operator.LT,
    FilterOperator.LTE: Operator.LTE,
    FilterOperator.IN: Operator.IN,
    FilterOperator.NIN: Operator.NOT_IN,
    FilterOperator.ANY: Operator.ANY,
    FilterOperator.ALL: Operator.ALL,
    FilterOperator.TEXT_MATCH: Operator.HAS_TEXT,
    FilterOperator.TEXT_MATCH_INSENSITIVE: Operator.HAS_TEXT_IN_ANY_CASE,
    FilterOperator.CONTAINS: Operator.CONTAINS,
    FilterOperator.IS_EMPTY: Operator.IS_EMPTY,
}


def translated(given: MetadataFilters | MetadataFilter | None) -> Filter | None:
    """None where there is no condition. NOT holds where none of its parts does.

    Raises `FilterError`.
    """
    if given is None:
        return None
    if isinstance(given, MetadataFilter):
        return Condition((given.key,), OPERATORS[given.operator], given.value)
    try:
        return _group(given) if given.filters else None
    except RecursionError as error:
        raise FilterError("The filter is nested too deeply.") from error


def _group(given: MetadataFilters) -> Group:
    parts = [
        _group(part) if isinstance(part, MetadataFilters) else translated(part)
        for part in given.filters
    ]
    connector = FilterCondition(given.condition or FilterCondition.AND).value
    return Group(connector, [part for part in parts if part is not None])
