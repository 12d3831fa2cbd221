"""The `Query` of a ranked queryset, and the variations of it that are sent to a database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from math import inf
from typing import Any, cast

from django.db.models import F, Q, Value
from django.db.models.expressions import Col, OrderBy
from django.db.models.lookups import Exact, IsNull, LessThan, LessThanOrEqual
from django.db.models.sql import Query
from django.db.models.sql.constants import INNER
from django.db.models.sql.where import AND, WhereNode

from hybrid_store.backends.indexes import IndexSpec, Scan
from hybrid_store.models.fields import BaseVectorField
from hybrid_store.models.functions import METRICS, HasDistance
from hybrid_store.models.known_indexes import index_for
from hybrid_store.models.late import LateValue
from hybrid_store.models.near import Near
from hybrid_store.models.search_expressions import Among, RoughDistance, RowKey
from hybrid_store.models.targets import QueryVector
from hybrid_store.models.tuning import Tuning, configured

__all__ = ["Outcome", "Search", "SearchQuery", "WithoutDistance", "leaves_null_out"]

# Name of the column of `matching`.
KEY = "_hybrid_store_key"


class WithoutDistance(Enum):
    """Where the rows are that have no distance."""

    ARE_LEFT_OUT = auto()
    COME_FIRST = auto()
    COME_LAST = auto()


@dataclass(frozen=True)
class Outcome:
    """How the rows of a search were found; `exact` is False where an index may have been used.

    `index` is the name of an index that has proposed the rows, and `compared` how many those were.
    """

    exact: bool
    scans: tuple[Scan, ...] = ()
    index: str | None = None
    compared: int | None = None


@dataclass(frozen=True)
class Search:
    """What a ranked queryset is near to, and the annotation that it is ordered by.

    `conditions` is the number of conditions that the search itself has put on a queryset that had
    none; None where it had some. `in_space` is whether it is of vectors of today's space alone, so
    that it is told when there are others.
    """

    field: BaseVectorField
    near: QueryVector
    metric: str
    distance_as: str
    conditions: int | None = None
    tuning: Tuning | None = None
    in_space: bool = True

    def prepare(self) -> None:
        """Compute a late vector now."""
        if isinstance(self.near, LateValue):
            self.near.prepare()

    def tuned(self, **given: Any) -> Search:
        return replace(self, tuning=(self.tuning or configured()).but(**given))

    @property
    def tuning_now(self) -> Tuning:
        return self.tuning or configured()

    @cached_property
    def index(self) -> IndexSpec | None:
        return index_for(self.field, self.metric)


class SearchQuery(Query):
    """A query whose compiler, on any database, is a `SearchCompiler`."""

    search: Search
    # SQL that stands for the query vector, where the statement says elsewhere what it is.
    near_sql: str | None = None
    # Is it compiled as it is: is its order, and so the use of an index, decided?
    is_settled = False
    # Does it compare all rows that fulfil its conditions?
    is_exact = False
    without_distance = WithoutDistance.ARE_LEFT_OUT
    # The share of the rows wanted with which it is content, where an index finds no more of them.
    enough = 1.0
    # May it have rows that do not fulfil the conditions of the search, as by `|`?
    is_widened = False
    outcome: Outcome | None = None

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> Any:
        from hybrid_store.models.search_compiler import search_compiler

        compiler = super().get_compiler(using, connection, elide_empty)
        compiler.__class__ = search_compiler(cast("Any", type(compiler)))
        return compiler

    def prepare_search(self) -> None:
        """Compute a late vector now."""
        self.search.prepare()

    def combine(self, rhs: Query, connector: str) -> None:
        super().combine(rhs, connector)
        self.is_widened = self.is_widened or connector != AND

    # What it asks for

    @property
    def is_nearest_first(self) -> bool:
        """Is it still ordered as the search left it?"""
        return bool(self.order_by) and self._is_nearest(self.order_by[0])

    def _is_nearest(self, order: Any) -> bool:
        name = self.search.distance_as
        if isinstance(order, str):
            return order == (name if self.standard_ordering else f"-{name}")
        if isinstance(order, OrderBy):
            # There are no NULLs among distances.
            order = None if order.descending == self.standard_ordering else order.expression
        return isinstance(order, F) and cast("Any", order).name == name

    @property
    def is_plain(self) -> bool:
        """Can a column be added without changing which rows there are, and all have a distance?"""
        return not (self.distinct or self.group_by or self.combinator or self.is_widened)

    @property
    def has_windows(self) -> bool:
        """Is anything computed of all rows that fulfil its conditions, also of those far away?"""
        parts = (*self.annotations.values(), *self.order_by, self.where)
        return any(getattr(part, "contains_over_clause", False) for part in parts)

    @property
    def may_use_index(self) -> bool:
        """Is it seen whether there are enough rows, and are only those locked that are given?"""
        is_sliced = self.high_mark is not None and self.high_mark > self.low_mark
        needs_all = self.subquery or self.select_for_update or self.combinator or self.has_windows
        return is_sliced and not needs_all

    @property
    def needed(self) -> int:
        """How many of the nearest rows a slice spans, from the first one."""
        return int(self.high_mark or 0)

    @property
    def wanted(self) -> int:
        """How many rows a slice asks for."""
        return self.needed - int(self.low_mark)

    @property
    def is_filtered(self) -> bool:
        """May the nearest rows of the table not all be among its rows?"""
        return (
            len(self.where.children) != self.search.conditions
            or not self.is_plain
            or any(getattr(join, "join_type", None) == INNER for join in self.alias_map.values())
        )

    @property
    def greatest_distance(self) -> float:
        """The distance beyond which no row is asked for."""
        if self.where.connector != AND or self.where.negated:
            return inf
        limits = (child for child in self.where.children if self._is_limit(child))
        return min((float(cast("Any", limit).rhs) for limit in limits), default=inf)

    # Variations

    def exactly(self) -> SearchQuery:
        """The same rows in the same order, from no approximate index.

        An index is only used to order by the very distance it was built for: adding zero is none.
        """
        exact = self._settled()
        exact.order_by = (F(self.search.distance_as) + Value(0.0), *self.order_by[1:])
        exact.standard_ordering = True
        exact.is_exact = True
        return exact

    def unguarded(self) -> SearchQuery | None:
        """The same without asking of every row whether it has a distance.

        Rows that have none come last, and have to be left out of those that are found. None where
        that cannot be seen, or is not asked at all.
        """
        kept = [child for child in self.where.children if not _is_guard(child)]
        name = self.search.distance_as
        is_seen = name in self.annotation_select and not (
            # There could be two columns of that name.
            self.select_related or any(f.column == name for f in self.get_meta().concrete_fields)
        )
        is_asked = len(kept) < len(self.where.children) and self.where.connector == AND
        if not (is_asked and is_seen and self.is_plain and self.may_use_index):
            return None
        unguarded = cast(SearchQuery, self.clone())
        unguarded.explain_info = None
        unguarded.where.children = kept
        return unguarded

    def scanned(self, scan: Scan, breaks_ties: bool) -> SearchQuery:
        """The nearest rows, and no more than the scan is to fetch.

        Ties may be in no certain order: not every database can use the index otherwise.
        """
        scanned = self._settled()
        scanned.explain_info = None
        if not breaks_ties:
            scanned.order_by = self.order_by[:1]
        scanned.set_limits(0, scan.limit)
        return scanned

    def among(self, condition: str, rows: str) -> SearchQuery:
        """The nearest of the proposed `rows`, from the first one; see `Proposals`."""
        chosen = self._settled()
        # The distance is computed only of rows for which this holds.
        among: Any = Among(self.column, condition, rows)
        chosen.where = WhereNode([among, chosen.where])
        chosen.low_mark = 0
        return chosen

    def matching(self, key: str, limit: int) -> SearchQuery:
        """Keys of so many rows, among which are all that fulfil the conditions.

        Those on the vector and its distance, and on its space, are left out: an index that serves
        the others tells the keys without a look at the rows.
        """
        found = self._settled()
        if self.where.connector == AND and not self.where.negated:
            found.where.children = [
                child for child in self.where.children if not self.is_on_vector(child)
            ]
        found.clear_select_clause()
        found.clear_ordering(force=True)
        found.set_annotation_mask(())
        found.add_annotation(RowKey(self.column, key), KEY)
        found.clear_limits()
        found.set_limits(0, limit)
        return found

    def is_on_vector(self, condition: Any) -> bool:
        """Is it a condition on the vector, its distance, or its space?"""
        column, field = self.column, self.search.field
        if _is_guard(condition) or self._is_limit(condition) or leaves_null_out(condition, column):
            return True
        asked: Any = getattr(condition, "lhs", None)
        fingerprint = getattr(field, "fingerprint_name", None)
        return _is_column(asked, column.alias) and asked.target.name == fingerprint

    def sorted_out(self, scan: Scan, index: IndexSpec | None) -> SearchQuery:
        """The nearest among what a scan finds whose order is not that of the true distances."""
        chosen = self.exactly()
        chosen.is_exact = False
        chosen.explain_info = None
        chosen.clear_limits()
        if index is None or index.gives_nearest or scan.resumes:
            found = Q(pk__in=self._found(scan, index))
            if len(chosen.alias_map) <= 1:
                # What is found fulfils the conditions; those on other tables also say what is
                # joined.
                chosen.where = WhereNode()
        else:
            own_key = self.search.field.model._meta.pk.name
            found = Q(**{f"{own_key}__in": self._nearest_of_all(scan, index)})
        chosen.add_q(found)
        low, high = (0, scan.matches) if scan.matches else (self.low_mark, self.high_mark)
        chosen.set_limits(low, high)
        return chosen

    def _found(self, scan: Scan, index: IndexSpec | None) -> Query:
        """Keys of the rows that one scan of an index finds under the conditions."""
        found = self._settled()
        found.explain_info = None
        found.clear_select_clause()
        found.clear_limits()
        found.set_annotation_mask(())
        found.add_fields(["pk"])
        found.order_by = (self._order(index),)
        found.set_limits(0, max(scan.effort, scan.limit))
        return found

    def _nearest_of_all(self, scan: Scan, index: IndexSpec) -> Query:
        """Keys of the nearest rows of the table, as many as the effort.

        Where a scan reads more rows than the nearest, those that fulfil conditions are not the
        nearest ones that do.
        """
        field = self.search.field
        rows = field.model._base_manager.filter(**{f"{field.name}__isnull": False})
        rows = rows if index.condition is None else rows.filter(index.condition)
        found = rows.order_by(self._order(index)).values("pk")[: scan.effort].query
        cast("Any", found).near_sql = self.near_sql
        return found

    def _order(self, index: IndexSpec | None) -> Any:
        field, near = self.search.field, Near(self.near.value)
        if index is not None and index.is_rough:
            return RoughDistance(index, Near(self.near.value, output_field=field))
        return METRICS[self.search.metric](field.name, near)

    @property
    def column(self) -> Any:
        """The vector of a row in the expression of the distance."""
        return self._operands[0]

    @property
    def near(self) -> Any:
        """The query vector in the expression of the distance."""
        return self._operands[1]

    @property
    def _operands(self) -> list[Any]:
        expressions: list[Any] = self.annotations[self.search.distance_as].get_source_expressions()
        return expressions

    def beyond_limits(self) -> SearchQuery | None:
        """The rows with no limit to their distance; None where there is no such limit."""
        if self.where.connector != AND or self.where.negated:
            return None
        kept = [child for child in self.where.children if not self._is_limit(child)]
        if len(kept) == len(self.where.children):
            return None
        beyond = cast(SearchQuery, self.clone())
        beyond.where.children = kept
        return beyond

    def _is_limit(self, condition: Any) -> bool:
        """Is it the same greatest distance for every row?"""
        distance = self.annotations[self.search.distance_as]
        if not (isinstance(condition, LessThan | LessThanOrEqual) and condition.lhs is distance):
            return False
        return isinstance(condition.rhs, int | float)

    def _settled(self) -> SearchQuery:
        settled = cast(SearchQuery, self.clone())
        settled.is_settled = True
        return settled


def leaves_null_out(condition: Any, column: Any) -> bool:
    """Is it `filter(vector__isnull=False)` or `exclude(vector=None)`?"""
    is_null = False
    if isinstance(condition, WhereNode) and len(condition.children) == 1:
        is_null, [condition] = condition.negated, condition.children
    if not isinstance(condition, IsNull) or bool(condition.rhs) != is_null:
        return False
    return _is_column(condition.lhs, column.alias) and condition.lhs.target == column.target


def _is_column(expression: Any, alias: str) -> bool:
    return isinstance(expression, Col) and expression.alias == alias


def _is_guard(condition: Any) -> bool:
    """Does it say that there is a distance, and nothing else?"""
    # Django takes an expression that is a condition for `expression = True`.
    return isinstance(condition, Exact) and isinstance(condition.lhs, HasDistance)
