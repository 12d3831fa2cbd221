"""What PostgreSQL's planner must see to use a partial index, and whether it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

if TYPE_CHECKING:
    from django.db.models import QuerySet

__all__ = ["inline", "uses_index"]


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
