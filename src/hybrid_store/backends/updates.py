"""The UPDATE of a batch of rows, each with values of its own and under the same guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hybrid_store.vectors import Codec

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Field

__all__ = ["Column", "Guard", "RowUpdate"]


class Column(NamedTuple):
    """A column by its name and type in the database; `codec` if it holds vectors."""

    name: str
    type: str
    codec: Codec | None = None

    @classmethod
    def of(cls, field: Field[Any, Any], connection: BaseDatabaseWrapper) -> Column:
        """The column of a model field; the type is that of a reference to it, never "serial"."""
        column_type = field.rel_db_type(connection)
        return cls(str(field.column), str(column_type), getattr(field, "codec", None))


class Guard(NamedTuple):
    """A text expression over the row as it is now, with the parameters in it."""

    sql: str
    params: Sequence[Any] = ()


@dataclass(frozen=True)
class RowUpdate:
    """Which columns of which rows are written.

    A row to write is a tuple with a value for each of `inputs`: for `columns`, then for `keys`,
    then the text that `guard` must equal for the row to be written. Vectors are `Vector`s, all else
    is as `get_db_prep_value` gives it; None is NULL. No two rows of a batch have the same key.
    """

    table: str
    columns: Sequence[Column]
    keys: Sequence[Column]
    guard: Guard | None = None

    @property
    def inputs(self) -> list[Column]:
        expected = [] if self.guard is None else [Column("expected", "text")]
        return [*self.columns, *self.keys, *expected]

    @property
    def params(self) -> Sequence[Any]:
        """What is bound behind the inputs."""
        return () if self.guard is None else self.guard.params

    def sql(self, quote: Callable[[str], str], inputs: Sequence[str], source: str = "") -> str:
        """The statement, with SQL for each of `inputs` and the FROM clause they come from."""
        table, given = quote(self.table), iter(inputs)
        values = [f"{quote(column.name)} = {next(given)}" for column in self.columns]
        conditions = [f"{table}.{quote(key.name)} = {next(given)}" for key in self.keys]
        if self.guard is not None:
            # CASE, lest a planner join by the guard and compute it for every row of the table.
            conditions.append(f"CASE WHEN {next(given)} = {self.guard.sql} THEN 1 ELSE 0 END = 1")
        return (
            f"UPDATE {table} SET {', '.join(values)}{source} "  # noqa: S608
            f"WHERE {' AND '.join(conditions)}"
        )
