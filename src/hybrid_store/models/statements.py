"""The statements of one search, each a variation of its query."""

from __future__ import annotations

from itertools import chain
from typing import Any

from django.db.models.sql.constants import MULTI

from hybrid_store.backends.indexes import Scan
from hybrid_store.models.search_query import SearchQuery

__all__ = ["Statements"]


class Statements:
    """Sends one after the other.

    The first is compiled by the very compiler that the rows are read by, which is one compilation
    less; so all must select the same columns. `last` is the compiler of the last one.
    """

    def __init__(self, compiler: Any, chunk_size: int) -> None:
        self.first = compiler
        self.last: Any = None
        self.chunk_size = chunk_size

    def rows(self, query: SearchQuery, scan: Scan | None = None) -> list[Any]:
        """All rows of a variation, by one pass over an index where a `scan` is given."""
        compiler = self.first
        if self.last is not None:
            compiler = query.get_compiler(compiler.using, compiler.connection)
        self.last, compiler.query, compiler.scan = compiler, query, scan
        return [*chain.from_iterable(compiler._fetch(MULTI, False, self.chunk_size))]
