"""What PostgreSQL's planner must see to use a partial index, and whether it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

from hybrid_store.backends.postgresql.quiet import quiet_cursor

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.db.models.sql import Query

__all__ = ["compared_rows", "inline", "table_rows", "uses_index"]

# Nodes of a plan above the one whose rows are compared.
SORTING = frozenset({"Limit", "Sort", "Incremental Sort", "Gather Merge", "Subquery Scan"})


def inline(connection: Any, sql: str, params: Sequence[Any]) -> str:
    """`sql` with literals for its parameters, to be executed with other parameters.

    A partial index is used where its condition is proven when the query is planned. Generic plans
    know no parameters, and the types that drivers give to numbers choose other operators.
    """
    from django.db.backends.postgresql.psycopg_any import sql as driver

    literals = (driver.quote(param, connection.connection) for param in params)
    return (sql % tuple(literals)).replace("%", "%%")


def uses_index(connection: Any, queryset: QuerySet[Any], name: str) -> bool:
    """Can a plan of `queryset` use the index? Asked with sequential scans out of the question."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = queryset.using(connection.alias).explain(format="json")
        transaction.set_rollback(True, using=connection.alias)
    return f'"Index Name": {json.dumps(name)}' in plan


def table_rows(connection: Any, table: str) -> int:
    """As the last VACUUM, ANALYZE or index build has counted; 0 if there was none."""
    with quiet_cursor(connection) as cursor:
        name = connection.ops.quote_name(table)
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [name])
        row = cursor.fetchone()
    return max(row[0], 0) if row else 0


def compared_rows(connection: Any, query: Query) -> int:
    """The planner's estimate of the rows that are sorted."""
    [root] = json.loads(query.explain(using=connection.alias, format="json"))
    node: dict[str, Any] = root["Plan"]
    while node["Node Type"] in SORTING and node.get("Plans"):
        node = node["Plans"][-1]
    return int(node["Plan Rows"])
