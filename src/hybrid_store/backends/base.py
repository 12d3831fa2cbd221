"""The operations a database offers; the base class is a database that offers none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np
from django.db import NotSupportedError, transaction

from hybrid_store.backends.indexes import (
    FilteredSearch,
    IndexSpec,
    Proposals,
    Scan,
    StoredIndex,
    VectorColumn,
)
from hybrid_store.backends.inserts import Values
from hybrid_store.backends.json import BaseJSONOperations
from hybrid_store.backends.reports import Ailment, Extension, Fact, TableReport
from hybrid_store.backends.texts import BaseTextOperations
from hybrid_store.backends.updates import Column, RowUpdate
from hybrid_store.vectors import BaseVector, Codec, FloatArray, FloatCodec

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.backends.ddl_references import Statement
    from django.db.models import Index, Model, QuerySet
    from django.db.models.expressions import Combinable
    from django.db.models.sql import Query

__all__ = ["BaseVectorOperations", "LateVector"]


class LateVector(Protocol):
    """A query vector that is computed when it is first needed, and kept."""

    def vector(self) -> BaseVector: ...


class BaseVectorOperations:
    """Per-database operations of one connection.

    A new database is a subclass that fills in the tables and overrides the methods where its SQL
    has another shape. Everything it leaves out is refused in one sentence (`NotSupportedError`).
    """

    display_name = ""
    # Codec name -> column type; "%(dimensions)s" is filled in.
    column_types: Mapping[str, str] = {}
    # Metric name -> the operator or function that computes it.
    metrics: Mapping[str, str] = {}
    # Does VectorIndex make an index here?
    supports_vector_index = False
    # Does it know among which rows the nearest certainly are, where there is an index?
    proposes = False
    # Can an index be built while rows are written?
    builds_concurrently = False
    # Does StaleIndex make an index here?
    supports_stale_index = False
    # May a scan of a vector index end before the limit is reached, though more rows match?
    index_may_lose_rows = False
    # Can an index be used when ties are ordered by another column?
    index_breaks_ties = True
    # Must an extension be created in the database before vectors can be stored?
    needs_extension = False
    # The statement that `create_extension` runs.
    create_extension_sql = ""

    # What the database does with indexes of words.
    text_operations: type[BaseTextOperations] = BaseTextOperations
    # How it is asked for values inside of JSON columns.
    json_operations: type[BaseJSONOperations] = BaseJSONOperations

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.texts = self.text_operations(connection)
        self.json = self.json_operations(connection)

    def prepare(self) -> None:
        """Make functions and types known to the open connection, once; nothing while closed."""

    def unsupported(self, what: str) -> NoReturn:
        name = self.display_name or self.connection.display_name
        raise NotSupportedError(f"{name} does not support {what}.")

    # Columns

    def column_type(self, codec: Codec, dimensions: int) -> str:
        try:
            template = self.column_types[codec.name]
        except KeyError:
            self.unsupported(f"{codec.described} columns with django-hybrid-store")
        return template % {"dimensions": dimensions}

    def column_check(
        self, codec: Codec, dimensions: int, column: str, allows_zero: bool
    ) -> str | None:
        """SQL that holds for every valid value of the quoted `column`, None for no check."""
        return None

    def select_sql(self, codec: Codec, sql: str) -> str:
        """`sql` as it should stand in a SELECT list, so that `from_db` reads it fast."""
        return sql

    def placeholder(self, codec: Codec) -> str:
        return "%s"

    def to_db(self, codec: Codec, value: BaseVector | LateVector) -> Any:
        """The parameter to bind for a vector. A late one is only computed when it is bound."""
        self.unsupported("vectors with django-hybrid-store")

    def from_db(self, codec: Codec, value: Any, dimensions: int) -> BaseVector:
        """The vector that a column of so many dimensions gave."""
        self.unsupported("vectors with django-hybrid-store")

    def matrix(self, codec: FloatCodec, values: Sequence[Any], dimensions: int) -> FloatArray:
        """The vectors that a column gave in one or more rows; shape (rows, dimensions)."""
        return np.stack([self.from_db(codec, value, dimensions).to_numpy() for value in values])

    # Distances

    def distance_sql(self, metric: str, codec: Codec, lhs: str, rhs: str) -> str:
        """SQL of the distance between two vectors stored with the same codec."""
        if metric not in self.metrics:
            self.unsupported(f"the {metric} distance")
        return self._distance_template(self.metrics[metric], codec).format(lhs=lhs, rhs=rhs)

    def _distance_template(self, function: str, codec: Codec) -> str:
        return f"{function}({{lhs}}, {{rhs}})"

    def is_distance_sql(self, sql: str) -> str:
        """SQL that holds for a distance, and not for what stands for one that does not exist."""
        return f"{sql} IS NOT NULL"

    def cast_sql(self, sql: str, source: Codec, target: Codec) -> str:
        """A vector stored with one codec, as another stores it."""
        self.unsupported(f"casts of {source.described}s to {target.described}s")

    # Indexes

    def create_index(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, spec: IndexSpec
    ) -> Statement | None:
        """DDL that makes the index; None where the database needs none."""
        return None

    def remove_index(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, spec: IndexSpec
    ) -> Statement | None:
        """DDL that removes the index; None where that is DROP INDEX."""
        return None

    def makes_index(self, model: type[Model], spec: IndexSpec) -> bool:
        """Does this database make that index?"""
        return self.supports_vector_index

    def complete_indexes(self, indexes: Sequence[tuple[type[Model], IndexSpec]]) -> None:
        """After migrations: make up for what older versions have not made of the indexes, and
        remove what tables have left that are gone. `indexes` are all that models declare."""

    def optimize(self, model: type[Model], index: IndexSpec) -> int | None:
        """Do now for an index what makes later searches faster; how many rows it is of.

        None where nothing is to be done. Raises `DatabaseError` where it cannot be done now.
        """
        return None

    @staticmethod
    def foreign_index(index: Index, field: VectorColumn) -> IndexSpec | None:
        """What an index over `field` is that a model declares by a class of another package."""
        return None

    def inline(self, sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """A condition with its values in the SQL, where parameters keep indexes from being used."""
        return sql, params

    def uses_index(self, queryset: QuerySet[Any], name: str) -> bool:
        """Can the database use an index for a queryset? True where it cannot be asked."""
        return True

    def index_limit(self, precision: str) -> int | None:
        """The most dimensions an index of that precision takes, None for no limit."""
        return None

    # Searches that use approximate indexes, where `index_may_lose_rows`

    # What a statement of `scan_sql` calls the query vector.
    near_sql: str | None = None

    def scan_sql(self, sql: str, near: str, scan: Scan, index: IndexSpec | None) -> str:
        """The SELECT `sql` with the vector `near` for `near_sql`, and a scan of that effort.

        Parameters of `near` come before those of `sql`. Without an `index`, one that is not known
        to the model may be used.
        """
        self.unsupported("approximate indexes")

    def rough_distance_sql(self, index: IndexSpec, lhs: str, rhs: str) -> str:
        """SQL of the distance that an index which `is_rough` orders by."""
        self.unsupported("indexes of lower precision")

    def proposals(
        self, model: type[Model], index: IndexSpec, near: BaseVector
    ) -> AbstractContextManager[Proposals | None]:
        """The rows among which the nearest certainly are, where the database knows an exact way
        to say so; all statements within see the same moment of it."""
        return nullcontext()

    def keys_by_index(self, sql: str, params: Sequence[Any], *, covering: bool) -> list[int] | None:
        """What a query of keys gives; None if no index serves it.

        With `covering`, an index must tell the keys without a look at the rows.
        """
        return None

    def drop_invalid_index(self, schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
        """Remove what a concurrent build of an index has left that failed, if it did."""

    def stored_indexes(self, model: type[Model]) -> list[StoredIndex]:
        """The approximate indexes over columns of a model's table."""
        return []

    def searched(self, index: StoredIndex, search: FilteredSearch, *, exact: bool) -> list[Any]:
        """Keys of the rows that a plain ORDER BY gives with the settings of this connection, which
        may be by the index; if `exact`, without it. Where `index_may_lose_rows`."""
        self.unsupported("approximate indexes")

    def table_rows(self, model: type[Model]) -> int:
        """About how many rows the table of a model has; asks for no more than statistics."""
        return 0

    def compared_rows(self, query: Query) -> int:
        """About how many rows a query that searches exactly compares."""
        return 0

    def settings_kept(self) -> AbstractContextManager[None]:
        """What `scan_sql` sets within is as before after it."""
        return nullcontext()

    def existing(self, tables: Collection[str]) -> set[str]:
        """Those of the tables, by names as models give them, that are there."""
        quote = self.connection.ops.quote_name
        there = {quote(name) for name in self.connection.introspection.table_names()}
        return {table for table in tables if quote(table) in there}

    # Conversions of columns that exist already

    def vector_type(self, db_type: str | None) -> str | None:
        """A column type without its schema, if it is one of the database's own vector types."""
        return None

    def stored_type(self, table: str, column: str) -> str | None:
        """`vector_type` of a column as it stands in the database."""
        return None

    def dimensions_of(self, name: str) -> Combinable:
        """The dimensions of the vector in a column of one of the database's own vector types."""
        self.unsupported("vector columns of its own")

    def change_type_sql(self, table: str, column: str, db_type: str) -> str:
        """DDL that casts a vector column to another of the database's own vector types."""
        self.unsupported("vector columns of its own")

    # Rows

    def insert_rows(self, table: str, columns: Mapping[str, Values]) -> bool:
        """Write new rows, faster than Django does; False where only Django can write them.

        Called in a transaction. Columns that are left out get what the database gives them.
        """
        return False

    def new_keys(self, table: str, column: str, count: int) -> list[int] | None:
        """Keys that the database gives to nobody else; None where it cannot say them beforehand.

        Called in the transaction that writes the rows.
        """
        return None

    def given_rows(
        self, table: str, columns: Mapping[str, Sequence[Any]]
    ) -> tuple[str, list[Any]] | None:
        """SQL and parameters of rows with the columns of `table`, in its place in a FROM clause.

        The other columns are NULL; one more, `hybrid_store_place`, counts the rows from 1. None
        where values or database do not allow it.
        """
        return None

    def update_rows(self, update: RowUpdate, rows: Sequence[Sequence[Any]]) -> list[bool]:
        """Write one or more rows; says of each whether it was there and as its guard expects.

        A row is compared and written in one step, whatever other transactions do meanwhile.
        """
        sql = update.sql(self.connection.ops.quote_name, list(map(self._input, update.inputs)))
        alias = self.connection.alias
        with transaction.atomic(using=alias, savepoint=False), self.connection.cursor() as cursor:
            written = []
            for row in self._bound(update, rows):
                cursor.execute(sql, row)
                written.append(bool(cursor.rowcount))
            return written

    def _input(self, column: Column) -> str:
        return "%s" if column.codec is None else self.placeholder(column.codec)

    def _bound(self, update: RowUpdate, rows: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
        """The parameters of every row."""
        codecs = [column.codec for column in update.inputs]
        for row in rows:
            values = (
                value if codec is None or value is None else self.to_db(codec, value)
                for codec, value in zip(codecs, row, strict=True)
            )
            yield [*values, *update.params]

    def reading(self) -> AbstractContextManager[None]:
        """For many rows: within, what `QuerySet.iterator()` gives comes as fast as it can."""
        return nullcontext()

    def writing(self) -> AbstractContextManager[Any]:
        """A transaction that writes what it has read before: where rows cannot be locked, it begins
        when others have written."""
        return transaction.atomic(using=self.connection.alias)

    def lock(self, *querysets: QuerySet[Any]) -> None:
        """Hold the rows of `querysets`, in this order, against other writers until the transaction
        ends."""
        for rows in querysets:
            list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))

    # Leases

    def json_rows(self, columns: Sequence[str]) -> str:
        """SQL of a table made of one parameter, a JSON list of lists of texts; %s stands for it."""
        self.unsupported("generation with django-hybrid-store")

    def json_table(self, columns: Mapping[str, str]) -> str:
        """The same with columns of the types that are given by their names."""
        self.unsupported("hybrid search")

    def clock_skew(self) -> timedelta:
        """How far the database's clock is ahead of this process's; it is the same by default."""
        return timedelta(0)

    def is_passing(self, error: Exception) -> bool:
        """May the same statement succeed a little later, on a new connection if need be?"""
        return False

    def is_read_only(self, error: Exception) -> bool:
        """Was a statement refused because the database can only be read?"""
        return False

    def is_timeout(self, error: Exception) -> bool:
        """Was a statement ended because it took longer than `examining` allows?"""
        return False

    # The database itself

    @contextmanager
    def examining(self, seconds: float) -> Iterator[None]:
        """A transaction that leaves nothing behind, for looking at a database in use.

        Where the database can be told, nothing can be written in it (`is_read_only`), and a
        statement that takes longer than so many seconds, or waits for locks as long, fails
        (`is_timeout`). Begun within another transaction, it is a savepoint of that.
        """
        with transaction.atomic(using=self.connection.alias):
            yield
            transaction.set_rollback(True, using=self.connection.alias)

    def reads_only(self) -> bool:
        """Does the open connection refuse all writing, as that to a standby does?"""
        return False

    def facts(self) -> list[Fact]:
        """What matters to searches of how the database was built and is set."""
        return []

    def table_report(self, model: type[Model]) -> TableReport:
        """What the table of a model takes, and how it fares."""
        return TableReport()

    def ailments(self, model: type[Model]) -> list[Ailment]:
        """What is wrong with the table of a model as this connection uses it."""
        return []

    def create_extension(self) -> None:
        """Create what `needs_extension` speaks of; nothing where it is there already."""

    def extension_report(self) -> Extension | None:
        """The extension in effect; None where the database needs none."""
        return None

    def driver(self) -> str:
        """Name and version of the database driver."""
        return "unknown"

    def server(self) -> str:
        """Name and version of the database itself."""
        version = self.connection.get_database_version()
        return f"{self.connection.display_name} {'.'.join(map(str, version))}"
