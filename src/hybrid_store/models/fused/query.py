"""The `Query` of a fused search, and its compiler."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, NotSupportedError
from django.db.models import Model, QuerySet
from django.db.models.sql import Query
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from hybrid_store.models.fused.ranking import Ranking
from hybrid_store.models.fused.tables import Column, KeyTable, SettledHits

__all__ = ["HITS", "FusedQuery", "LateHits"]

# Name of the table of hits in a query.
HITS = "hybrid_store_hits"


class LateHits:
    """Hits that are not known before the query runs, which is when its conditions are."""

    def __init__(self, ranking: Ranking) -> None:
        self.ranking = ranking

    def table_sql(self, compiler: Any, connection: Any) -> Any:
        raise NotSupportedError(
            "A search() cannot be a part of another query. Evaluate it first, as in "
            "filter(pk__in=[row.pk for row in found])."
        )


class FusedQuery(Query):
    """A query joined to the hits of a search, whose compiler settles them first."""

    ranking: Ranking
    is_settled = False

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
        rows: QuerySet[Any] = QuerySet(self.model, query=self._base(), using=using)
        hits = self.ranking.hits(rows, None if self.high_mark is None else int(self.high_mark))
        settled = cast(FusedQuery, self.clone())
        settled.is_settled = True
        model = cast("type[Model]", self.model)
        for alias, table in self._tables():
            rows_of_hits = SettledHits(model, self.ranking.columns, hits)
            settled.alias_map[alias] = cast("Any", table.of(rows_of_hits))
        return settled

    def _tables(self) -> Iterator[tuple[str, KeyTable]]:
        tables: Mapping[str, Any] = self.alias_map
        for alias, table in tables.items():
            if isinstance(table, KeyTable) and isinstance(table.rows, LateHits):
                yield alias, table

    def _base(self) -> Query:
        """The rows that are searched: this query without its hits and what depends on them."""
        base: Any = self.clone()
        base.__class__ = Query
        aliases = {alias for alias, _ in self._tables()}
        base.annotations = {
            name: part for name, part in base.annotations.items() if not _needs(part, aliases)
        }
        base.set_annotation_mask(None)
        base.where = base.where.clone()
        base.where.children = [child for child in base.where.children if not _needs(child, aliases)]
        for alias in aliases:
            KeyTable.leave(base, alias)
        base.clear_ordering(force=True, clear_default=True)
        base.clear_limits()
        base.clear_select_clause()
        base.default_cols = True
        base.deferred_loading = frozenset(), True
        base.distinct, base.distinct_fields = False, ()
        base.group_by = None
        base.select_for_update = False
        return cast(Query, base)

    def get_aggregation(self, using: str, aggregate_exprs: Mapping[str, Any]) -> Any:
        if self.is_settled:
            return super().get_aggregation(using, cast("Any", aggregate_exprs))
        return self.settled(using).get_aggregation(using, aggregate_exprs)


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
        compiler.query = self.query.settled(self.using or DEFAULT_DB_ALIAS)
        compiler.__class__ = self.base
        return compiler.execute_sql(result_type, chunked_fetch, chunk_size)
