"""Vector operations of PostgreSQL with the pgvector extension."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hybrid_store.backends.base import BaseVectorOperations, LateVector
from hybrid_store.backends.indexes import FilteredSearch, IndexSpec, Scan, StoredIndex
from hybrid_store.backends.inserts import Values
from hybrid_store.backends.postgresql import (
    bulk,
    columns,
    copy,
    examining,
    extension,
    failures,
    foreign,
    given,
    health,
    indexes,
    planner,
    reading,
    scans,
)
from hybrid_store.backends.postgresql.json import PostgreSQLJSONOperations
from hybrid_store.backends.postgresql.text.operations import PostgreSQLTextOperations
from hybrid_store.backends.postgresql.transport import (
    LateText,
    read,
    read_all,
    register_late_text,
    write,
)
from hybrid_store.backends.postgresql.types import FLOAT_TYPES, OWN_SCHEMAS, TYPE_NAMES
from hybrid_store.backends.reports import Ailment, Extension, TableReport
from hybrid_store.backends.updates import RowUpdate
from hybrid_store.vectors import SINGLE, BaseVector, Codec, FloatArray, FloatCodec

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.backends.ddl_references import Statement
    from django.db.models import Model, QuerySet
    from django.db.models.expressions import Combinable
    from django.db.models.sql import Query

__all__ = ["PostgreSQLVectorOperations"]


class PostgreSQLVectorOperations(BaseVectorOperations):
    display_name = "PostgreSQL"
    column_types = {name: f"{type_name}(%(dimensions)s)" for name, type_name in TYPE_NAMES.items()}
    metrics = {
        "cosine": "<=>",
        "l2": "<->",
        "l1": "<+>",
        "inner_product": "<#>",
        "hamming": "<~>",
        # Drivers turn two signs into one.
        "jaccard": "<%%>",
    }
    supports_vector_index = True
    builds_concurrently = True
    supports_stale_index = True
    # One pass over HNSW yields `hnsw.ef_search` rows, 40 by default, before any filter.
    index_may_lose_rows = True
    needs_extension = True
    create_extension_sql = extension.CREATE_EXTENSION
    text_operations = PostgreSQLTextOperations
    json_operations = PostgreSQLJSONOperations

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection)
        self._prepared: object = None
        self._oids: dict[str, int] = {}

    def prepare(self) -> None:
        raw = self.connection.connection
        if raw is not None and raw is not self._prepared:
            register_late_text(raw)
            self._prepared = raw
            self._oids = {}

    @property
    def index_breaks_ties(self) -> bool:  # type: ignore[override]
        """PostgreSQL 17 was the first to sort incrementally behind an ordering operator."""
        return self.connection.get_database_version() >= (17,)

    @property
    def _schema(self) -> str:
        return extension.qualifier(self.connection)

    def _type(self, codec: Codec) -> str:
        """The name of the column type in its schema."""
        return OWN_SCHEMAS.get(codec.name, self._schema) + TYPE_NAMES[codec.name]

    def column_type(self, codec: Codec, dimensions: int) -> str:
        schema = "" if codec.name in OWN_SCHEMAS else self._schema
        return schema + super().column_type(codec, dimensions)

    def select_sql(self, codec: Codec, sql: str) -> str:
        return f"{self._type(codec)}_send({sql})"

    def placeholder(self, codec: Codec) -> str:
        return f"%s::{self._type(codec)}"

    def to_db(self, codec: Codec, value: BaseVector | LateVector) -> Any:
        if isinstance(value, BaseVector):
            return write(value)
        return LateText(codec, value)

    def from_db(self, codec: Codec, value: Any, dimensions: int) -> BaseVector:
        return read(codec, value, dimensions)

    def matrix(self, codec: FloatCodec, values: Sequence[Any], dimensions: int) -> FloatArray:
        found = read_all(codec, values, dimensions)
        return super().matrix(codec, values, dimensions) if found is None else found

    def _distance_template(self, function: str, codec: Codec) -> str:
        operator = f"OPERATOR({self._schema}{function})" if self._schema else function
        return f"({{lhs}} {operator} {{rhs}})"

    def is_distance_sql(self, sql: str) -> str:
        return f"{sql} <> 'NaN'"

    def cast_sql(self, sql: str, source: Codec, target: Codec) -> str:
        return f"({sql})::{self._type(target)}"

    def index_limit(self, precision: str) -> int | None:
        return indexes.INDEX_LIMITS[precision]

    def create_index(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, spec: IndexSpec
    ) -> Statement:
        return indexes.create_index(model, schema_editor, spec, self._schema)

    foreign_index = staticmethod(foreign.foreign_index)
    near_sql = scans.NEAR_SQL

    def scan_sql(self, sql: str, near: str, scan: Scan, index: IndexSpec | None) -> str:
        return scans.scan_sql(sql, near, scan, index)

    def rough_distance_sql(self, index: IndexSpec, lhs: str, rhs: str) -> str:
        operator = "<~>" if index.precision == "bit" else self.metrics[index.metric]
        template = self._distance_template(operator, index.codec)
        left, right = (indexes.indexed_sql(self._schema, index, sql) for sql in (lhs, rhs))
        return template.format(lhs=left, rhs=right)

    def drop_invalid_index(self, schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
        if indexes.is_invalid(self.connection, name):
            quoted = self.connection.ops.quote_name(name)
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {quoted}")

    def stored_indexes(self, model: type[Model]) -> list[StoredIndex]:
        return indexes.stored_indexes(self.connection, model._meta.db_table)

    def searched(self, index: StoredIndex, search: FilteredSearch, *, exact: bool) -> list[Any]:
        distance = self._distance_template(self.metrics[str(index.metric)], SINGLE)
        return indexes.searched(self.connection, index, search, distance, exact)

    def table_rows(self, model: type[Model]) -> int:
        return planner.table_rows(self.connection, model._meta.db_table)

    def compared_rows(self, query: Query) -> int:
        return planner.compared_rows(self.connection, query)

    def settings_kept(self) -> AbstractContextManager[None]:
        return scans.settings_kept(self.connection)

    def inline(self, sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        return planner.inline(self.connection, sql, params), ()

    def uses_index(self, queryset: QuerySet[Any], name: str) -> bool:
        return planner.uses_index(self.connection, queryset, name)

    def existing(self, tables: Collection[str]) -> set[str]:
        # What Django lists is in the schemas of the search path alone.
        of_schemas = [table for table in tables if '"."' in table]
        found = columns.existing(self.connection, of_schemas) if of_schemas else set()
        return super().existing(tables) | found

    def vector_type(self, db_type: str | None) -> str | None:
        return columns.vector_type(db_type, FLOAT_TYPES)

    def stored_type(self, table: str, column: str) -> str | None:
        return self.vector_type(columns.stored_type(self.connection, table, column))

    def dimensions_of(self, name: str) -> Combinable:
        return columns.dimensions_of(name, self._schema)

    def change_type_sql(self, table: str, column: str, db_type: str) -> str:
        return columns.change_type_sql(self.connection, table, column, db_type)

    def insert_rows(self, table: str, columns: Mapping[str, Values]) -> bool:
        return bulk.sends_binary(self.connection) and copy.copy_rows(
            self.connection, table, columns
        )

    def new_keys(self, table: str, column: str, count: int) -> list[int] | None:
        return given.new_keys(self.connection, table, column, count)

    def given_rows(
        self, table: str, columns: Mapping[str, Sequence[Any]]
    ) -> tuple[str, list[Any]] | None:
        return given.given_rows(self.connection, table, columns)

    def reading(self) -> AbstractContextManager[None]:
        return reading.reading(self.connection)

    def update_rows(self, update: RowUpdate, rows: Sequence[Sequence[Any]]) -> list[bool]:
        rows = bulk.with_json_as_text(rows)
        if not bulk.is_sent(rows):
            return super().update_rows(update, rows)
        self.connection.ensure_connection()
        self.prepare()
        oids = None
        if bulk.sends_binary(self.connection):
            oids = {c.codec.name: self._oid(c.codec) for c in update.columns if c.codec}
        return bulk.update_rows(self.connection, update, rows, oids)

    def _oid(self, codec: Codec) -> int:
        """The type's number in this database, asked for once a connection."""
        if codec.name not in self._oids:
            self._oids[codec.name] = bulk.type_oid(self.connection, self._type(codec))
        return self._oids[codec.name]

    def json_rows(self, columns: Sequence[str]) -> str:
        parts = (f"value->>{place} AS {name}" for place, name in enumerate(columns))
        return f"(SELECT {', '.join(parts)} FROM json_array_elements(%s::json))"  # noqa: S608

    def json_table(self, columns: Mapping[str, str]) -> str:
        parts = (
            f"(value->>{place})::{db_type} AS {name}"
            for place, (name, db_type) in enumerate(columns.items())
        )
        return f"(SELECT {', '.join(parts)} FROM json_array_elements(%s::json))"  # noqa: S608

    def clock_skew(self) -> timedelta:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())::double precision")
            [seconds] = cursor.fetchone()
        return timedelta(seconds=seconds - time.time())

    def is_passing(self, error: Exception) -> bool:
        return failures.is_passing(error)

    def is_read_only(self, error: Exception) -> bool:
        return failures.is_read_only(error)

    def is_timeout(self, error: Exception) -> bool:
        return failures.is_timeout(error)

    @contextmanager
    def examining(self, seconds: float) -> Iterator[None]:
        with super().examining(seconds):
            examining.limit(self.connection, seconds)
            yield

    def reads_only(self) -> bool:
        return examining.reads_only(self.connection)

    def table_report(self, model: type[Model]) -> TableReport:
        return health.table_report(self.connection, model._meta.db_table)

    def ailments(self, model: type[Model]) -> list[Ailment]:
        return health.ailments(self.connection, model._meta.db_table)

    def create_extension(self) -> None:
        extension.create_extension(self.connection)

    def extension_report(self) -> Extension:
        return extension.report(self.connection)

    def driver(self) -> str:
        from django.db.backends.postgresql.psycopg_any import is_psycopg3

        if is_psycopg3:
            import psycopg

            return f"psycopg {psycopg.__version__}"
        import psycopg2

        return f"psycopg2 {psycopg2.__version__.split()[0]}"
