"""A warning for searches that read a large table because it has no index for their metric."""

from __future__ import annotations

import logging

from hybrid_store.backends import BaseVectorOperations
from hybrid_store.backends.indexes import IndexSpec
from hybrid_store.models.search_query import Search

__all__ = ["warn_if_unindexed"]

logger = logging.getLogger("hybrid_store")

LARGE_TABLE = 10_000
"""Rows, of which an exact search takes some milliseconds."""

_looked_at: set[tuple[str, str, str, str]] = set()


def warn_if_unindexed(search: Search, ops: BaseVectorOperations) -> None:
    """Look once a process, and log if an index would help."""
    field, connection = search.field, ops.connection
    name = str(connection.settings_dict["NAME"])
    key = connection.alias, name, field.label, search.metric
    if not ops.supports_vector_index or search.index is not None or key in _looked_at:
        return
    _looked_at.add(key)
    wanted = IndexSpec("", field.name, field.codec, field.dimensions, search.metric)
    if not ops.makes_index(field.model, wanted):
        return
    rows = ops.table_rows(field.model)
    if rows < LARGE_TABLE or _is_indexed(search, ops):
        return
    logger.warning(
        "%s: a search by %s reads about %d rows, because no index is for that metric. "
        'Add VectorIndex("%s", metric="%s", name=...) to the indexes of the model.',
        field.label,
        search.metric,
        rows,
        field.name,
        search.metric,
    )


def _is_indexed(search: Search, ops: BaseVectorOperations) -> bool:
    """By an index that the model does not declare?"""
    return any(
        index.column == search.field.column and index.metric in (search.metric, None)
        for index in ops.stored_indexes(search.field.model)
    )
