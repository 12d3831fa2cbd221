"""The bases of rules that read a database."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from hybrid_store.management.lint.database import Column, Database
from hybrid_store.management.lint.findings import Finding, Rule
from hybrid_store.management.lint.vectors import Held

__all__ = ["DataRule", "SampleRule", "Spot", "converting", "share"]

SHOWN_KEYS = 5


class Spot(NamedTuple):
    """A column at fault; `fix` is that of the rule where it is empty."""

    column: Column
    detail: str
    fix: str = ""


class DataRule(Rule):
    """Looks at the columns that may hold vectors. Only reads: all within `Database.examining`."""

    @abstractmethod
    def look(self, column: Column, database: Database) -> Iterator[Spot]: ...

    def findings(self, column: Column, database: Database) -> Iterator[Finding]:
        """A comment where the field is declared switches the rule off for its column."""
        field = database.declared(column)
        if field is None or not field.source.ignores(self.id, field.call):
            for spot in self.look(column, database):
                yield self.finding(spot.column.label, spot.detail, spot.fix)


class SampleRule(DataRule):
    """Looks at what a sample of the rows of a column hold."""

    @abstractmethod
    def judge(self, held: Held, column: Column, database: Database) -> Iterator[Spot]: ...

    def look(self, column: Column, database: Database) -> Iterator[Spot]:
        if (held := database.held(column)) is not None:
            yield from self.judge(held, column, database)


def converting(fix: str, held: Held, column: Column) -> str:
    """With what `ConvertVectorColumn` has to be told; "..." for dimensions that no row tells."""
    size = held.size or "..."
    return fix.format(model=column.model.__name__, name=column.field.name, size=size)


def share(count: int, held: Held, keys: list[Any] | None = None) -> str:
    """`5 of 1,000 rows read`, with some primary keys."""
    shown = ", ".join(map(str, keys[:SHOWN_KEYS])) if keys else ""
    more = ", ..." if keys and len(keys) > SHOWN_KEYS else ""
    where = f" (primary keys {shown}{more})" if shown else ""
    return f"{count:,} of {held.count:,} rows read{where}"
