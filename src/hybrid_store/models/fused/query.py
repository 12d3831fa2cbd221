"""The `Query` of a fused search, and its compiler."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet, Value
from django.db.models.query import FlatValuesListIterable
from django.db.models.sql import Query
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from hybrid_store.models.fused.finishing import Finisher
from hybrid_store.models.fused.ranking import Ranking
from hybrid_store.models.fused.statements import hits_sql
from hybrid_store.models.fused.tables import FIELDS, Column, KeyTable, SettledHits
from hybrid_store.models.names import check_names

__all__ = ["HITS", "FusedQuery", "LateHits"]

# Name of the table of hits in a query.
HITS = "hybrid_store_hits"
# Name of the annotation of the place in them.
PLACE = "_hybrid_store_place"


class LateHits:
    """Hits that are not known before the query runs, which is when its conditions are."""

    def __init__(self, ranking: Ranking) -> None:
        self.ranking = ranking

    def table_sql(self, compiler: Any, connection: Any) -> Any:
        """As a part of another query, where they stay unknown."""
        query: Any = compiler.query
        rows: QuerySet[Any] = QuerySet(query.model, query=searched(query), using=connection.alias)
        return hits_sql(self.ranking, rows, needed(query))


class FusedQuery(Query):
    """A query joined to the hits of a search, whose compiler settles them first."""

    is_settled = False
    # What is done to the rows that are fetched, where they are model objects.
    finishers: tuple[Finisher, ...] = ()

    @property
    def ranking(self) -> Ranking:
        [(_, table), *_] = late_tables(self)
        return cast(LateHits, table.rows).ranking

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> Any:
        compiler = super().get_compiler(using, connection, elide_empty)
        if not self.is_settled:
            compiler.__class__ = fused_compiler(cast("Any", type(compiler)))
        return compiler

    def prepare_search(self) -> None:
        """Compute a late vector now."""
        self.ranking.prepare()

    def settled(self, using: str) -> FusedQuery:
        """The same with the hits that the database has now."""
        rows: QuerySet[Any] = QuerySet(self.model, query=searched(self), using=using)
        hits = self.ranking.hits(rows, needed(self))
        settled = cast(FusedQuery, self.clone())
        settled.is_settled = True
        model = cast("type[Model]", self.model)
        for alias, table in late_tables(self):
            rows_of_hits = SettledHits(model, self.ranking.columns, hits)
            settled.alias_map[alias] = cast("Any", table.of(rows_of_hits))
        return settled

    def get_aggregation(self, using: str, aggregate_exprs: Mapping[str, Any]) -> Any:
        if self.is_settled or self.combinator:
            return super().get_aggregation(using, cast("Any", aggregate_exprs))
        counted = self._counted(using) if [*aggregate_exprs] == ["__count"] else None
        query: Query = self.settled(using) if counted is None else counted
        return query.get_aggregation(using, cast("Any", aggregate_exprs))

    def _counted(self, using: str) -> Query | None:
        """As many rows, none of them ranked; None where which ones there are is up to the ranks."""
        is_part = self.is_sliced or self.distinct or self.group_by is not None
        if is_part or self.ranking.stages or not self.ranking.is_alone:
            return None
        rows = searched(self)
        if len(rows.where.children) < len(self.where.children):
            return None
        [leg] = self.ranking.legs
        return leg.eligible(QuerySet(self.model, query=rows, using=using)).query


def join_hits(query: Query, ranking: Ranking) -> None:
    """Make a query that of a search, in the order of its hits, with that very ranking."""
    for _, table in [*late_tables(query)]:
        table.leave(query)
    query.__class__ = FusedQuery
    KeyTable.join(query, HITS, LateHits(ranking))
    place: Any = Column(HITS, "place")
    query.add_annotation(place, PLACE, select=False)
    query.clear_ordering(force=True, clear_default=False)
    query.add_ordering(PLACE, "pk")


def show_hits(queryset: QuerySet[Any], ranking: Ranking, names: Mapping[str, str]) -> None:
    """Make that very queryset a search whose rows carry columns of its hits.

    `names` are those of the annotations, by column; columns that no leg has are NULL.
    """
    check_names(queryset, {f"{column}_as": name for column, name in names.items()})
    query: Any = queryset.query
    join_hits(query, ranking)
    # No column is added to a flat list of values.
    shown = queryset._iterable_class is not FlatValuesListIterable
    for name, given in names.items():
        is_known = name in ("score", *ranking.columns)
        value: Any = Column(HITS, name) if is_known else Value(None, FIELDS[name](null=True))
        query.add_annotation(value, given, select=shown)


def late_tables(query: Query) -> Iterator[tuple[str, KeyTable]]:
    """The tables of late hits in a query, by their aliases."""
    tables: Mapping[str, Any] = query.alias_map
    for alias, table in tables.items():
        if isinstance(table, KeyTable) and isinstance(table.rows, LateHits):
            yield alias, table


def needed(query: Query) -> int | None:
    """How many of the best rows a slice spans; None where it is not one of those."""
    is_best_first = query.standard_ordering and query.order_by[:1] == (PLACE,)
    if query.high_mark is None or not is_best_first or query.group_by is not None:
        return None
    aliases = {alias for alias, _ in late_tables(query)}
    is_narrowed = any(_needs(child, aliases) for child in query.where.children)
    return None if is_narrowed else int(query.high_mark)


def searched(query: Query) -> Query:
    """The rows that are searched: those of a query without its hits and what depends on them."""
    base: Any = query.clone()
    base.__class__ = Query
    tables = dict(late_tables(query))
    aliases = {*tables}
    base.annotations = {
        name: part for name, part in base.annotations.items() if not _needs(part, aliases)
    }
    base.set_annotation_mask(None)
    base.where.children = [child for child in base.where.children if not _needs(child, aliases)]
    for table in tables.values():
        table.leave(base)
    base.clear_ordering(force=True)
    base.standard_ordering = True
    base.clear_limits()
    base.clear_select_clause()
    base.default_cols, base.deferred_loading = True, (frozenset(), True)
    base.distinct, base.distinct_fields, base.group_by = False, (), None
    base.select_for_update, base.explain_info = False, None
    return cast(Query, base)


def _needs(part: Any, aliases: set[str]) -> bool:
    """Is anything in a part of a query a column of one of these tables, or an aggregate?"""
    if isinstance(part, Column):
        return part.alias in aliases
    if getattr(part, "contains_aggregate", False):
        return True
    children = getattr(part, "children", None) or getattr(part, "get_source_expressions", list)()
    return any(_needs(child, aliases) for child in children if child is not None)


@functools.cache
def fused_compiler(base: Any) -> type[Any]:
    """The class of compilers of `FusedQuery` on the database of `base`."""
    return type(f"Fused{base.__name__}", (FusedCompiler, base), {"base": base})


class FusedCompiler:
    """Mixed into the compiler of any database: it becomes that of a query whose hits are known."""

    base: Any
    query: Any
    using: str | None

    def execute_sql(
        self,
        result_type: str = MULTI,
        chunked_fetch: bool = False,
        chunk_size: int = GET_ITERATOR_CHUNK_SIZE,
    ) -> Any:
        compiler: Any = self
        # The parts of a union have each their own hits; a plan is that of the one statement.
        if not (self.query.combinator or self.query.explain_info):
            compiler.query = self.query.settled(self.using or DEFAULT_DB_ALIAS)
        compiler.__class__ = self.base
        return compiler.execute_sql(result_type, chunked_fetch, chunk_size)
