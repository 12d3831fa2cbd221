"""Indexes of pgvector: their DDL, and the distance that each orders by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db import NotSupportedError
from django.db.models import F, Func
from django.db.models.expressions import ExpressionList
from django.db.models.sql import Query

from hybrid_store.backends.indexes import FilteredSearch, IndexSpec, StoredIndex
from hybrid_store.backends.postgresql.quiet import quiet_cursor
from hybrid_store.backends.postgresql.types import TYPE_NAMES
from hybrid_store.vectors import BIT, HALF, SINGLE, SPARSE

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.backends.ddl_references import Statement
    from django.db.models import Model

__all__ = [
    "INDEX_LIMITS",
    "METHOD_NAMES",
    "METRICS",
    "create_index",
    "indexed_sql",
    "is_invalid",
    "searched",
    "stored_indexes",
]

# The most dimensions an index takes, by precision (pgvector's README, "HNSW" and "IVFFlat").
INDEX_LIMITS = {SINGLE.name: 2000, HALF.name: 4000, BIT.name: 64_000, SPARSE.name: 1_000_000_000}
# Precision -> SQL of what is indexed, where that is not the column itself.
ROUNDED = {
    HALF.name: "({sql})::{schema}halfvec({dimensions})",
    BIT.name: "({schema}binary_quantize({sql}))::bit({dimensions})",
}
OPERATOR_CLASSES = {
    "cosine": "cosine",
    "l2": "l2",
    "l1": "l1",
    "inner_product": "ip",
    "hamming": "hamming",
    "jaccard": "jaccard",
}
METRICS = {name: metric for metric, name in OPERATOR_CLASSES.items()}
METHOD_NAMES = {"hnsw": "HNSW", "ivfflat": "IVFFlat"}
# The column of an index, or those of its expression, as pg_depend knows them: it knows those of a
# condition, too.
STORED = """
SELECT DISTINCT c.relname, a.attname, am.amname, o.opcname, i.indkey[0] = 0, i.indisvalid,
    pg_get_indexdef(c.oid, 1, true), coalesce(pg_get_expr(i.indpred, i.indrelid), '')
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am am ON am.oid = c.relam AND am.amname IN ('hnsw', 'ivfflat')
JOIN pg_opclass o ON o.oid = i.indclass[0]
JOIN pg_depend d ON d.objid = c.oid AND d.refobjid = i.indrelid AND d.refobjsubid > 0
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
WHERE i.indrelid = to_regclass(%s) AND (a.attnum = i.indkey[0]
    OR i.indkey[0] = 0 AND position(quote_ident(a.attname) IN pg_get_indexdef(c.oid, 1, true)) > 0)
ORDER BY c.relname
"""


def stored_indexes(connection: Any, table: str) -> list[StoredIndex]:
    """As the catalogue lists them."""
    with quiet_cursor(connection) as cursor:
        cursor.execute(STORED, [connection.ops.quote_name(table)])
        rows = cursor.fetchall()
    return [
        StoredIndex(
            name=name,
            column=column,
            method=method,
            metric=_metric(operators, is_expression),
            is_valid=valid,
            type_name=operators.partition("_")[0],
            indexed=indexed,
            condition=condition,
            is_expression=is_expression,
        )
        for name, column, method, operators, is_expression, valid, indexed, condition in rows
    ]


def searched(
    connection: Any, index: StoredIndex, search: FilteredSearch, distance: str, exact: bool
) -> list[Any]:
    """`distance` is a template for the vectors `lhs` and `rhs`. An index orders by an operator
    alone: with 0 added to what it gives, it is of no use."""
    quote = connection.ops.quote_name
    table, key, column = quote(search.table), quote(search.key), quote(search.column)
    indexed, condition = (sql.replace("%", "%%") for sql in (index.indexed, index.condition))
    near = f"(SELECT {indexed} FROM {table} WHERE {key} = %s)"  # noqa: S608
    order = distance.format(lhs=f"({indexed})", rhs=near) + (" + 0.0" if exact else "")
    condition = f" AND {condition}" if condition else ""
    sql = (
        f"SELECT {key} FROM {table} WHERE {column} = %s AND {quote(index.column)} IS NOT NULL"  # noqa: S608
        f"{condition} ORDER BY {order} LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [search.value, search.near, search.limit])
        return [found for (found,) in cursor.fetchall()]


def _metric(operator_class: str, is_expression: bool) -> str | None:
    # Classes of others may be called anything.
    kind, _, rest = operator_class.partition("_")
    metric = METRICS.get(rest.removesuffix("_ops"))
    return None if kind == "bit" and is_expression else metric


def is_invalid(connection: Any, name: str) -> bool:
    """Is there an index of that name whose concurrent build has failed?"""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid",
            [connection.ops.quote_name(name)],
        )
        return cursor.fetchone() is not None


def indexed_sql(schema: str, index: IndexSpec, sql: str) -> str:
    """A vector with the precision of the index."""
    template = ROUNDED[index.precision]
    return template.format(sql=sql, schema=schema, dimensions=index.dimensions)


def operator_class(schema: str, index: IndexSpec) -> str:
    """Vectors rounded to bits are ordered by the number of bits that differ."""
    is_rounded = index.precision == BIT.name and index.is_rough
    metric = "hamming" if is_rounded else OPERATOR_CLASSES[index.metric]
    return f"{schema}{TYPE_NAMES[index.precision]}_{metric}_ops"


def create_index(
    model: type[Model], schema_editor: BaseDatabaseSchemaEditor, index: IndexSpec, schema: str
) -> Statement:
    """CREATE INDEX with the operator class of the metric, by stock Django's statement."""
    _check_dimensions(index)
    if index.is_rough:
        # Not fields: an expression, which follows when the column is renamed.
        what: dict[str, Any] = {"expressions": _expression(model, schema_editor, index, schema)}
    else:
        what = {
            "fields": [model._meta.get_field(index.field_name)],
            "opclasses": (operator_class(schema, index),),
        }
    statement: Statement = cast("Any", schema_editor)._create_index_sql(
        model,
        name=index.name,
        using=f" USING {index.method}",
        condition=index.condition_sql,
        concurrently=index.concurrently,
        **what,
    )
    if index.options:
        options = ", ".join(f"{key} = {value}" for key, value in index.options.items())
        parts: dict[str, Any] = statement.parts
        parts["extra"] = f" WITH ({options}){parts['extra']}"
    return statement


def _check_dimensions(index: IndexSpec) -> None:
    limit = INDEX_LIMITS[index.precision]
    if index.dimensions > limit:
        raise NotSupportedError(
            f"PostgreSQL does not support an {METHOD_NAMES[index.method]} index over more than "
            f"{limit} dimensions of {index.precision} precision (index {index.name!r} has "
            f"{index.dimensions})."
        )


def _expression(
    model: type[Model], schema_editor: BaseDatabaseSchemaEditor, index: IndexSpec, schema: str
) -> Any:
    indexed = indexed_sql(schema, index, "%(expressions)s")
    template = f"({indexed}) {operator_class(schema, index)}"
    rounded = Func(F(index.field_name), template=template)
    return ExpressionList(rounded).resolve_expression(Query(model, alias_cols=False))
