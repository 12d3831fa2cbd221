"""L109: searches by an approximate index lose rows under filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from statistics import fmean
from typing import Any, NamedTuple

from django.db.models import BooleanField, CharField, ForeignKey, IntegerField

from hybrid_store.backends.indexes import FilteredSearch, StoredIndex
from hybrid_store.management.lint.data.base import DataRule, Spot
from hybrid_store.management.lint.database import AnyField, Column, Database
from hybrid_store.management.lint.sampling import sample
from hybrid_store.models.query import HybridQuerySetMixin

__all__ = ["RowsLost"]

# Searches of so many rows, from as many stored vectors, for values of as many columns.
WANTED = 10
SEARCHES = 5
FILTERS = 4
# A filter that more rows fulfil loses little.
LARGEST_SHARE = 0.5
# Of the true nearest rows, those that have to be found.
LEAST_RECALL = 0.8


class Filter(NamedTuple):
    """`field` has the value in that share of the rows read."""

    field: AnyField
    value: Any
    share: float

    @property
    def shown(self) -> str:
        """Texts that are no choices may be about people."""
        is_shown = bool(self.field.choices) or not isinstance(self.value, str)
        return f"{self.field.column} = {self.value!r}" if is_shown else f"one {self.field.column}"


class RowsLost(DataRule):
    id = "L109"
    title = "a filtered search by an approximate index loses rows"
    fix = (
        "Search by nearest() of a HybridQuerySet, which loses none; or let pgvector look further: "
        '"OPTIONS": {{"options": "-c {method}.iterative_scan=relaxed_order"}} in DATABASES.'
    )
    page = "topics/postgresql.md"

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        has_one_key = len(column.model._meta.pk_fields) == 1
        if not database.ops.index_may_lose_rows or _is_hybrid(column) or not has_one_key:
            return
        indexes = [index for index in database.indexes(column) if index.metric and index.is_valid]
        if not indexes:
            return
        nears = _nears(column, database)
        for index, chosen in product(indexes, _filters(column, database)):
            if detail := _loss(column, database, index, chosen, nears):
                yield Spot(column, detail, self.fix.format(method=index.method))


def _is_hybrid(column: Column) -> bool:
    """Do searches by the model's own manager lose no rows?"""
    manager: Any = column.model._default_manager
    return isinstance(manager.get_queryset(), HybridQuerySetMixin)


def _filters(column: Column, database: Database) -> list[Filter]:
    """Values that queries are likely to ask for, first those of columns that the code names."""
    named = database.project.filtered
    known = [f for f in column.model._meta.local_concrete_fields if _is_filtered(f, named)]
    fields = sorted(known, key=lambda field: not _is_named(field, named))
    if not fields:
        return []
    rows = sample(database.rows(column.model), database.size, *(field.attname for field in fields))
    found = [
        choice
        for place, field in enumerate(fields, start=1)
        for choice in _values(field, Counter(row[place] for row in rows), len(rows))
    ]
    return found[:FILTERS]


def _is_filtered(field: AnyField, named: set[str]) -> bool:
    if field.primary_key or field.unique:
        return False
    is_usual = isinstance(field, BooleanField | ForeignKey) or bool(field.choices)
    return is_usual or (_is_named(field, named) and isinstance(field, CharField | IntegerField))


def _is_named(field: AnyField, named: set[str]) -> bool:
    return not named.isdisjoint({field.name, field.attname})


def _values(field: AnyField, counted: Counter[Any], rows: int) -> list[Filter]:
    """The most common of the values that few rows have, and the rarest that is no single row's."""
    shares = [
        Filter(field, value, count / rows)
        for value, count in counted.most_common()
        if value is not None and count > 1 and count / rows <= LARGEST_SHARE
    ]
    return list(dict.fromkeys([*shares[:1], *shares[-1:]]))


def _loss(
    column: Column, database: Database, index: StoredIndex, chosen: Filter, nears: list[Any]
) -> str:
    """What searches give by the way that the database chooses, beside what is true; "" if alike."""
    searches = [_searched(column, database, index, chosen, near) for near in nears]
    searches = [(found, true) for found, true in searches if true]
    if not searches:
        return ""
    came, expected = (fmean(len(keys) for keys in each) for each in zip(*searches, strict=True))
    recall = fmean(len(found & true) / len(true) for found, true in searches)
    if came == expected and recall >= LEAST_RECALL:
        return ""
    there = "asked for" if expected == WANTED else "that match"
    return (
        f"by {index.name}, of {expected:.3g} rows {there} {came:.1f} came on average of "
        f"{len(searches)} searches (recall {recall:.2f}) with {chosen.shown}, which "
        f"{chosen.share:.1%} of rows have"
    )


def _searched(
    column: Column, database: Database, index: StoredIndex, chosen: Filter, near: Any
) -> tuple[set[Any], set[Any]]:
    """Keys that are found, and those that should be."""
    meta = column.model._meta
    search = FilteredSearch(
        table=meta.db_table,
        key=str(meta.pk.column),
        near=meta.pk.get_db_prep_value(near, database.connection),
        column=str(chosen.field.column),
        value=chosen.field.get_db_prep_value(chosen.value, database.connection),
        limit=WANTED,
    )
    searched = database.ops.searched
    return set(searched(index, search, exact=False)), set(searched(index, search, exact=True))


def _nears(column: Column, database: Database) -> list[Any]:
    rows = database.rows(column.model).filter(**{f"{column.field.name}__isnull": False})
    return [key for (key,) in sample(rows, SEARCHES)]
