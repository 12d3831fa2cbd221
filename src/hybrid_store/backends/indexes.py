"""Approximate indexes, as models ask for them, databases have them, and searches use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hybrid_store.vectors import SINGLE, Codec

if TYPE_CHECKING:
    from django.db.models import Q

__all__ = [
    "MOST_EFFORT",
    "FilteredSearch",
    "IndexSpec",
    "Proposals",
    "Scan",
    "StoredIndex",
    "VectorColumn",
]

MOST_EFFORT = 1000
"""The greatest hnsw.ef_search (pgvector, src/hnsw.h)."""


class VectorColumn(Protocol):
    """What of a vector field matters to an index."""

    name: str
    dimensions: int

    @property
    def codec(self) -> Codec: ...


@dataclass(frozen=True)
class IndexSpec:
    """What a `VectorIndex` asks a database for: method, precision, metric and options."""

    name: str
    field_name: str
    codec: Codec
    dimensions: int
    metric: str
    method: str = "hnsw"
    # Name of the precision that is indexed: that of the column, or less.
    precision: str = SINGLE.name
    options: Mapping[str, int] = field(default_factory=dict, hash=False)
    # As the model says it, and in SQL when the index is made.
    condition: Q | None = field(default=None, hash=False)
    condition_sql: str | None = None
    concurrently: bool = False

    @property
    def gives_nearest(self) -> bool:
        """Does a scan give as many of the nearest rows as its effort, and no others?"""
        return self.method == "hnsw"

    @property
    def is_rough(self) -> bool:
        """Is the order of the index not that of the distances between the stored vectors?"""
        return self.precision != self.codec.name


@dataclass(frozen=True)
class StoredIndex:
    """An approximate index as it stands in a database; `metric` is None for binary vectors, and
    where it is of somebody else's making.

    `type_name` is what it compares, `indexed` the SQL of that: a column or an expression of it;
    `condition` is the SQL of the rows that it has, "" for all.
    """

    name: str
    column: str
    method: str
    metric: str | None
    is_valid: bool
    type_name: str = ""
    indexed: str = ""
    condition: str = ""
    is_expression: bool = False


@dataclass(frozen=True)
class FilteredSearch:
    """At most `limit` rows of `table` that have `value` in `column`, the nearest first to the row
    with the key `near`. Names are those of columns; values are as the driver takes them."""

    table: str
    key: str
    near: Any
    column: str
    value: Any
    limit: int


@dataclass(frozen=True)
class Scan:
    """One pass over an approximate index.

    `effort` is how many of the nearest rows are looked at, from 1 to `MOST_EFFORT`. At most `limit`
    of those that match are fetched. A scan that `resumes` looks at further rows until it has them.
    `matches`, if not 0, is how many rows must match before those wanted are believed to be among
    them: more than are wanted, where the index orders rows roughly.
    """

    effort: int
    limit: int
    resumes: bool = False
    matches: int = 0


class Proposals(Protocol):
    """The rows that may be near to a vector, in lists that only grow from call to call."""

    @property
    def rows(self) -> int:
        """How many rows could be proposed, at most."""

    @property
    def proposed(self) -> int:
        """How many rows were proposed last."""

    @property
    def lacks_distances(self) -> bool:
        """May there be rows with a vector, but without a distance, that are not in every list?"""

    @property
    def condition(self) -> str:
        """SQL that holds for the rows in a list; {table} stands for theirs, %s for the list."""

    @property
    def key(self) -> str:
        """SQL of what such a list is made of, as JSON; {table} stands for the rows' table."""

    def nearest(self, count: int) -> str:
        """Rows among which so many are, in all likelihood, the nearest of all, as such a list."""

    def best(self, count: int) -> str:
        """So many rows or a few more, as the list that `condition` takes."""

    def within(self, distance: float) -> str:
        """All rows that may be as near as that."""

    def count(self, distance: float) -> int:
        """How many rows may be as near as that."""

    def only(self, keys: Sequence[int]) -> Proposals:
        """Proposals of no other rows than these; all of them within an infinite distance."""

    def are_surpassed_by(self, distance: float) -> bool:
        """Is a row at that distance nearer than all that have not been proposed?"""
