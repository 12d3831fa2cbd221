"""Vector operations of SQLite, with nothing but what the standard library carries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.db import transaction
from django.db.models import F

from hybrid_store.backends.base import BaseVectorOperations, LateVector
from hybrid_store.backends.blocks import joined
from hybrid_store.backends.indexes import IndexSpec, Proposals, StoredIndex
from hybrid_store.backends.inserts import Values, Vectors
from hybrid_store.backends.reports import Ailment, Fact, TableReport
from hybrid_store.backends.sqlite import health, plans
from hybrid_store.backends.sqlite.constraints import column_check
from hybrid_store.backends.sqlite.engine import ddl, log
from hybrid_store.backends.sqlite.engine.search import Searcher
from hybrid_store.backends.sqlite.engine.source import quoted, row_key, source_of
from hybrid_store.backends.sqlite.examining import limited
from hybrid_store.backends.sqlite.functions import DISTANCES, function_name, register_functions
from hybrid_store.backends.sqlite.json import SQLiteJSONOperations
from hybrid_store.backends.sqlite.text.operations import SQLiteTextOperations
from hybrid_store.backends.updates import RowUpdate
from hybrid_store.vectors import BaseVector, Codec, FloatArray, FloatCodec

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.backends.ddl_references import Statement
    from django.db.models import Model, QuerySet

__all__ = ["SQLiteVectorOperations"]


class LateBlob:
    """A BLOB parameter whose vector is computed when sqlite3 binds it."""

    def __init__(self, codec: Codec, late: LateVector) -> None:
        self.codec = codec
        self.late = late

    def __conform__(self, protocol: object) -> bytes | None:
        if protocol is sqlite3.PrepareProtocol:
            return self.codec.encode(self.codec.rounded(self.late.vector()))
        return None

    def __repr__(self) -> str:
        return repr(self.late)


class SQLiteVectorOperations(BaseVectorOperations):
    display_name = "SQLite"
    column_types = {codec.name: "BLOB" for codec in DISTANCES}
    metrics = {metric: metric for metrics in DISTANCES.values() for metric in metrics}
    supports_vector_index = True
    proposes = True
    text_operations = SQLiteTextOperations
    json_operations = SQLiteJSONOperations

    _prepared: object = None

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection)
        self._searcher = Searcher(connection)

    def prepare(self) -> None:
        raw = self.connection.connection
        if raw is not None and raw is not self._prepared:
            register_functions(raw)
            self._prepared = raw

    def column_check(
        self, codec: Codec, dimensions: int, column: str, allows_zero: bool
    ) -> str | None:
        return column_check(codec, dimensions, column, allows_zero)

    def to_db(self, codec: Codec, value: BaseVector | LateVector) -> Any:
        if isinstance(value, BaseVector):
            return codec.encode(value)
        return LateBlob(codec, value)

    def from_db(self, codec: Codec, value: Any, dimensions: int) -> BaseVector:
        if not isinstance(value, bytes):
            self.unsupported("computing vectors in SQL, as Avg and Sum would")
        vector: BaseVector = codec.decode(value, dimensions)
        return vector

    def matrix(self, codec: FloatCodec, values: Sequence[Any], dimensions: int) -> FloatArray:
        found = joined(values, np.dtype((codec.dtype, dimensions)))
        if found is None:
            return super().matrix(codec, values, dimensions)
        return found.astype(np.float32, copy=False)

    def _distance_template(self, function: str, codec: Codec) -> str:
        return f"{function_name(function, codec)}({{lhs}}, {{rhs}})"

    def cast_sql(self, sql: str, source: Codec, target: Codec) -> str:
        return f"hybrid_store_{source.name}_to_{target.name}({sql})"

    def makes_index(self, model: type[Model], spec: IndexSpec) -> bool:
        return source_of(model, spec) is not None

    def create_index(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, spec: IndexSpec
    ) -> Statement | None:
        source = source_of(model, spec)
        return None if source is None else ddl.create_index(source, schema_editor)

    def remove_index(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, spec: IndexSpec
    ) -> Statement | None:
        source = source_of(model, spec)
        return None if source is None else ddl.remove_index(source, schema_editor)

    def complete_indexes(self, indexes: Sequence[tuple[type[Model], IndexSpec]]) -> None:
        sources = (source_of(model, spec) for model, spec in indexes)
        ddl.complete(self.connection, filter(None, sources))

    def optimize(self, model: type[Model], index: IndexSpec) -> int | None:
        source = source_of(model, index)
        return None if source is None else self._searcher.optimize(source)

    def proposals(
        self, model: type[Model], index: IndexSpec, near: BaseVector
    ) -> AbstractContextManager[Proposals | None]:
        source = source_of(model, index)
        if source is None:
            return nullcontext()
        return self._searcher.proposals(source, near.to_numpy())

    def keys_by_index(self, sql: str, params: Sequence[Any], *, covering: bool) -> list[int] | None:
        if not plans.is_by_index(self.connection, sql, params, covering=covering):
            return None
        return [key for (key,) in plans.rows(self.connection, sql, params)]

    def stored_indexes(self, model: type[Model]) -> list[StoredIndex]:
        self.connection.ensure_connection()
        return log.stored_indexes(self.connection.connection, model._meta.db_table)

    def table_rows(self, model: type[Model]) -> int:
        """The greatest key, which is found at once; counting reads the table."""
        with self.connection.cursor() as cursor:
            key, table = row_key(model), quoted(model._meta.db_table)
            cursor.execute(f"SELECT max({key}) FROM {table}")  # noqa: S608
            return int(cursor.fetchone()[0] or 0)

    def insert_rows(self, table: str, columns: Mapping[str, Values]) -> bool:
        quote = self.connection.ops.quote_name
        names, marks = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
        bound = (v.encoded() if isinstance(v, Vectors) else v for v in columns.values())
        with self.connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})",  # noqa: S608
                list(zip(*bound, strict=True)),
            )
        return True

    def new_keys(self, table: str, column: str, count: int) -> list[int] | None:
        """The next ones: nobody else can write before the transaction ends."""
        quote = self.connection.ops.quote_name
        key = quote(column)
        with self.connection.cursor() as cursor:
            # Takes the lock for writing, which a SELECT does not.
            cursor.execute(f"UPDATE {quote(table)} SET {key} = {key} WHERE 0")  # noqa: S608
            cursor.execute(f"SELECT max({key}) FROM {quote(table)}")  # noqa: S608
            last = cursor.fetchone()[0] or 0
            # AUTOINCREMENT gives no key a second time.
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'")
            if cursor.fetchone()[0]:
                cursor.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = %s", [table])
                last = max(last, cursor.fetchone()[0] or 0)
        return list(range(last + 1, last + 1 + count))

    def update_rows(self, update: RowUpdate, rows: Sequence[Sequence[Any]]) -> list[bool]:
        """All rows at once; where some were refused, once more row by row, to see which."""
        sql = update.sql(self.connection.ops.quote_name, list(map(self._input, update.inputs)))
        alias = self.connection.alias
        with transaction.atomic(using=alias, savepoint=False), self.connection.cursor() as cursor:
            cursor.executemany(sql, list(self._bound(update, rows)))
            if cursor.rowcount == len(rows):
                return [True] * len(rows)
            return super().update_rows(update, rows)

    def writing(self) -> AbstractContextManager[None]:
        """Take the lock for writing first: a transaction that has read is refused it at once."""
        return self._transaction("IMMEDIATE")

    @contextmanager
    def examining(self, seconds: float) -> Iterator[None]:
        """Takes no lock for writing, whatever the project's transactions do."""
        with limited(self.connection, seconds) as deadline:
            self._searcher.deadline = deadline
            try:
                with self._transaction("DEFERRED"), super().examining(seconds):
                    yield
            finally:
                self._searcher.deadline = None

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[None]:
        """A transaction that SQLite begins in that way."""
        connection = cast("Any", self.connection)
        connection.ensure_connection()
        chosen, connection.transaction_mode = connection.transaction_mode, mode
        try:
            with transaction.atomic(using=connection.alias):
                connection.transaction_mode = chosen
                yield
        finally:
            connection.transaction_mode = chosen

    def lock(self, *querysets: QuerySet[Any]) -> None:
        # SQLite has no row locks: any write takes the whole database until the transaction ends.
        rows = querysets[-1]
        key = rows.model._meta.pk.attname
        rows.update(**{key: F(key)})

    def json_rows(self, columns: Sequence[str]) -> str:
        parts = (f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns))
        return f"(SELECT {', '.join(parts)} FROM json_each(%s))"  # noqa: S608

    def json_table(self, columns: Mapping[str, str]) -> str:
        return self.json_rows([*columns])

    def is_passing(self, error: Exception) -> bool:
        """Another connection holds the lock: SQLITE_BUSY or SQLITE_LOCKED."""
        return "is locked" in str(error)

    def is_read_only(self, error: Exception) -> bool:
        """SQLITE_READONLY."""
        return "readonly database" in str(error)

    def is_timeout(self, error: Exception) -> bool:
        """SQLITE_INTERRUPT, or a lock that was waited for until then."""
        return str(error) == "interrupted" or self.is_passing(error)

    def facts(self) -> list[Fact]:
        return health.facts(self.connection)

    def table_report(self, model: type[Model]) -> TableReport:
        return health.table_report(self.connection, model)

    def ailments(self, model: type[Model]) -> list[Ailment]:
        return health.ailments(self.connection, model, self.table_rows(model))

    def driver(self) -> str:
        return "sqlite3 (standard library)"

    def server(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"
