"""Searches by passes over an approximate index, not believed where it gives too few rows."""

from __future__ import annotations

import logging
from typing import Any

from hybrid_store.backends import vector_ops
from hybrid_store.backends.indexes import MOST_EFFORT, Scan
from hybrid_store.models import policy
from hybrid_store.models.search_query import Outcome, SearchQuery
from hybrid_store.models.statements import Statements

__all__ = ["Scanning"]

logger = logging.getLogger("hybrid_store")

APPROXIMATE = (
    "%s: an index found too few of the nearest rows, and an exact search would compare too many "
    "(exact_rows): the rows found match, but may not be the nearest ones."
)


class Scanning:
    """The rows of one search by the policy of `hybrid_store.models.policy`."""

    def __init__(self, compiler: Any, query: SearchQuery, chunk_size: int) -> None:
        self.ops = vector_ops(compiler.connection)
        self.query = query
        self.statements = Statements(compiler, chunk_size)
        self.scans: list[Scan] = []

    def fetch(self, scan: Scan | None) -> Any:
        """Chunks of rows, beginning with that scan."""
        query, found = self.query, self.query.wanted
        while scan is not None:
            rows = self._scanned(query, scan)
            found = len(rows)
            if self._has_enough(scan, found) or self._ends_at_limit(scan):
                return self._ended(self._slice(scan, rows), exact=False)
            matching = self._matching(scan, found)
            scan = policy.wider_scan(scan, query.needed, matching, query.enough)
        if found and self._is_dear():
            rows = self._scanned(query, policy.last_scan(query.needed))
            if len(rows) >= query.wanted:
                logger.warning(APPROXIMATE, query.search.field.label)
                return self._ended(rows, exact=False)
        return self._ended(self.statements.rows(query.exactly()), exact=True)

    def _has_enough(self, scan: Scan, found: int) -> bool:
        share = self.query.enough if scan.effort >= MOST_EFFORT else 1.0
        return found >= share * (scan.matches or self.query.wanted)

    def _slice(self, scan: Scan, rows: list[Any]) -> list[Any]:
        """Those asked for, of the rows of a scan that fetches its matches from the first one."""
        return rows[int(self.query.low_mark) : self.query.needed] if scan.matches else rows

    def _matching(self, scan: Scan, found: int) -> int:
        """Rows that matched: of a slice, also those before it."""
        return found and found + (0 if scan.matches else int(self.query.low_mark))

    def _is_dear(self) -> bool:
        """Would an exact search compare more rows than it may?"""
        most = self.query.search.tuning_now.exact_rows
        if self.ops.table_rows(self.query.search.field.model) <= most:
            return False
        return self.ops.compared_rows(self.query.exactly()) > most

    def _scanned(self, query: SearchQuery, scan: Scan) -> list[Any]:
        self.scans.append(scan)
        return self.statements.rows(query, scan)

    def _ends_at_limit(self, scan: Scan) -> bool:
        """Are the rows that are missing those beyond a greatest distance?"""
        beyond = self.query.beyond_limits()
        if beyond is None:
            return False
        wide = Scan(MOST_EFFORT, scan.limit)
        return len(self._scanned(beyond, wide)) >= self.query.wanted

    def _ended(self, rows: list[Any], exact: bool) -> list[list[Any]]:
        """One chunk of rows, or none where there are none, as of a cursor."""
        self.query.outcome = Outcome(exact, tuple(self.scans))
        return [rows] if rows else []
